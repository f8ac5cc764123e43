"""What a user may ask for: frozen, validated, and resolved to concrete numbers."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import (
    MAX_KNOTS,
    MIN_KNOTS,
    Axes,
    CouplingKind,
    Curve,
    KnotPlacement,
    Method,
    Recipe,
)
from kvsplice_core.codec.transforms.spec import TransformSpec

MOST_DPI = 1_200  # a figure of a few inches is 100 megapixels there
DEVICES = ("auto", "cpu", "cuda", "mps")


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

    @property
    def transform(self) -> TransformSpec:
        """What the transform is made of."""
        return TransformSpec(
            recipe=self.recipe,
            axes=self.axes,
            knots=self.resolved_knots,
            curve=self.curve,
            knot_placement=self.knot_placement,
            coupling=self.coupling,
        )

    def resolved_batch_size(self, n_vectors: int) -> int:
        """Vectors a step for `n_vectors` training vectors.

        ``origin`` uses 256. ``joint`` grows the batch with the data, n/32 between 256 and 4096,
        so that a large capture takes no more steps an epoch than a small one.
        """
        if self.batch_size is not None:
            return min(self.batch_size, n_vectors)
        grown = 256 if self.recipe is Recipe.ORIGIN else min(4096, max(256, n_vectors // 32))
        return min(grown, n_vectors)
