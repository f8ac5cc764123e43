"""What each head was given of a budget: layers × heads, as colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kvsplice_gui.formats import three_digits
from kvsplice_gui.plots.head_map import Cell, HeadMap
from kvsplice_gui.plots.ticks import linear_ticks

_EMPTY = (
    "Open a capture of a model and press Solve for the budget to see how many bits per value each "
    "head is given."
)
_NO_LEVELS = (0.0, 16.0)
_LEAST_BITS = 0.5  # alike cells must not look like a gradient of their rounding


class GivenMap(HeadMap):
    """Draws the bits per value that every head was given; NaN stays dense."""

    def __init__(self) -> None:
        self._notes: Mapping[Cell, str] = {}
        title = "Given bits per value"
        super().__init__(title, _EMPTY, linear_ticks, "What K of each head is given instead of V")

    def show_given(
        self, bits: NDArray[np.float64] | None, notes: Mapping[Cell, str] | None = None
    ) -> None:
        """Draw what every head was given.

        Parameters
        ----------
        bits : ndarray, shape (layers, heads), or None
            Bits per value; NaN where the head stays dense.
        notes : mapping of (layer, head) to str, optional
            What is said besides of a head that is pointed at.
        """
        self._notes = notes or {}
        self.show_cells(bits)

    def _levels(self) -> tuple[float, float]:
        known = self._cells[np.isfinite(self._cells)]
        if not known.size:
            return _NO_LEVELS
        low, top = float(known.min()), float(known.max())
        spare = max(0.0, _LEAST_BITS - (top - low)) / 2
        return max(0.0, low - spare), top + spare

    def _colours(self, low: float) -> NDArray[np.float64]:
        return np.maximum(self._cells, low)

    def _value_words(self, cell: Cell) -> str:
        value = float(self._cells[cell])
        if not np.isfinite(value):
            return "dense"
        note = self._notes.get(cell, "")
        return f"{three_digits(value)} bits per value{note and ' · ' + note}"
