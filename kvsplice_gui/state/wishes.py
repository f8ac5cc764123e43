"""What a user can set: frozen values, free of Qt and of torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import entries, option, part, require_ranges, shared, text_of
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.data.capture import CaptureFacts, Sides
from kvsplice_core.data.model_shape import load_model_shape
from kvsplice_core.data.source import VectorSource
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_core.tasks.curve import SIDES
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import FrontierSpec
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_core.tasks.reading import MODEL_HELP
from kvsplice_core.tasks.solve import MOST_BITS, SolveSpec
from kvsplice_core.tasks.sweep import DEFAULT_KS, SweepSpec
from kvsplice_core.tasks.training import PIPELINE_RECIPE, CalibrationSpec
from kvsplice_gui.look.theme_choice import ThemeChoice


@dataclass(frozen=True)
class DataWish:
    """Which vectors to read; the fields are those of ``load_values``."""

    source: str = option(
        "File",
        "captured V vectors: .safetensors, .pt, .npy or .npz. Drop a file anywhere",
        "",
    )
    tensor: str | None = shared(VectorSource, "tensor")
    layer: int | None = shared(VectorSource, "layer")
    head: int | None = shared(VectorSource, "head")
    pool_heads: bool = shared(VectorSource, "pool_heads")
    axes: str | None = shared(VectorSource, "axes")
    budget: int = shared(VectorSource, "budget")
    seed: int = shared(VectorSource, "seed")


@dataclass(frozen=True)
class MemoryWish:
    """Which cache to weigh."""

    model: str = option(
        "Model", "whose cache to weigh: a preset, or any model's config.json", "gpt2"
    )
    tokens: int = option("Tokens", "sequence length", 1024, low=1, high=100_000_000)
    batch: int = option("Batch", "sequences at once", 1, low=1, high=100_000)
    kept_tokens: int | None = option(
        "V kept",
        "tokens whose V is kept at all (token pruning comes first, compression second)",
        None,
        low=1,
        high=100_000_000,
        unset="all tokens",
        suffix=" tokens",
    )
    element_bytes: int = option(
        "K, V as", "type of a number in the uncompressed cache, in bytes", 2
    )
    latent_bytes: int = option("Latent as", "type of a number of the k kept, in bytes", 2)


QUALITY_MEASURES = ("nll", "kl")


@dataclass(frozen=True)
class QualityWish:
    """How quality is to be measured; an empty side stands for whatever the capture holds."""

    model: str = option("Model", MODEL_HELP, "", unset="the one the capture was made from")
    texts: tuple[str, ...] = option(
        "Text",
        "held-out text, one document a file: what was captured must not be among it",
        (),
        unset="the held-out books of gpt2-mini",
    )
    tokens: int = shared(EvalSpec, "tokens")
    mode: str = shared(EvalSpec, "mode")
    window: int = shared(EvalSpec, "window")
    side: str = option(
        "Compress", "V, K or both, of what the capture holds", "", choices=("", *SIDES)
    )

    def __post_init__(self) -> None:
        require_ranges(self)

    @property
    def evaluation(self) -> EvalSpec:
        """How each card is evaluated."""
        return EvalSpec(mode=self.mode, window=self.window, tokens=self.tokens)

    def side_of(self, facts: CaptureFacts) -> str:
        """Return the side to compress: the wished one where the capture holds it."""
        held = facts.sides.value
        return self.side if self.side and held in (self.side, "both") else held

    def model_of(self, facts: CaptureFacts) -> str:
        """Return the model to load."""
        return self.model or facts.model.name


LEAST_BUDGET, MOST_BUDGET = 1.0, 8.0
"""Ends of the budget slider, bits per value."""
_DEFAULT_KEYS = tuple(pipeline.key for pipeline in DEFAULT_PIPELINES)


@dataclass(frozen=True)
class FrontierWish:
    """What is to be measured, and how it is looked at; pipelines by their keys."""

    pipelines: tuple[str, ...] = option(
        "Pipelines",
        "which pipelines are measured: grouping of heads, axes, transform, decoder, quantizer. "
        "What they are compared with (PCA of each head, plain rounding) is always measured",
        _DEFAULT_KEYS,
    )
    typed: tuple[str, ...] = option(
        "Add",
        "type a pipeline as words joined by +, for example joined+output+lloyd-max, and press "
        "Return. Words: each, pooled, joined, blocks:N; raw, pca-axes, whitened, output; pca, "
        "spline, flow; linear, quadratic, polynomial, mlp; fp16, int8, int4, rounding, "
        "lloyd-max, companded",
        (),
    )
    bits: tuple[float, ...] = shared(FrontierSpec, "bits")
    through_model: bool = option(
        "Through the model", "measure the model of an open capture too", default=True
    )
    surrogate: bool = shared(FrontierSpec, "surrogate")
    measure: str = option(
        "On y",
        "NMSE: error over variance. Where the model was measured also the error weighted by "
        "attention, the error after W_O, and ΔNLL and KL in nats per token",
        "nmse",
        choices=tuple(MEASURES),
    )
    log: bool = option("Logarithmic y", "whether y is logarithmic", default=True)
    budget: float = option(
        "Budget",
        "bits per value you can afford; the best pipeline within them is named",
        2.5,
        above=0,
        high=MOST_BITS,
    )

    def __post_init__(self) -> None:
        require_ranges(self)

    @property
    def known(self) -> tuple[str, ...]:
        """Keys of all that may be chosen: the usual ones, then those typed."""
        return tuple(dict.fromkeys((*_DEFAULT_KEYS, *self.typed)))

    def spec(self, calibration: CalibrationSpec) -> FrontierSpec:
        """Return the frontier these wishes ask for.

        Raises
        ------
        SpecError
            If a pipeline or a budget is none, or there are none.
        """
        chosen = [key for key in self.known if key in self.pipelines]
        return FrontierSpec(
            pipelines=tuple(Pipeline.of(key) for key in chosen),
            bits=self.bits,
            calibration=calibration,
            surrogate=self.surrogate,
        )


@dataclass(frozen=True)
class SolveWish:
    """What is to be solved for; the budget of V is that of the slider."""

    by_loss: bool = option(
        "By loss", "look for the fewest bits within a loss, not share a budget", default=False
    )
    max_dnll: float = option(
        "Largest ΔNLL",
        "find the fewest bits whose ΔNLL, the upper end of its 95 % interval over the documents, "
        "is at most this; above 0, in nats per token",
        0.05,
        above=0,
    )
    side: str = option(
        "Compress",
        "V, K or both, of what the capture holds; what is not compressed stays dense",
        "v",
        choices=SIDES,
    )
    key_bits: float | None = option(
        "Bits of K",
        "bits per value of K alone, above 0 and at most 16; the budget is V's then",
        None,
        above=0,
        high=MOST_BITS,
        unset="V and K share one budget",
    )

    def __post_init__(self) -> None:
        require_ranges(self)

    def sides_of(self, facts: CaptureFacts) -> Sides:
        """Return the wished side where the capture holds it, else what it holds."""
        held = facts.sides
        return Sides(self.side) if held.value in (self.side, "both") else held

    def spec(self, bits: float, facts: CaptureFacts) -> SolveSpec:
        """Return what is solved for with `bits` per value on the slider; its bounds and sides."""
        sides = self.sides_of(facts)
        if self.by_loss:
            return SolveSpec(max_dnll=self.max_dnll, sides=sides)
        return SolveSpec(
            bits=bits, key_bits=self.key_bits if sides is Sides.BOTH else None, sides=sides
        )


def memory_spec(wishes: Wishes, k: int) -> MemorySpec:
    """Return the cache to weigh at `k`.

    Raises
    ------
    ModelShapeError
        If the model's ``config.json`` cannot be read.
    """
    memory = wishes.memory
    shape = load_model_shape(memory.model)
    return MemorySpec(
        shape=shape,
        tokens=memory.tokens,
        batch=memory.batch,
        k=min(k, shape.head_dim),
        kept_tokens=memory.kept_tokens,
        element_bytes=memory.element_bytes,
        latent_bytes=memory.latent_bytes,
        knots=wishes.calibration.resolved_knots,
        method=wishes.method,
        per_head_codecs=not wishes.data.pool_heads,
        curve=wishes.calibration.curve,
        axes=wishes.calibration.axes,
        coupling=wishes.calibration.coupling,
    )


@dataclass(frozen=True)
class ViewWish:
    """How to look at it."""

    dims: tuple[int, ...] = option(
        "Dimensions",
        "dimensions whose splines are drawn, for example 0-3, 17. At most 8",
        (0, 1, 2, 3),
    )
    log_mse: bool = option("Logarithmic MSE", "whether MSE is logarithmic", default=True)
    theme: str = option("Theme", "colours of the window", "system", choices=tuple(ThemeChoice))
    quality_measure: str = option(
        "Quality on y", "ΔNLL or KL", QUALITY_MEASURES[0], choices=QUALITY_MEASURES
    )
    log_quality: bool = option("Logarithmic quality", "whether it is logarithmic", default=True)
    sensitivity_side: str = option("Side of sensitivity", "V or K", "v", choices=("v", "k"))
    given_side: str = option("Side of given bits", "V or K", "v", choices=("v", "k"))

    def __post_init__(self) -> None:
        require_ranges(self)


def _usual_calibration() -> CalibrationSpec:
    return CalibrationSpec().filled_in


@dataclass(frozen=True)
class Wishes:
    """Everything a user can set.

    Parameters
    ----------
    data : DataWish
        The vectors.
    methods : tuple of Method
        Methods to compare; PCA is always among them.
    calibration : CalibrationSpec
        How they are calibrated, knots and epochs as numbers; its method is the one in focus,
        whose curves are drawn and which is exported, and its k is the same everywhere.
    memory, quality, frontier, solve, view
        See their classes.
    """

    data: DataWish = part(DataWish)
    methods: tuple[Method, ...] = shared(SweepSpec, "methods")
    calibration: CalibrationSpec = part(_usual_calibration)
    memory: MemoryWish = part(MemoryWish)
    quality: QualityWish = part(QualityWish)
    frontier: FrontierWish = part(FrontierWish)
    solve: SolveWish = part(SolveWish)
    view: ViewWish = part(ViewWish)

    def __post_init__(self) -> None:
        object.__setattr__(self, "calibration", self.calibration.filled_in)

    @property
    def method(self) -> Method:
        """The method in focus."""
        return self.calibration.method

    @property
    def k(self) -> int:
        """Bottleneck dimension."""
        return self.calibration.k

    @property
    def pipeline_calibration(self) -> CalibrationSpec:
        """How the transforms of pipelines are learnt: as published, with this seed and machine."""
        own = self.calibration
        return CalibrationSpec(
            recipe=PIPELINE_RECIPE, seed=own.seed, device=own.device, threads=own.threads
        )

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - fields, those of a calibration too
        """Return the same wishes with fields changed; those of the calibration by their names."""
        own = {entry.name for entry in entries(type(self.calibration))}
        learnt = {name: changes.pop(name) for name in own.intersection(changes)}
        if learnt:
            changes["calibration"] = replace(self.calibration, **learnt)
        return replace(self, **changes)

    def require_valid(self) -> None:
        """Refuse what lies in range and yet cannot be done.

        Raises
        ------
        SpecError
            If a choice needs a model, a pipeline is none, or there are no pipelines or no budgets.
        """
        for entry in entries(type(self.calibration)):
            chosen = text_of(getattr(self.calibration, entry.name))
            if entry.choices and chosen not in entry.choices:
                known = ", ".join(entry.choices)
                raise SpecError(f"{entry.noun} must be one of {known}; got {chosen!r}")
        self.frontier.spec(self.pipeline_calibration)

    def sweep(self, dim: int) -> SweepSpec:
        """Return the sweep over the usual k up to `dim`, and the chosen one, which comes first."""
        ks = {k for k in DEFAULT_KS if k <= dim} | {min(self.k, dim)}
        return SweepSpec(self.methods, tuple(ks), self.calibration, first_k=min(self.k, dim))
