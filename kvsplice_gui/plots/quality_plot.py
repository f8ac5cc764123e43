"""What compression costs the model over k, with intervals over documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeyEvent

from kvsplice_core.methods import Method
from kvsplice_core.palette import style_of
from kvsplice_gui.formats import three_digits
from kvsplice_gui.plots.bounds import Bounds, bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, nearest
from kvsplice_gui.plots.header import quiet_button
from kvsplice_gui.plots.k_plot import KPlot
from kvsplice_gui.plots.notice import Notice
from kvsplice_gui.plots.ticks import decade_ticks, linear_ticks
from kvsplice_gui.quality_readouts import MEASURE_NAMES, UNIT, QualityCurve
from kvsplice_gui.theme import CAPTION_PX, Theme

Floats = NDArray[np.float64]

_EMPTY = (
    "Capture V from gpt2-mini (Ctrl+N) and press Measure quality to see what each k costs "
    "in nats per token."
)
_SYMBOL_SIZE = 8
_INVALID_SYMBOL = "x"
_GHOST_ALPHA = 120
_STALE_ALPHA = 150
_DODGE = 0.035
_DISAGREE = "the four errors order the methods differently: look at the tensor view"


class QualityPlot(KPlot):
    """Draws one line per method; hollow points at the floor of a log axis are 0 or less.

    Attributes
    ----------
    measure_changed : signal (str)
        ``nll`` or ``kl`` was chosen by hand.
    """

    measure_changed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__(f"ΔNLL, {UNIT}", _EMPTY, has_log=True)
        self._measure = "nll"
        self._curves: dict[Method, QualityCurve] = {}
        self._ghost: dict[Method, QualityCurve] = {}
        self._marked: tuple[int, ...] = ()
        self._is_valid = True
        self._is_stale = False
        self._floor = 0.0
        self._series: list[Series] = []
        self._items: dict[Method, tuple[Any, Any, Any]] = {}
        self._ghost_lines: dict[Method, Any] = {}
        self._legend_names: tuple[str, ...] = ()
        self._legend = pg.LegendItem(offset=(8, -8), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
        self._legend.setParentItem(self.plot.vb)
        self._zero_line = pg.InfiniteLine(angle=0, pos=0)
        self._marks = pg.ScatterPlotItem(size=11, symbol="d")
        self._marks.setZValue(25)
        self.plot.addItem(self._zero_line, ignoreBounds=True)
        self.plot.addItem(self._marks)
        self.notice = Notice()
        self._add_to_frame()
        self.set_log(True)
        self.set_theme(self._theme)

    def _add_to_frame(self) -> None:
        self.kl_button = quiet_button("KL", "KL(base ‖ compressed) instead of ΔNLL (K)")
        self.kl_button.setCheckable(True)
        self.kl_button.clicked.connect(self._on_kl_clicked)
        self.header.add_button(self.kl_button)
        layout = self.layout()
        if layout is not None:
            layout.removeWidget(self._stack)
            layout.addWidget(self.notice)
            layout.addWidget(self._stack)

    def show_curves(
        self,
        curves: Mapping[Method, QualityCurve],
        *,
        valid: bool = True,
        stale: bool = False,
        disagreements: Iterable[int] = (),
        largest_k: int = 1,
    ) -> None:
        """Draw what the methods cost.

        Parameters
        ----------
        curves : mapping of Method to QualityCurve
            In nats per token, k ascending.
        valid : bool
            Whether the audit passed; if not, points are crosses and there are no lines.
        stale : bool
            Whether settings have changed since; drawn faded.
        disagreements : iterable of int
            Every k at which the four errors order the methods differently.
        largest_k : int
            The largest k that may be chosen.
        """
        self._curves = {method: curves[method] for method in Method if method in curves}
        self._is_valid, self._is_stale = valid, stale
        self._marked = tuple(disagreements)
        self._set_ks((int(k) for curve in self._curves.values() for k in curve.ks), largest_k)
        self._set_empty(not self._curves)
        self._redraw()

    def show_ghost(self, curves: Mapping[Method, QualityCurve]) -> None:
        """Draw the run before, dashed and faded; an empty mapping takes it away."""
        self._ghost = dict(curves)
        self._redraw()

    def set_measure(self, measure: str) -> None:
        """Name the axis after ``nll`` or ``kl``; emits nothing."""
        self._measure = measure
        self.kl_button.setChecked(measure == "kl")
        self.header.title.setText(f"{MEASURE_NAMES[measure]}, {UNIT}")

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.notice.say("")
        self._ghost = {}
        self.show_curves({})

    # Drawing --------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self.axes["left"].set_ticker(decade_ticks if self._log else linear_ticks)
        self._floor = self._find_floor()
        self._zero_line.setVisible(not self._log)
        self._series = []
        for place, method in enumerate(Method):
            if method in self._curves:
                self._draw(method, _DODGE * (place - 1))
            elif method in self._items:
                for item in self._items[method]:
                    item.hide()
        self._draw_ghost()
        self._fill_legend()
        self._fit_all()
        self._refresh_readout()

    def _find_floor(self) -> float:
        """Return what stands for 0 on a log axis: below every positive number, at most tenfold."""
        parts = [part for c in self._shown() for part in (c.value, c.low)]
        numbers = np.concatenate([np.empty(0), *parts])
        values = np.concatenate([np.empty(0), *(c.value for c in self._shown())])
        positive = values[values > 0]
        if not len(positive):
            return 1e-6
        least = float(positive.min())
        lows = numbers[(numbers > least / 10) & (numbers > 0)]
        return float(lows.min(initial=least)) / (2 if (numbers <= 0).any() else 1.2)

    def _shown(self) -> tuple[QualityCurve, ...]:
        return (*self._curves.values(), *self._ghost.values())

    def _draw(self, method: Method, dodge: float) -> None:
        curve = self._curves[method]
        line, points, whiskers = self._items_of(method)
        x = np.log2(curve.ks) + dodge
        y, low, high = (self._drawn(part) for part in (curve.value, curve.low, curve.high))
        line.setData(x, y, pen=self._pen(method))
        line.setVisible(self._is_valid)
        points.setData(x, y, **self._point_style(method))
        below = curve.value <= 0
        if self._log and self._is_valid and below.any():
            filled, hollow = points.opts["brush"], pg.mkBrush(self._theme.base)
            points.setBrush([hollow if is_below else filled for is_below in below])
        whiskers.setData(x=x, y=y, top=high - y, bottom=y - low, beam=0.05, pen=self._pen(method))
        points.show()
        whiskers.show()
        self._series.append(self._series_of(method, curve, x, y))

    def _point_style(self, method: Method) -> dict[str, Any]:
        return {
            "symbol": style_of(method).symbol if self._is_valid else _INVALID_SYMBOL,
            "brush": pg.mkBrush(self._colour(method)) if self._is_valid else None,
            "pen": self._pen(method),
            "size": _SYMBOL_SIZE,
        }

    def _items_of(self, method: Method) -> tuple[Any, Any, Any]:
        if method not in self._items:
            line = pg.PlotCurveItem(antialias=True)
            whiskers = pg.ErrorBarItem()
            points = pg.ScatterPlotItem(antialias=True)
            for item in (line, whiskers, points):
                self.plot.addItem(item)
            self._items[method] = (line, points, whiskers)
        return self._items[method]

    def _draw_ghost(self) -> None:
        for method in {**self._ghost_lines, **self._ghost}:
            if method not in self._ghost_lines:
                self._ghost_lines[method] = pg.PlotCurveItem(antialias=True)
                self._ghost_lines[method].setZValue(-5)
                self.plot.addItem(self._ghost_lines[method])
            colour = QColor(style_of(method).colour)
            colour.setAlpha(_GHOST_ALPHA)
            pen = pg.mkPen(colour, style=Qt.PenStyle.DashLine)
            curve = self._ghost.get(method)
            x, y = ([], []) if curve is None else (np.log2(curve.ks), self._drawn(curve.value))
            self._ghost_lines[method].setData(x, y, pen=pen)

    def _fit_all(self) -> None:
        ends = [
            (np.log2(curve.ks), self._drawn(part))
            for curve in self._shown()
            for part in (curve.value, curve.low, curve.high)
        ]
        bounds = bounds_of(ends)
        if bounds is None:
            self._marks.setData([], [])
            return
        bottom = bounds.bottom if self._log else min(bounds.bottom, 0.0)
        room = 0.06 * (bounds.top - bottom)
        marked = [float(np.log2(k)) for k in self._marked]
        self._marks.setData(marked, [bottom - room] * len(marked))
        self._fit(
            Bounds(bounds.left, bounds.right, bottom - (2 * room if marked else 0), bounds.top)
        )
        if marked:
            self._series.append(self._series_of_marks(np.array(marked), bottom - room))

    def _series_of(self, method: Method, curve: QualityCurve, x: Floats, y: Floats) -> Series:
        def describe(index: int) -> str:
            return f"{method.label} · k = {int(curve.ks[index])} · {self._words(curve, index)}"

        return Series(x, y, describe)

    def _series_of_marks(self, x: Floats, y: float) -> Series:
        return Series(
            x, np.full(len(x), y), lambda index: f"k = {self._marked[index]} · {_DISAGREE}"
        )

    def _words(self, curve: QualityCurve, index: int) -> str:
        value, low, high = (float(p[index]) for p in (curve.value, curve.low, curve.high))
        text = f"{three_digits(value)} [{three_digits(low)}, {three_digits(high)}]"
        return text if self._is_valid else f"{text}, not valid"

    def _drawn(self, values: Floats) -> Floats:
        if not self._log:
            return values
        return np.asarray(np.log10(np.maximum(values, self._floor)), dtype=np.float64)

    def _colour(self, method: Method) -> QColor:
        colour = QColor(style_of(method).colour)
        colour.setAlpha(_STALE_ALPHA if self._is_stale else 255)
        return colour

    def _pen(self, method: Method) -> Any:  # noqa: ANN401  # a QPen
        return pg.mkPen(self._colour(method))

    def _restyle(self, theme: Theme) -> None:
        super()._restyle(theme)
        self._zero_line.setPen(QColor(theme.outline))
        self._marks.setBrush(pg.mkBrush(theme.warning))
        self._marks.setPen(pg.mkPen(theme.base))
        self._legend.setLabelTextColor(QColor(theme.muted))
        self._legend_names = ()
        self._redraw()

    def _fill_legend(self) -> None:
        wanted = {m.label: self._items[m][1] for m in self._curves}
        if self._ghost:
            wanted["run before"] = next(iter(self._ghost_lines.values()))
        if self._marked:
            wanted["orders differ"] = self._marks
        if tuple(wanted) != self._legend_names:
            self._legend_names = tuple(wanted)
            self._legend.clear()
            for name, item in wanted.items():
                self._legend.addItem(item, name)

    # Answering ------------------------------------------------------------------------------

    def _show_labels(self, tall: bool) -> None:
        super()._show_labels(tall)
        self._legend.setVisible(tall)

    def _reading_at(self, x: float, y: float) -> Reading | None:
        return nearest(self._series, x, y, self._pixel())

    def _standing_readout(self) -> str:
        parts = [
            f"{method.label} {self._words(curve, int(index))}"
            for method, curve in self._curves.items()
            for index in np.flatnonzero(curve.ks == self._k)
        ]
        if parts and self._k in self._marked:
            parts.append(_DISAGREE)
        return f"k = {self._k}: " + " · ".join(parts) if parts else ""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """K switches between ΔNLL and KL."""
        if event is not None and event.key() == Qt.Key.Key_K and not event.modifiers():
            self._on_kl_clicked(self._measure != "kl")
        else:
            super().keyPressEvent(event)

    @pyqtSlot(bool)
    def _on_kl_clicked(self, kl: bool) -> None:
        self.measure_changed.emit("kl" if kl else "nll")
