"""What each head costs when V or K of it alone is compressed: layers × heads, as colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base.formats import three_digits
from kvsplice_gui.plots.head_map import Cell, HeadMap
from kvsplice_gui.plots.ticks import decade_ticks
from kvsplice_gui.readouts.quality_words import UNIT

_EMPTY = (
    "Press Sensitivity map to see what each head costs, in nats per token, when it alone is "
    "compressed."
)
_NO_LEVELS = (-9.0, -8.0)
_LEAST_DECADES = 0.3  # alike cells must not look like a gradient of their noise


class SensitivityMap(HeadMap):
    """Draws KL of every head, nats per token, in a logarithmic scale; NaN is not measured yet."""

    def __init__(self) -> None:
        title = f"Sensitivity, KL in {UNIT}"
        super().__init__(title, _EMPTY, decade_ticks, "Compress K of each head instead of V")

    def set_side(self, side: str, *, has_both: bool = False, audited: bool = False) -> None:
        """Name the map after ``v`` or ``k`` and say whether it is audited; emits nothing."""
        mark = ", audited" if audited else ""
        title = f"Sensitivity of {side.upper()}{mark}, KL in {UNIT}"
        self.show_side(side, title, has_both=has_both)

    def _levels(self) -> tuple[float, float]:
        """Return log10 of the least and the largest cost; 0 and less stand at the least."""
        known = self._cells[np.isfinite(self._cells) & (self._cells > 0)]
        if not known.size:
            return _NO_LEVELS
        low, top = float(np.log10(known.min())), float(np.log10(known.max()))
        return min(low, top - _LEAST_DECADES), top

    def _colours(self, low: float) -> NDArray[np.float64]:
        return np.log10(np.maximum(self._cells, 10**low))

    def _value_words(self, cell: Cell) -> str:
        value = float(self._cells[cell])
        return f"KL {three_digits(value)} {UNIT}" if np.isfinite(value) else "not measured yet"
