"""How transforms look: small arrays, free of torch, to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class SplineShape:
    """The curves of a spline, small and on the CPU, to draw.

    Parameters
    ----------
    knots_in, knots_out : ndarray, shape (d, knots)
        Where the knots lie before and after, in units of V.
    slopes : ndarray, shape (d, knots − 1)
        dz/dx of each segment; the end ones go on for ever.
    """

    knots_in: Array
    knots_out: Array
    slopes: Array


@dataclass(frozen=True)
class ScatterShape:
    """Where a transform that mixes dimensions sends a few vectors, to draw.

    Parameters
    ----------
    before, after : ndarray, shape (points, d)
        The same vectors on both sides of the transform.
    """

    before: Array
    after: Array


Shape = SplineShape | ScatterShape
