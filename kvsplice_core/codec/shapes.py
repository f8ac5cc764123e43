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
    pieces : int
        Straight pieces a segment of a curved spline is drawn in: the tables then hold the ends of
        the pieces, with one more piece beyond each end, instead of the knots. 1 for straight
        segments.
    """

    knots_in: Array
    knots_out: Array
    slopes: Array
    pieces: int = 1

    @property
    def knots(self) -> int:
        """How many knots each dimension has, however many pieces are drawn."""
        points = int(self.knots_in.shape[1])
        return points if self.pieces == 1 else (points - 3) // self.pieces + 1

    @property
    def at_knots(self) -> slice:
        """Which columns of `knots_in` and `knots_out` are knots."""
        return slice(None) if self.pieces == 1 else slice(1, -1, self.pieces)


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
