"""What a user can set: frozen values, free of Qt and of torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.data.capture import CaptureFacts, Sides
from kvsplice_core.data.model_shape import load_model_shape
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import DEFAULT_BITS, FrontierSpec
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_core.tasks.solve import SolveSpec
from kvsplice_core.tasks.sweep import DEFAULT_KS, SweepSpec
from kvsplice_core.tasks.training import PIPELINE_RECIPE, RECIPE_DEFAULTS, CalibrationSpec


@dataclass(frozen=True)
class DataWish:
    """Which vectors to read; the fields are those of ``load_values``."""

    source: str = ""
    tensor: str | None = None
    layer: int | None = None
    head: int | None = None
    pool_heads: bool = False
    axes: str | None = None
    budget: int = SAMPLE_BUDGET
    seed: int = 0


@dataclass(frozen=True)
class MemoryWish:
    """Which cache to weigh.

    Parameters
    ----------
    model : str
        A preset's key or the path of a ``config.json``.
    tokens, batch : int
        Sequence length and sequences at once.
    kept_tokens : int or None
        Tokens whose V is kept at all; None for all.
    element_bytes, latent_bytes : int
        Bytes of a number of K and V, and of a compressed one.
    """

    model: str = "gpt2"
    tokens: int = 1024
    batch: int = 1
    kept_tokens: int | None = None
    element_bytes: int = 2
    latent_bytes: int = 2


QUALITY_MEASURES = ("nll", "kl")


@dataclass(frozen=True)
class QualityWish:
    """How quality is to be measured.

    Parameters
    ----------
    model : str
        ``gpt2-mini``, a folder or a hub id; empty for the model of the open capture.
    texts : tuple of str
        Held-out text files, one document each; empty for the bundled model's own books.
    tokens : int
        Most tokens to score.
    mode : str
        ``strict`` or ``window``; see `EvalSpec`.
    window : int
        Newest tokens that stay raw in mode ``window``.
    side : str
        ``v``, ``k`` or ``both``; empty for whatever the capture holds.
    """

    model: str = ""
    texts: tuple[str, ...] = ()
    tokens: int = EvalSpec.tokens
    mode: str = EvalSpec.mode
    window: int = EvalSpec.window
    side: str = ""

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
    """What is to be measured, and how it is looked at.

    Parameters
    ----------
    pipelines : tuple of str
        Keys of those that are measured.
    typed : tuple of str
        Keys of those a hand added to the usual ones, measured or not.
    bits : tuple of float
        Budgets, bits per value.
    through_model : bool
        Whether the model of an open capture is measured too.
    surrogate : bool
        Whether a Gaussian surrogate is fitted beside; takes twice as long.
    measure : str
        ``nmse``, ``nll`` or ``kl``: what stands on y.
    log : bool
        Whether y is logarithmic.
    budget : float
        Where the budget slider stands, bits per value.
    """

    pipelines: tuple[str, ...] = _DEFAULT_KEYS
    typed: tuple[str, ...] = ()
    bits: tuple[float, ...] = DEFAULT_BITS
    through_model: bool = True
    surrogate: bool = False
    measure: str = "nmse"
    log: bool = True
    budget: float = 2.5

    @property
    def known(self) -> tuple[str, ...]:
        """Keys of all that may be chosen: the usual ones, then those typed."""
        return tuple(dict.fromkeys((*_DEFAULT_KEYS, *self.typed)))

    def spec(self, seed: int, device: str) -> FrontierSpec:
        """Return the frontier these wishes ask for; transforms are learnt as published.

        Raises
        ------
        SpecError
            If a pipeline or a budget is none, or there are none.
        """
        chosen = [key for key in self.known if key in self.pipelines]
        return FrontierSpec(
            pipelines=tuple(Pipeline.of(key) for key in chosen),
            bits=self.bits,
            calibration=CalibrationSpec(recipe=PIPELINE_RECIPE, seed=seed, device=device),
            surrogate=self.surrogate,
        )

    def require_valid(self) -> None:
        """Refuse what cannot be measured or shown.

        Raises
        ------
        SpecError
            If a pipeline or a budget is none, or there are none.
        ValueError
            If the measure is none.
        """
        self.spec(0, "auto")
        SolveSpec(bits=self.budget)
        tuple(MEASURES).index(self.measure)


@dataclass(frozen=True)
class SolveWish:
    """What is to be solved for; the budget of V is that of the slider.

    Parameters
    ----------
    by_loss : bool
        Whether the fewest bits within a loss are looked for, rather than a budget shared.
    max_dnll : float
        That loss: the largest ΔNLL, the upper end of its 95 % interval, nats per token.
    side : str
        ``v``, ``k`` or ``both``: what is compressed, where the capture holds it.
    key_bits : float or None
        Bits per value of K alone, where both sides are compressed; None shares those of V.
    """

    by_loss: bool = False
    max_dnll: float = 0.05
    side: str = "v"
    key_bits: float | None = None

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

    def require_valid(self) -> None:
        """Refuse what cannot be solved for.

        Raises
        ------
        SpecError
            If a budget, a loss or a side is none.
        """
        SolveSpec(max_dnll=self.max_dnll)
        SolveSpec(bits=1.0, key_bits=self.key_bits, sides=Sides.BOTH)
        if self.side not in {side.value for side in Sides}:
            raise SpecError(f"the side must be v, k or both; got {self.side!r}")


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
        knots=wishes.knots,
        method=wishes.method,
        per_head_codecs=not wishes.data.pool_heads,
        curve=wishes.curve,
        axes=wishes.axes,
        coupling=wishes.coupling,
    )


@dataclass(frozen=True)
class ViewWish:
    """How to look at it."""

    dims: tuple[int, ...] = (0, 1, 2, 3)
    log_mse: bool = True
    theme: str = "system"
    quality_measure: str = QUALITY_MEASURES[0]
    log_quality: bool = True
    sensitivity_side: str = "v"
    given_side: str = "v"


@dataclass(frozen=True)
class Wishes:
    """Everything a user can set.

    Parameters
    ----------
    data : DataWish
        The vectors.
    methods : tuple of Method
        Methods to compare; PCA is always among them.
    method : Method
        The one in focus: its curves are drawn, it is exported.
    k : int
        Bottleneck dimension, the same everywhere.
    recipe, knots, epochs, seed, device, curve, knot_placement, axes, coupling
        See `CalibrationSpec`.
    memory, quality, frontier, solve, view
        See their classes.
    """

    data: DataWish = field(default_factory=DataWish)
    methods: tuple[Method, ...] = tuple(Method)
    method: Method = Method.SPLINE
    k: int = 16
    recipe: Recipe = Recipe.JOINT
    knots: int = RECIPE_DEFAULTS[Recipe.JOINT].knots
    epochs: int = RECIPE_DEFAULTS[Recipe.JOINT].epochs
    seed: int = 5
    device: str = "auto"
    curve: Curve = Curve.LINEAR
    knot_placement: KnotPlacement = KnotPlacement.QUANTILES
    axes: Axes = Axes.RAW
    coupling: CouplingKind = CouplingKind.AFFINE
    memory: MemoryWish = field(default_factory=MemoryWish)
    quality: QualityWish = field(default_factory=QualityWish)
    frontier: FrontierWish = field(default_factory=FrontierWish)
    solve: SolveWish = field(default_factory=SolveWish)
    view: ViewWish = field(default_factory=ViewWish)

    @property
    def calibration(self) -> CalibrationSpec:
        """The calibration these wishes ask for."""
        return CalibrationSpec(
            method=self.method,
            k=self.k,
            recipe=self.recipe,
            knots=self.knots,
            epochs=self.epochs,
            seed=self.seed,
            device=self.device,
            curve=self.curve,
            knot_placement=self.knot_placement,
            axes=self.axes,
            coupling=self.coupling,
        )

    def sweep(self, dim: int) -> SweepSpec:
        """Return the sweep over the usual k up to `dim`, and the chosen one, which comes first."""
        ks = {k for k in DEFAULT_KS if k <= dim} | {min(self.k, dim)}
        return SweepSpec(self.methods, tuple(ks), self.calibration, first_k=min(self.k, dim))
