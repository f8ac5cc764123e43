"""What is drawn of a transform's shape: curves and points of one dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.codec.shapes import ScatterShape, Shape, SplineShape
from kvsplice_core.report.palette import SEQUENCE

Floats = NDArray[np.float64]

MOST_DIMS = 8
"""How many dimensions are drawn at once."""

_MOST_POINTS = 300
_END_SHARE = 0.12


def dim_colour(place: int) -> str:
    """Return the colour of the dimension at `place` among the chosen ones."""
    return SEQUENCE[place % len(SEQUENCE)]


def value_and_slope(shape: SplineShape, dim: int, x: float) -> tuple[float, float]:
    """Return s(x) and ds/dx of one dimension; the end segments go on for ever."""
    knots, slopes = shape.knots_in[dim], shape.slopes[dim]
    segment = int(np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(slopes) - 1))
    slope = float(slopes[segment])
    return float(shape.knots_out[dim, segment]) + slope * (x - float(knots[segment])), slope


def dimension_of(shape: Shape) -> int:
    """Return the dimension d of the vectors a shape was made of."""
    return len(shape.knots_in) if isinstance(shape, SplineShape) else shape.before.shape[1]


def drawn_of(shape: Shape | None, dim: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return the curve and the points of one dimension, either may be empty."""
    nothing = (np.empty(0), np.empty(0))
    if isinstance(shape, SplineShape):
        knots = (_floats(shape.knots_in[dim]), _floats(shape.knots_out[dim]))
        shown = (knots[0][shape.at_knots], knots[1][shape.at_knots])
        return _extended(knots, _floats(shape.slopes[dim])), shown
    if isinstance(shape, ScatterShape):
        every = max(1, len(shape.before) // _MOST_POINTS)
        return nothing, (_floats(shape.before[::every, dim]), _floats(shape.after[::every, dim]))
    return nothing, nothing


def _extended(knots: tuple[Floats, Floats], slopes: Floats) -> tuple[Floats, Floats]:
    x, z = knots
    beyond = _END_SHARE * (x[-1] - x[0])
    return (
        np.concatenate([[x[0] - beyond], x, [x[-1] + beyond]]),
        np.concatenate([[z[0] - slopes[0] * beyond], z, [z[-1] + slopes[-1] * beyond]]),
    )


def _floats(values: NDArray[np.float32]) -> Floats:
    return np.asarray(values, dtype=np.float64)
