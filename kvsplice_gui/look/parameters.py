"""Every parameter's label, range, unit and help, once."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.codec.kinds import MAX_KNOTS, MIN_KNOTS


@dataclass(frozen=True)
class Parameter:
    """One field of a panel.

    Parameters
    ----------
    label : str
        What stands beside the field.
    help : str
        What it does and in which unit; the tooltip.
    minimum, maximum : int
        Range of a number.
    suffix : str
        Unit shown in the field.
    """

    label: str
    help: str
    minimum: int = 0
    maximum: int = 0
    suffix: str = ""


SOURCE = Parameter(
    "File", "Captured V vectors: .safetensors, .pt, .npy or .npz. Drop a file anywhere."
)
TENSOR = Parameter(
    "Tensor", "Which tensor of the file to read; layers of a model stand in tensors of their own."
)
LAYER = Parameter("Layer", "Index along the tensor's layer axis.", 0, 9_999)
HEAD = Parameter(
    "Head", "One head, or all heads pooled into one set of vectors (one codec for all of them)."
)
AXES = Parameter(
    "Axes",
    "What the tensor's axes mean, in order: layer, batch, head, token, dim. "
    "Empty: taken from the file or inferred from the shape.",
)
BUDGET = Parameter(
    "At most",
    "Vectors to read; from a larger file a seeded sample of whole tokens is taken, in order.",
    1_000,
    5_000_000,
    " vectors",
)
METHODS = Parameter("Compare", "Which methods to calibrate and to draw.")
METHOD = Parameter("Show", "The method in focus: its curves are drawn and its codec is exported.")
K = Parameter(
    "k",
    "Bottleneck dimension: numbers kept of each vector of d. The same k everywhere. "
    "Keys: Ctrl+Left, Ctrl+Right.",
    1,
)
RECIPE = Parameter(
    "Recipe",
    "joint: encoder, decoder, offset and transform learn together, for each k. "
    "origin: PCA and transform alternate, one transform for every k (as published).",
)
KNOTS = Parameter(
    "Knots",
    "Knots of each dimension's spline. "
    "After a result, a change re-calibrates from the present curves.",
    MIN_KNOTS,
    MAX_KNOTS,
)
CURVE = Parameter(
    "Curve",
    "What a spline is made of. linear: straight pieces. rational-quadratic: monotone pieces "
    "without corners (C¹). smooth: straight pieces, changes of slope from knot to knot cost.",
)
PLACEMENT = Parameter(
    "Placement",
    "Where a spline's knots lie: at equally spaced quantiles of each dimension, uniform over its "
    "range, or learnt, starting at the quantiles.",
)
TRANSFORM_AXES = Parameter(
    "Axes",
    "The axes in which a spline or flow sees the vectors: raw, as they are; PCA, turned to the "
    "principal axes; whitened, divided by the standard deviations as well.",
)
COUPLING = Parameter(
    "Coupling",
    "What one half of the dimensions does to the other in a flow. affine: scales and shifts. "
    "rational-quadratic: bends by monotone splines.",
)
KNOTS_OF = Parameter(
    "Knots of",
    "Whose knots a hand can take: of one dimension, or of every dimension, which then move by the "
    "same share of their range. Drag moves, a double click on the curve adds, Delete removes, "
    "the arrows nudge, Tab goes on.",
)
EPOCHS = Parameter("Epochs", "Passes over the training vectors.", 1, 10_000)
SEED = Parameter(
    "Seed", "Seeds shuffling and start values: the same seed gives the same result.", 0, 2**31 - 1
)
DEVICE = Parameter("Device", "Where to compute; auto takes a GPU if there is one.")
MODEL = Parameter("Model", "Whose cache to weigh: a preset, or any model's config.json.")
TOKENS = Parameter("Tokens", "Sequence length.", 1, 100_000_000)
BATCH = Parameter("Batch", "Sequences at once.", 1, 100_000)
KEPT = Parameter(
    "V kept",
    "Tokens whose V is kept at all (token pruning comes first, compression second). 0: all.",
    0,
    100_000_000,
    " tokens",
)
ELEMENT = Parameter("K, V as", "Type of a number in the uncompressed cache, in bytes.")
LATENT = Parameter("Latent as", "Type of a number of the k kept, in bytes.")
CAPTURE_MODEL = Parameter(
    "Model",
    "Which language model reads: gpt2-mini (bundled, offline), a folder with config.json and "
    "safetensors, or a hub id such as gpt2.",
)
CAPTURE_TEXT = Parameter(
    "Text",
    "What it reads: UTF-8 text files, one document each; a folder stands for its .txt files. "
    "Drop files here; Delete removes the chosen ones.",
)
CAPTURE_TOKENS = Parameter(
    "Tokens",
    "Token budget of each layer, spread over the documents in proportion to their length.",
    16,
    100_000_000,
    " tokens",
)
CAPTURE_SIDES = Parameter("Vectors", "Which vectors of the cache to store.")
CAPTURE_KEYS = Parameter(
    "K as",
    "K with its rotary position embedding (RoPE), as the cache holds it, or as it was before; "
    "only for models that have one.",
)
CAPTURE_LAYERS = Parameter("Layers", "Layers to store, for example 0-3, 5. Empty: all.")
CAPTURE_DTYPE = Parameter(
    "Numbers", "Type of a stored number, 2 bytes; bfloat16 holds larger ones, less exactly."
)
CAPTURE_ATTENTION = Parameter(
    "Also", "Store for each token the mean of the squared attention it receives; takes longer."
)
CAPTURE_FILE = Parameter("Write to", "The .safetensors file to write; it is opened when done.")
DIMS = Parameter(
    "Dimensions", "Dimensions whose splines are drawn, for example 0-3, 17. At most 8."
)
QUALITY_MODEL = Parameter(
    "Model",
    "The model to read with: gpt2-mini (bundled), a folder with config.json, or a hub id such as "
    "gpt2. Empty: the one the capture was made from.",
)
QUALITY_TEXT = Parameter(
    "Text",
    "Held-out text, one document a file: what was captured must not be among it. "
    "Empty: the bundled held-out books, for gpt2-mini only.",
)
QUALITY_TOKENS = Parameter(
    "Score",
    "Most tokens to score, spread over the documents in proportion to their length.",
    256,
    10_000_000,
    " tokens",
)
QUALITY_MODE = Parameter(
    "Mode",
    "strict: every token, the current one too, is read compressed. "
    "window: the first 4 tokens and the newest ones stay raw.",
)
QUALITY_WINDOW = Parameter("Window", "Newest tokens that stay raw.", 1, 1_000_000, " tokens")
QUALITY_SIDE = Parameter("Compress", "V, K or both, of what the capture holds.")
FRONTIER_PIPELINES = Parameter(
    "Pipelines",
    "Which pipelines are measured: grouping of heads, axes, transform, decoder, quantizer. "
    "What they are compared with (PCA of each head, plain rounding) is always measured.",
)
FRONTIER_TYPED = Parameter(
    "Add",
    "Type a pipeline as words joined by +, for example joined+output+lloyd-max, and press Return. "
    "Words: each, pooled, joined, blocks:N; raw, pca-axes, whitened, output; pca, spline, flow; "
    "linear, quadratic, polynomial, mlp; fp16, int8, int4, rounding, lloyd-max, companded.",
)
FRONTIER_BITS = Parameter(
    "Bits",
    "Budgets in bits per value, everything counted, above 0 and at most 16: for example "
    "1, 2, 2.5, 4.",
)
FRONTIER_MEASURE = Parameter(
    "On y",
    "NMSE: error over variance. Where the model was measured also the error weighted by attention, "
    "the error after W_O, and ΔNLL and KL in nats per token.",
)
FRONTIER_BUDGET = Parameter(
    "Budget", "Bits per value you can afford; the best pipeline within them is named."
)
SOLVE_BITS = Parameter(
    "Budget: bits per value",
    "Mean bits per value to share among all heads, everything counted, above 0 and at most 16; the "
    "same as the slider's.",
)
SOLVE_LOSS = Parameter(
    "Largest ΔNLL, nats per token",
    "Find the fewest bits whose ΔNLL, the upper end of its 95 % interval over the documents, is at "
    "most this; above 0, in nats per token.",
)
SOLVE_SIDE = Parameter(
    "Compress", "V, K or both, of what the capture holds; what is not compressed stays dense."
)
SOLVE_KEY_BITS = Parameter(
    "Bits of K",
    "Bits per value of K alone, above 0 and at most 16; the budget is V's then. Empty: V and K "
    "share one budget.",
)
UPDATE_CODEC = Parameter(
    "Codec", "A codec saved by Export or by kvsplice fit, with the history of its vectors."
)
UPDATE_FORGET = Parameter(
    "Forget",
    "How much less the earlier vectors weigh: at 0 % all vectors weigh the same, at 100 % only "
    "the open ones count.",
    0,
    100,
    " %",
)
