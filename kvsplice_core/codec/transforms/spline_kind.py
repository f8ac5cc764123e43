"""How splines are learnt and restored: the registry's view of them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Generator, Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import MIN_KNOTS, Curve, KnotPlacement, Recipe
from kvsplice_core.codec.transforms.base import Learner, TrainingRates, Transform
from kvsplice_core.codec.transforms.chained import BehindAxes
from kvsplice_core.codec.transforms.knots import Knots, start_knots
from kvsplice_core.codec.transforms.rational_spline import RationalLearner, RationalSpline
from kvsplice_core.codec.transforms.spec import TransformSpec
from kvsplice_core.codec.transforms.spline import Spline, SplineLearner

# Of the variance: enough to iron out corners that the data do not ask for.
_SMOOTHNESS = 1e-4


class SplineKind:
    """Splines of every curve and placement of knots; a stored one tells by its tensors."""

    def start(
        self, train: Tensor, spec: TransformSpec, generator: Generator, previous: Transform | None
    ) -> Learner:
        """Return a learner at the identity, or at `previous` if that is a spline."""
        del generator
        start = previous if isinstance(previous, Spline | RationalSpline) else None
        knots = _knots(train, spec, start)
        unit = train.std(0).clamp_min(1e-6)
        if spec.curve is Curve.RATIONAL_QUADRATIC:
            return RationalLearner(knots, unit, start)
        smoothness = _SMOOTHNESS if spec.curve is Curve.SMOOTH else 0.0
        return SplineLearner(knots, unit, start, smoothness)

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return AdamW at 2e-3 with decay 1e-4 for ``origin``, Adam at 1e-2 for ``joint``."""
        if recipe is Recipe.ORIGIN:
            return TrainingRates(learning_rate=2e-3, weight_decay=1e-4)
        return TrainingRates(learning_rate=1e-2)

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Spline | RationalSpline:
        """Rebuild a spline; refuses tables that do not fit or do not increase."""
        if not {"chords", "derivatives"} & set(tensors):
            return _restored(tensors, "slopes", dim)
        spline = _restored(tensors, "chords", dim)
        derivatives = _named(tensors, "derivatives")
        if derivatives.shape != spline.knots_in.shape or not bool((derivatives > 0).all()):
            raise CodecFileError(
                f"a rational-quadratic spline must hold {tuple(spline.knots_in.shape)} positive "
                f"derivatives; got shape {tuple(derivatives.shape)}"
            )
        return RationalSpline(spline.knots_in, spline.knots_out, spline.slopes, derivatives)


def _named(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise CodecFileError(
            "a spline codec must hold knots_in, knots_out and slopes, or chords and derivatives "
            f"in place of slopes; {name} is missing"
        )
    return tensors[name]


def _restored(tensors: Mapping[str, Tensor], slopes: str, dim: int) -> Spline:
    spline = Spline(*(_named(tensors, name) for name in ("knots_in", "knots_out", slopes)))
    knots = spline.knots_in.shape[0] if spline.knots_in.ndim == 2 else 0
    expected = ((knots, dim), (knots, dim), (knots - 1, dim))
    found = tuple(tuple(table.shape) for table in spline.tensors().values())
    if knots < MIN_KNOTS or found != expected:
        raise CodecFileError(
            f"spline tables must have shapes (knots, {dim}), (knots, {dim}), "
            f"(knots − 1, {dim}); got {', '.join(map(str, found))}"
        )
    if not _increases(spline):
        raise CodecFileError("a spline must increase strictly; the stored one does not")
    return spline


def _knots(train: Tensor, spec: TransformSpec, start: Spline | RationalSpline | None) -> Knots:
    learnt = spec.knot_placement is KnotPlacement.LEARNT
    if learnt and start is not None and len(start.knots_in) == spec.knots:
        return Knots(start.knots_in, learnt=True)
    return Knots(start_knots(train, spec.knots, spec.knot_placement), learnt=learnt)


def _increases(spline: Spline) -> bool:
    widths = spline.knots_in[1:] - spline.knots_in[:-1]
    if not (bool((widths >= 0).all()) and bool((spline.slopes > 0).all())):
        return False
    # The images of the knots are stored too: they must be where the slopes lead.
    rises = spline.knots_out[1:] - spline.knots_out[:-1]
    rounding = 1e-5 * (spline.knots_out.abs().amax(0) + spline.knots_in.abs().amax(0))
    return bool(((rises - spline.slopes * widths).abs() <= rounding).all())


KIND = BehindAxes(SplineKind())
