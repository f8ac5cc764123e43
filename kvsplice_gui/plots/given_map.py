"""What each head was given of a budget: layers × heads, as colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from kvsplice_core.base.formats import three_digits
from kvsplice_gui.look.theme import CAPTION_PX, plot_font
from kvsplice_gui.plots.head_map import Cell, HeadMap
from kvsplice_gui.plots.ticks import linear_ticks

_EMPTY = (
    "Open a capture of a model and press Solve for the budget to see how many bits per value each "
    "head is given."
)
_NO_LEVELS = (0.0, 16.0)
_LEAST_BITS = 0.5  # alike cells must not look like a gradient of their rounding
_MOST_WRITTEN = 64  # more cells have no room for a number
_ON_DARK, _ON_LIGHT = "#FFFFFF", "#000000"


class GivenMap(HeadMap):
    """Draws the bits per value that every head was given; NaN stays dense.

    Where there are few heads the number stands in each cell.
    """

    def __init__(self) -> None:
        self._notes: Mapping[Cell, str] = {}
        self._numbers: list[pg.TextItem] = []
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

    def _redraw(self) -> None:
        super()._redraw()
        cells = np.argwhere(np.isfinite(self._cells)) if self._cells.size <= _MOST_WRITTEN else ()
        while len(self._numbers) < len(cells):
            self._numbers.append(self._new_number())
        for item in self._numbers[len(cells) :]:
            item.hide()
        middle = sum(self._levels()) / 2
        for item, (layer, head) in zip(self._numbers, cells, strict=False):
            bits = float(self._cells[layer, head])
            item.setText(f"{bits:.2f}", _ON_LIGHT if bits > middle else _ON_DARK)
            item.setPos(float(head), float(layer))
            item.show()

    def _new_number(self) -> pg.TextItem:
        item = pg.TextItem(anchor=(0.5, 0.5))
        item.setFont(plot_font(CAPTION_PX))
        self.plot.addItem(item)
        return item

    def _value_words(self, cell: Cell) -> str:
        value = float(self._cells[cell])
        if not np.isfinite(value):
            return "dense"
        note = self._notes.get(cell, "")
        return f"{three_digits(value)} bits per value{note and ' · ' + note}"
