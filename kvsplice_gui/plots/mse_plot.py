"""Test MSE of every method over k, with the run before as a ghost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.look.theme import CAPTION_PX, Theme
from kvsplice_gui.plots.bounds import bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, log10_or_nan, nearest
from kvsplice_gui.plots.k_plot import KPlot
from kvsplice_gui.plots.ticks import decade_ticks, linear_ticks

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]

_NO_CURVE: Curve = (np.empty(0, dtype=np.int64), np.empty(0))
_ROUNDING = 1e-6
_SYMBOL_SIZE = 8
_MOVING_SIZE = 13
_GHOST_ALPHA = 120


class MsePlot(KPlot):
    """Draws one curve per method, the curve of PCA at every k, and the point in work."""

    def __init__(self) -> None:
        super().__init__(
            "Test MSE",
            "Open vectors, or capture them from gpt2-mini (Ctrl+N), to see what each method "
            "loses at each k.",
            has_log=True,
        )
        self._rows: dict[Method, Curve] = {}
        self._pca_curve: NDArray[np.float64] = np.empty(0)
        self._ghost: dict[Method, Curve] = {}
        self._moving: tuple[Method, int, float] | None = None
        self._series: list[Series] = []
        self._lines: dict[Method, Any] = {}
        self._ghost_lines: dict[Method, Any] = {}
        self._pca_line = pg.PlotCurveItem(antialias=True)
        self._moving_point = pg.ScatterPlotItem(size=_MOVING_SIZE, brush=None)
        self._moving_point.setZValue(20)
        self._legend_names: tuple[str, ...] = ()
        self._legend = pg.LegendItem(offset=(8, -8), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
        self._legend.setParentItem(self.plot.vb)
        self.plot.addItem(self._pca_line)
        self.plot.addItem(self._moving_point)
        self.set_log(True)
        self.set_theme(self._theme)

    def show_result(self, rows: Mapping[Method, Curve], pca_curve: NDArray[np.float64]) -> None:
        """Draw a sweep.

        Parameters
        ----------
        rows : mapping of Method to (ks, mse)
            The rows that are finished, k ascending; MSE in units of V squared.
        pca_curve : ndarray, shape (d,)
            Test MSE of PCA for k = 1 … d; may be empty.
        """
        self._rows = {method: rows[method] for method in Method if method in rows}
        self._pca_curve = np.asarray(pca_curve, dtype=np.float64)
        self._set_ks((int(k) for ks, _ in self._rows.values() for k in ks), len(pca_curve))
        self._set_empty(not self._rows and not len(pca_curve))
        self._redraw()

    def show_ghost(self, rows: Mapping[Method, Curve] | None) -> None:
        """Draw the run before, dashed and faded; None takes it away."""
        self._ghost = dict(rows or {})
        self._draw_ghost()
        self._fit_all()

    def set_moving_point(self, method: Method, k: int, mse: float | None) -> None:
        """Show where the row in work stands; None takes the point away."""
        self._moving = None if mse is None else (method, k, mse)
        self._draw_moving_point()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self._moving = None
        self.show_ghost(None)
        self.show_result({}, np.empty(0))

    def _redraw(self) -> None:
        self.axes["left"].set_ticker(decade_ticks if self._log else linear_ticks)
        self._draw_rows()
        self._draw_ghost()
        self._draw_moving_point()
        self._fit_all()
        self._refresh_readout()

    def _fit_all(self) -> None:
        curves = [*self._rows.values(), *self._ghost.values(), self._pca_points()]
        bounds = bounds_of((np.log2(ks), self._drawn(_shown(mse))) for ks, mse in curves)
        if bounds is not None:
            # An error of 0 at k = d is not on a log axis, but the axis of k still reaches it.
            last = max(float(np.log2(max(ks))) for ks, _ in curves if len(ks))
            self._fit(replace(bounds, right=max(bounds.right, last)))

    def _pca_points(self) -> Curve:
        return np.arange(1, len(self._pca_curve) + 1), self._pca_curve

    def _draw_rows(self) -> None:
        every_k, curve = self._pca_points()
        self._pca_line.setData(np.log2(every_k), self._drawn(curve))
        self._series = [_series(Method.PCA, every_k, curve, self._log)]
        for method in {**self._lines, **self._rows}:
            ks, mse = self._rows.get(method, _NO_CURVE)
            self._line_of(method).setData(np.log2(ks), self._drawn(mse))
            self._series.append(_series(method, ks, mse, self._log))
        self._fill_legend()

    def _draw_ghost(self) -> None:
        for method in {**self._ghost_lines, **self._ghost}:
            ks, mse = self._ghost.get(method, _NO_CURVE)
            self._ghost_line_of(method).setData(np.log2(ks), self._drawn(mse))
        self._fill_legend()

    def _draw_moving_point(self) -> None:
        if self._moving is None:
            self._moving_point.setData([], [])
            return
        method, k, mse = self._moving
        style = style_of(method)
        self._moving_point.setData(
            [np.log2(k)],
            self._drawn([mse]),
            symbol=style.symbol,
            pen=pg.mkPen(style.colour, width=2),
        )

    def _line_of(self, method: Method) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        if method not in self._lines:
            line = pg.PlotDataItem(
                symbol=style_of(method).symbol, symbolSize=_SYMBOL_SIZE, antialias=True
            )
            self._style_line(method, line)
            self.plot.addItem(line)
            self._lines[method] = line
        return self._lines[method]

    def _ghost_line_of(self, method: Method) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        if method not in self._ghost_lines:
            colour = QColor(style_of(method).colour)
            colour.setAlpha(_GHOST_ALPHA)
            line = pg.PlotCurveItem(
                pen=pg.mkPen(colour, style=Qt.PenStyle.DashLine), antialias=True
            )
            line.setZValue(-5)
            self.plot.addItem(line)
            self._ghost_lines[method] = line
        return self._ghost_lines[method]

    def _style_line(self, method: Method, line: Any) -> None:  # noqa: ANN401
        colour = style_of(method).colour
        # The curve of PCA at every k is drawn by itself; its rows are points on it.
        line.setPen(None if method is Method.PCA else pg.mkPen(colour))
        line.setSymbolBrush(colour)
        line.setSymbolPen(pg.mkPen(self._theme.base))

    def _restyle(self, theme: Theme) -> None:
        super()._restyle(theme)
        self._pca_line.setPen(pg.mkPen(style_of(Method.PCA).colour))
        for method, line in self._lines.items():
            self._style_line(method, line)
        self._legend.setLabelTextColor(QColor(theme.muted))
        self._legend_names = ()
        self._fill_legend()

    def _fill_legend(self) -> None:
        wanted = {m.label: self._lines[m] for m in self._rows if m in self._lines}
        if self._ghost:
            wanted["run before"] = next(iter(self._ghost_lines.values()))
        if tuple(wanted) != self._legend_names:
            self._legend_names = tuple(wanted)
            self._legend.clear()
            for name, line in wanted.items():
                self._legend.addItem(line, name)

    def _show_labels(self, tall: bool) -> None:
        super()._show_labels(tall)
        self._legend.setVisible(tall)

    def _drawn(self, mse: Any) -> NDArray[np.float64]:  # noqa: ANN401  # any array-like
        return log10_or_nan(mse) if self._log else np.asarray(mse, dtype=np.float64)

    def _reading_at(self, x: float, y: float) -> Reading | None:
        return nearest(self._series, x, y, self._pixel())

    def _standing_readout(self) -> str:
        parts = []
        for method, (ks, mse) in self._rows.items():
            at = np.flatnonzero(ks == self._k)
            if at.size:
                parts.append(f"{method.label} {three_digits(float(mse[at[0]]))}")
        if not parts and 1 <= self._k <= len(self._pca_curve):
            parts.append(f"PCA {three_digits(float(self._pca_curve[self._k - 1]))}")
        return f"k = {self._k}: " + " · ".join(parts) if parts else ""


def _shown(mse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out what is 0 but for rounding, as PCA at k = d: in log it would fill the plot."""
    return np.where(mse > _ROUNDING * mse.max(initial=0.0), mse, np.nan)


def _series(method: Method, ks: NDArray[np.int64], mse: NDArray[np.float64], log: bool) -> Series:
    def describe(index: int) -> str:
        return f"{method.label} · k = {int(ks[index])} · MSE {three_digits(float(mse[index]))}"

    return Series(np.log2(ks), log10_or_nan(mse) if log else mse, describe)
