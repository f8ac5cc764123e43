"""What a user may ask for: frozen, validated, and resolved to concrete numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, require_ranges, settings
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


def _heeding(name: str) -> tuple[str, ...]:
    """Return the keys of the methods that an option shapes."""
    return tuple(method.key for method in Method if name in method.heeds)


def _by_recipe(name: str) -> str:
    """Return in words what each recipe uses for a field that is not given."""
    return ", ".join(
        f"{recipe.value} {getattr(usual, name)}" for recipe, usual in RECIPE_DEFAULTS.items()
    )


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

    method: Method = option(
        "Method", "the transform in front of PCA", Method.SPLINE, metavar="METHOD"
    )
    k: int = option("k", "bottleneck dimension, numbers kept per vector", 16, metavar="K", low=1)
    recipe: Recipe = option(
        "Recipe",
        "joint: encoder, decoder, offset and transform learn together, for each k; origin: PCA "
        "refitted each epoch, one transform for all k (as published)",
        Recipe.JOINT,
        is_always_written=True,
    )
    knots: int | None = option(
        "Knots",
        "knots of each dimension's spline",
        None,
        metavar="K",
        low=MIN_KNOTS,
        high=MAX_KNOTS,
        unset=_by_recipe("knots"),
        heeded_by=_heeding("knots"),
    )
    epochs: int | None = option(
        "Epochs",
        "passes over the training vectors",
        None,
        metavar="N",
        low=1,
        unset=_by_recipe("epochs"),
    )
    seed: int = option(
        "Seed",
        "seeds shuffling and start values: the same seed gives the same result",
        5,
        metavar="S",
        low=0,
        high=2**31 - 1,
    )
    device: str = option(
        "Device", "where to compute: auto (a GPU if there is one), cpu, cuda, cuda:N or mps", "auto"
    )
    batch_size: int | None = option(
        "Batch size",
        "vectors a step",
        None,
        metavar="N",
        low=1,
        unset="256; joint grows it with the vectors",
    )
    k_train: int = option(
        "k of training", "the k at which origin trains its transform", 16, metavar="K", low=1
    )
    train_fraction: float = option(
        "Training share",
        "share of the vectors, first in order, to calibrate on; the rest is the test part",
        0.75,
        metavar="F",
        above=0,
        below=1,
    )
    validation_fraction: float = option(
        "Validation share",
        "share of the training part, last in order, that decides between a method and PCA",
        0.1,
        metavar="F",
        above=0,
        below=1,
    )
    curve: Curve = option(
        "Curve",
        "pieces of a spline: linear (straight), rational-quadratic (without corners, C¹), or "
        "smooth (straight with a price on corners)",
        Curve.LINEAR,
        heeded_by=_heeding("curve"),
    )
    knot_placement: KnotPlacement = option(
        "Placement",
        "where a spline's knots lie: at equally spaced quantiles of each dimension, uniform over "
        "its range, or learnt, starting at the quantiles",
        KnotPlacement.QUANTILES,
        heeded_by=_heeding("knot_placement"),
    )
    axes: Axes = option(
        "Axes",
        "axes in which a spline or flow sees the vectors: raw, as they are; pca, turned to the "
        "principal axes; whitened, divided by the standard deviations as well",
        Axes.RAW,
        flag="--transform-axes",
        # Those of the output projection need its weight, which vectors alone do not bring.
        choices=tuple(axes.value for axes in Axes if axes is not Axes.OUTPUT),
        heeded_by=_heeding("axes"),
    )
    coupling: CouplingKind = option(
        "Coupling",
        "what one half of the dimensions does to the other in a flow: affine scales and shifts, "
        "rational-quadratic bends by monotone splines",
        CouplingKind.AFFINE,
        heeded_by=_heeding("coupling"),
    )
    threads: int | None = option(
        "Threads",
        "CPU threads",
        None,
        metavar="N",
        low=1,
        unset="OMP_NUM_THREADS, else all cores but one",
    )

    def __post_init__(self) -> None:
        require_ranges(self)
        _require(
            self.device.split(":")[0] in DEVICES,
            f"the device must be one of {', '.join(DEVICES)} or cuda:N; got {self.device!r}",
        )

    @property
    def resolved_knots(self) -> int:
        """Knots per dimension, the recipe's default filled in."""
        return RECIPE_DEFAULTS[self.recipe].knots if self.knots is None else self.knots

    @property
    def resolved_epochs(self) -> int:
        """Epochs, the recipe's default filled in."""
        return RECIPE_DEFAULTS[self.recipe].epochs if self.epochs is None else self.epochs

    def learning(self) -> dict[str, Any]:
        """Return how it learns as JSON values, defaults filled in; its method and k left out."""
        found = settings(self.filled_in)
        return {name: found[name] for name in found if name not in ("method", "k")}

    @property
    def filled_in(self) -> CalibrationSpec:
        """The same with the recipe's defaults filled in, for files to say."""
        return replace(self, knots=self.resolved_knots, epochs=self.resolved_epochs)

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


def pipeline_calibration() -> CalibrationSpec:
    """Return how the transforms of pipelines learn unless told otherwise."""
    return CalibrationSpec(recipe=PIPELINE_RECIPE)
