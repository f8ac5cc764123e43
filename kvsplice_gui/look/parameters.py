"""Fields that no option of a spec stands for: their label, range, unit and help, once."""

from __future__ import annotations

from kvsplice_core.base.options import Option

METHOD = Option("Show", "the method in focus: its curves are drawn and its codec is exported")
KNOTS_OF = Option(
    "Knots of",
    "whose knots a hand can take: of one dimension, or of every dimension, which then move by the "
    "same share of their range. Drag moves, a double click on the curve adds, Delete removes, "
    "the arrows nudge, Tab goes on",
)
HEAD = Option(
    "Head", "one head, or all heads pooled into one set of vectors (one codec for all of them)"
)
CAPTURE_KEYS = Option(
    "K as",
    "K with its rotary position embedding (RoPE), as the cache holds it, or as it was before; "
    "only for models that have one",
)
CAPTURE_FILE = Option("Write to", "the .safetensors file to write; it is opened when done")
SOLVE_BITS = Option(
    "Budget: bits per value",
    "mean bits per value to share among all heads, everything counted, above 0 and at most 16; the "
    "same as the slider's",
)
UPDATE_CODEC = Option(
    "Codec", "a codec saved by Export or by kvsplice fit, with the history of its vectors"
)
UPDATE_FORGET = Option(
    "Forget",
    "how much less the earlier vectors weigh: at 0 % all vectors weigh the same, at 100 % only "
    "the open ones count",
    low=0,
    high=100,
    suffix=" %",
)
