"""What the quality plot is made of: the items of one method, and where numbers stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.readouts.quality import QualityCurve

Floats = NDArray[np.float64]

_SYMBOL_SIZE = 8
_INVALID_SYMBOL = "x"
_GHOST_ALPHA = 120


def faded(method: Method, alpha: int) -> QColor:
    """Return the colour of a method; `alpha` is 0 … 255."""
    colour = QColor(style_of(method).colour)
    colour.setAlpha(alpha)
    return colour


@dataclass(frozen=True)
class QualityScale:
    """Where a number stands on the axis; `floor` is what stands for 0 or less on a log one."""

    log: bool
    floor: float = 0.0

    @classmethod
    def of(cls, curves: Sequence[QualityCurve], *, log: bool) -> QualityScale:
        """Return the scale of `curves`: the floor below every positive value, at most tenfold."""
        values = np.concatenate([np.empty(0), *(c.value for c in curves)])
        numbers = np.concatenate([values, *(c.low for c in curves)])
        positive = values[values > 0]
        if not len(positive):
            return cls(log, 1e-6)
        least = float(positive.min())
        lows = numbers[(numbers > least / 10) & (numbers > 0)]
        below = 2 if (numbers <= 0).any() else 1.2
        return cls(log, float(lows.min(initial=least)) / below)

    def drawn(self, values: Floats) -> Floats:
        """Return the coordinates of `values`."""
        if not self.log:
            return values
        return np.asarray(np.log10(np.maximum(values, self.floor)), dtype=np.float64)


class CurveItems(NamedTuple):
    """Line, points and whiskers of one method."""

    line: Any
    points: Any
    whiskers: Any

    @classmethod
    def added_to(cls, plot: Any) -> CurveItems:  # noqa: ANN401  # pyqtgraph has no types
        """Return new items in a plot; the points lie over the whiskers."""
        line, whiskers = pg.PlotCurveItem(antialias=True), pg.ErrorBarItem()
        points = pg.ScatterPlotItem(antialias=True)
        for item in (line, whiskers, points):
            plot.addItem(item)
        return cls(line, points, whiskers)

    def draw(
        self,
        x: Floats,
        estimates: tuple[Floats, Floats, Floats],
        symbol: str,
        colour: QColor,
        *,
        valid: bool,
    ) -> None:
        """Draw values with their lows and highs; crosses without a line where not valid."""
        y, low, high = estimates
        pen = pg.mkPen(colour)
        self.line.setData(x, y, pen=pen)
        self.line.setVisible(valid)
        self.points.setData(
            x,
            y,
            symbol=symbol if valid else _INVALID_SYMBOL,
            brush=pg.mkBrush(colour) if valid else None,
            pen=pen,
            size=_SYMBOL_SIZE,
        )
        self.whiskers.setData(x=x, y=y, top=high - y, bottom=y - low, beam=0.05, pen=pen)
        self.points.show()
        self.whiskers.show()

    def hollow(self, which: NDArray[np.bool_], ground: QColor) -> None:
        """Fill some points with the ground."""
        if which.any():
            filled, empty = self.points.opts["brush"], pg.mkBrush(ground)
            self.points.setBrush([empty if is_hollow else filled for is_hollow in which])

    def hide(self) -> None:
        """Show none of them."""
        for item in self:
            item.hide()


class GhostLines:
    """The run before, dashed and faded, a line for each method."""

    def __init__(self, plot: Any) -> None:  # noqa: ANN401  # pyqtgraph has no types
        self._plot = plot
        self.lines: dict[Method, Any] = {}

    def draw(self, curves: Mapping[Method, QualityCurve], scale: QualityScale) -> None:
        """Draw these curves, and take away the lines of all other methods."""
        for method in {**self.lines, **curves}:
            if method not in self.lines:
                self.lines[method] = pg.PlotCurveItem(antialias=True)
                self.lines[method].setZValue(-5)
                self._plot.addItem(self.lines[method])
            pen = pg.mkPen(faded(method, _GHOST_ALPHA), style=Qt.PenStyle.DashLine)
            curve = curves.get(method)
            x, y = ([], []) if curve is None else (np.log2(curve.ks), scale.drawn(curve.value))
            self.lines[method].setData(x, y, pen=pen)
