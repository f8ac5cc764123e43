"""What a user may ask for: frozen, validated, and resolved to concrete numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from kvsplice_core.axes import Axes
from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method

MIN_KNOTS = 3
MAX_KNOTS = 64
SAMPLE_BUDGET = 120_000
MOST_DPI = 1_200  # a figure of a few inches is 100 megapixels there
DEFAULT_KS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
DEVICES = ("auto", "cpu", "cuda", "mps")


class Recipe(StrEnum):
    """How a transform is calibrated.

    ``ORIGIN`` alternates: PCA is refitted once an epoch and held constant while the transform
    learns, once for all k. ``JOINT`` learns encoder, decoder, offset and transform together,
    once for each k, starting at PCA.
    """

    ORIGIN = "origin"
    JOINT = "joint"


class Curve(StrEnum):
    """What the curve of a spline is made of.

    ``LINEAR``: straight pieces (C⁰). ``RATIONAL_QUADRATIC``: monotone rational-quadratic pieces
    (C¹). ``SMOOTH``: straight pieces whose change of slope from knot to knot costs something.
    """

    LINEAR = "linear"
    RATIONAL_QUADRATIC = "rational-quadratic"
    SMOOTH = "smooth"


class KnotPlacement(StrEnum):
    """Where the knots of a spline lie.

    ``QUANTILES`` of each dimension, ``UNIFORM`` over its range, or ``LEARNT``: started at the
    quantiles and moved with the slopes.
    """

    QUANTILES = "quantiles"
    UNIFORM = "uniform"
    LEARNT = "learnt"


class CouplingKind(StrEnum):
    """What one half of the dimensions does to the other in a flow.

    ``AFFINE`` scales and shifts it; ``RATIONAL_QUADRATIC`` bends it by monotone splines.
    """

    AFFINE = "affine"
    RATIONAL_QUADRATIC = "rational-quadratic"


@dataclass(frozen=True)
class RecipeDefaults:
    """The numbers a recipe uses where the user names none."""

    knots: int
    epochs: int


RECIPE_DEFAULTS = {
    Recipe.ORIGIN: RecipeDefaults(knots=7, epochs=12),
    Recipe.JOINT: RecipeDefaults(knots=16, epochs=40),
}


PIPELINE_RECIPE = Recipe.ORIGIN
"""How the transforms of pipelines learn unless a recipe is asked for: one serves every budget."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)


@dataclass(frozen=True)
class CalibrationSpec:
    """One calibration.

    Parameters
    ----------
    method : Method
        The transform in front of PCA.
    k : int
        Bottleneck dimension, numbers kept per vector; 1 … d.
    recipe : Recipe
        How the transform learns.
    knots : int, optional
        Knots per dimension of a spline, 3 … 64; the recipe's default when omitted.
    epochs : int, optional
        Passes over the training vectors, ≥ 1; the recipe's default when omitted.
    seed : int
        Seeds the shuffling and the start values.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    batch_size : int, optional
        Vectors a step, ≥ 1; when omitted 256, and for ``joint`` on many vectors more.
    k_train : int
        The k at which ``origin`` trains its transform (one transform serves every k).
    train_fraction : float
        Share of the vectors, first in order, used to calibrate; the rest is the test part.
    validation_fraction : float
        Share of the training part, last in order, that decides between the method and PCA.
    curve : Curve
        What the curve of a spline is made of.
    knot_placement : KnotPlacement
        Where the knots of a spline lie.
    axes : Axes
        The basis in front of a spline or flow.
    coupling : CouplingKind
        The couplings of a flow.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    """

    method: Method = Method.SPLINE
    k: int = 16
    recipe: Recipe = Recipe.JOINT
    knots: int | None = None
    epochs: int | None = None
    seed: int = 5
    device: str = "auto"
    batch_size: int | None = None
    k_train: int = 16
    train_fraction: float = 0.75
    validation_fraction: float = 0.1
    curve: Curve = Curve.LINEAR
    knot_placement: KnotPlacement = KnotPlacement.QUANTILES
    axes: Axes = Axes.RAW
    coupling: CouplingKind = CouplingKind.AFFINE

    def __post_init__(self) -> None:
        _require(self.k >= 1, f"k must be at least 1; got {self.k}")
        _require(self.k_train >= 1, f"k_train must be at least 1; got {self.k_train}")
        _require(
            self.knots is None or MIN_KNOTS <= self.knots <= MAX_KNOTS,
            f"knots must lie between {MIN_KNOTS} and {MAX_KNOTS}; got {self.knots}",
        )
        _require(
            self.epochs is None or self.epochs >= 1,
            f"epochs must be at least 1; got {self.epochs}",
        )
        _require(
            self.batch_size is None or self.batch_size >= 1,
            f"the batch size must be at least 1; got {self.batch_size}",
        )
        _require(0 <= self.seed < 2**31, f"the seed must lie in 0 … 2³¹−1; got {self.seed}")
        _require(
            self.device.split(":")[0] in DEVICES,
            f"the device must be one of {', '.join(DEVICES)} or cuda:N; got {self.device!r}",
        )
        _require(
            0 < self.train_fraction < 1,
            f"the training share must lie between 0 and 1; got {self.train_fraction}",
        )
        _require(
            0 < self.validation_fraction < 1,
            f"the validation share must lie between 0 and 1; got {self.validation_fraction}",
        )

    @property
    def resolved_knots(self) -> int:
        """Knots per dimension, the recipe's default filled in."""
        return RECIPE_DEFAULTS[self.recipe].knots if self.knots is None else self.knots

    @property
    def resolved_epochs(self) -> int:
        """Epochs, the recipe's default filled in."""
        return RECIPE_DEFAULTS[self.recipe].epochs if self.epochs is None else self.epochs

    def resolved_batch_size(self, n_vectors: int) -> int:
        """Vectors a step for `n_vectors` training vectors.

        ``origin`` uses 256. ``joint`` grows the batch with the data, n/32 between 256 and 4096,
        so that a large capture takes no more steps an epoch than a small one.
        """
        if self.batch_size is not None:
            return min(self.batch_size, n_vectors)
        grown = 256 if self.recipe is Recipe.ORIGIN else min(4096, max(256, n_vectors // 32))
        return min(grown, n_vectors)


@dataclass(frozen=True)
class SweepSpec:
    """Several methods at several k on the same vectors.

    Parameters
    ----------
    methods : tuple of Method
        In the order they are computed; PCA is always computed too, as the reference.
    ks : tuple of int
        Bottleneck dimensions, each 1 … d; sorted and freed of repeats.
    calibration : CalibrationSpec
        Everything else; its ``method`` and ``k`` are set for each row in turn.
    first_k : int, optional
        The k to compute first (the GUI's chosen one); the results do not depend on it.
    earlier_knots : tuple of int
        For splines of recipe ``joint``: knots calibrated with before, first to last, each run
        warm-started from the one before and the last one handing its curves on. This is what
        moving the knots by hand does, and how it is repeated.

    Raises
    ------
    SpecError
        If no method or no k is given, or a k is below 1.
    """

    methods: tuple[Method, ...] = tuple(Method)
    ks: tuple[int, ...] = DEFAULT_KS
    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)
    first_k: int | None = None
    earlier_knots: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _require(len(self.methods) > 0, "a sweep needs at least one method; got none")
        _require(len(self.ks) > 0, "a sweep needs at least one k; got none")
        _require(min(self.ks) >= 1, f"k must be at least 1; got {min(self.ks)}")
        for knots in self.earlier_knots:
            replace(self.calibration, knots=knots)  # the range of knots stands there
        object.__setattr__(self, "ks", tuple(sorted(set(self.ks))))
        wanted = (Method.PCA, *self.methods)
        object.__setattr__(self, "methods", tuple(dict.fromkeys(wanted)))

    def at(self, method: Method, k: int) -> CalibrationSpec:
        """Return the calibration of one row."""
        return replace(self.calibration, method=method, k=k)

    @property
    def ordered_ks(self) -> tuple[int, ...]:
        """The ks, the wished one first."""
        if self.first_k not in self.ks:
            return self.ks
        return (self.first_k, *(k for k in self.ks if k != self.first_k))
