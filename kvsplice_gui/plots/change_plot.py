"""Change of MSE against PCA over k, with 95 % intervals; ties are hollow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

from kvsplice_core.base.estimates import Change, Verdict
from kvsplice_core.base.formats import percent, with_interval
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import GREY, style_of
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.plots.bounds import Bounds, bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, nearest
from kvsplice_gui.plots.k_plot import KPlot

Floats = NDArray[np.float64]
Changes = tuple[NDArray[np.int64], Floats, Floats, Floats]

_GROUP_SHARE = 0.72
_WIDEST_BAR = 0.16
_BEAM_SHARE = 0.35


class ChangePlot(KPlot):
    """Draws a bar with whiskers for each learnt method at each k; below 0 is a gain."""

    def __init__(self) -> None:
        super().__init__(
            "MSE against PCA, %",
            "Calibrate a method to see how its MSE differs from PCA, with 95 % intervals.",
        )
        self._changes: dict[Method, Changes] = {}
        self._series: list[Series] = []
        self._bars: dict[Method, Any] = {}
        self._whiskers: dict[Method, Any] = {}
        self._zero_line = pg.InfiniteLine(angle=0, pos=0)
        self.plot.addItem(self._zero_line)
        self.set_theme(self._theme)

    def show_changes(self, changes: Mapping[Method, Changes]) -> None:
        """Draw changes.

        Parameters
        ----------
        changes : mapping of Method to (ks, percent, low, high)
            Change of MSE against PCA at the same k and its 95 % interval, in per cent.
        """
        self._changes = {m: changes[m] for m in Method if m in changes and len(changes[m][0])}
        self._set_ks((int(k) for one in self._changes.values() for k in one[0]), 1)
        self._set_empty(not self._changes)
        self._redraw()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.show_changes({})

    def _redraw(self) -> None:
        width = self._bar_width()
        self._series = []
        for item in (*self._bars.values(), *self._whiskers.values()):
            item.hide()
        for place, (method, change) in enumerate(self._changes.items()):
            offset = (place - (len(self._changes) - 1) / 2) * width
            self._draw(method, np.log2(change[0]) + offset, change, width)
        self._fit_all()
        self._refresh_readout()

    def _fit_all(self) -> None:
        curves = [(np.log2(ks), ends) for ks, _, *both in self._changes.values() for ends in both]
        bounds = bounds_of(curves)
        if bounds is not None:
            edge = _WIDEST_BAR * len(self._changes)
            self._fit(
                Bounds(
                    left=bounds.left - edge,
                    right=bounds.right + edge,
                    bottom=min(bounds.bottom, 0.0),
                    top=max(bounds.top, 0.0),
                )
            )

    def _bar_width(self) -> float:
        gaps = np.diff(np.log2(self._ks)) if len(self._ks) > 1 else np.ones(1)
        bars = max(1, len(self._changes))
        return float(min(_WIDEST_BAR, _GROUP_SHARE * gaps.min() / bars))

    def _draw(self, method: Method, x: Floats, change: Changes, width: float) -> None:
        size, low, high = change[1:]
        ties = np.array([_is_tie(*one) for one in zip(size, low, high, strict=True)])
        bars, whiskers = self._items_of(method)
        bars.setOpts(
            x=x,
            height=size,
            width=width * 0.86,
            pens=[self._pen(method, tie) for tie in ties],
            brushes=[self._brush(method, tie) for tie in ties],
        )
        whiskers.setData(x=x, y=size, top=high - size, bottom=size - low, beam=width * _BEAM_SHARE)
        bars.show()
        whiskers.show()
        self._series.append(_series(method, x, change))

    def _items_of(self, method: Method) -> tuple[Any, Any]:
        if method not in self._bars:
            self._bars[method] = pg.BarGraphItem(x=[], height=[], width=1)
            self._whiskers[method] = pg.ErrorBarItem(pen=pg.mkPen(self._theme.text))
            self.plot.addItem(self._bars[method])
            self.plot.addItem(self._whiskers[method])
        return self._bars[method], self._whiskers[method]

    def _pen(self, method: Method, tie: bool) -> Any:  # noqa: ANN401  # a QPen
        return pg.mkPen(GREY if tie else style_of(method).colour)

    def _brush(self, method: Method, tie: bool) -> Any:  # noqa: ANN401  # a QBrush
        return pg.mkBrush(self._theme.base if tie else style_of(method).colour)

    def _restyle(self, theme: Theme) -> None:
        super()._restyle(theme)
        self._zero_line.setPen(QColor(theme.outline))
        for whiskers in self._whiskers.values():
            whiskers.setData(pen=pg.mkPen(theme.text))
        self._redraw()

    def _reading_at(self, x: float, y: float) -> Reading | None:
        return nearest(self._series, x, y, self._pixel())

    def _standing_readout(self) -> str:
        parts = [
            f"{method.label} {_words(change, int(index))}"
            for method, change in self._changes.items()
            for index in np.flatnonzero(change[0] == self._k)
        ]
        return f"k = {self._k}: " + " · ".join(parts) if parts else ""


def _is_tie(size: float, low: float, high: float) -> bool:
    return Change(size, low, high).verdict is Verdict.TIE


def _series(method: Method, x: Floats, change: Changes) -> Series:
    def describe(index: int) -> str:
        return f"{method.label} · k = {int(change[0][index])} · {_words(change, index)}"

    return Series(x, np.asarray(change[1], dtype=np.float64), describe)


def _words(change: Changes, index: int) -> str:
    size, low, high = (float(part[index]) for part in change[1:])
    tie = "tie, " if _is_tie(size, low, high) else ""
    return f"{tie}{with_interval(size, low, high, percent)}"
