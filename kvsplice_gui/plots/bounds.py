"""The rectangle that holds all the data of a plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FILLED = 0.75


@dataclass(frozen=True)
class Bounds:
    """Ends of both axes, in the coordinates of the view."""

    left: float
    right: float
    bottom: float
    top: float

    def holds(self, other: Bounds) -> bool:
        """Tell whether `other` lies inside and fills most of the room."""
        inside = (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )
        wide = (other.right - other.left) >= _FILLED * (self.right - self.left)
        high = (other.top - other.bottom) >= _FILLED * (self.top - self.bottom)
        return inside and wide and high


def bounds_of(curves: Iterable[tuple[Floats, Floats]]) -> Bounds | None:
    """Return what holds every finite point of `curves`; None if there is none.

    An axis without extent is given one, so that a single point stands in the middle.
    """
    pairs = list(curves)
    x = np.concatenate([np.empty(0), *(x for x, _ in pairs)])
    y = np.concatenate([np.empty(0), *(y for _, y in pairs)])
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return None
    return Bounds(*_ends(x[known]), *_ends(y[known]))


def _ends(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if high > low:
        return low, high
    room = abs(low) / 2 or 0.5
    return low - room, high + room
