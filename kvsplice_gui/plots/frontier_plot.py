"""What every pipeline loses at how many bits per value, over the Gaussian bound."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeyEvent

from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_core.tasks.frontier import FrontierPoint
from kvsplice_gui.look.theme import Theme, plot_font
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.bounds import Bounds, bounds_of
from kvsplice_gui.plots.crosshair import Reading
from kvsplice_gui.plots.frontier_items import BoundItems, LineItems, scale_of
from kvsplice_gui.plots.quality_items import QualityScale
from kvsplice_gui.plots.ticks import bits_ticks, decade_ticks, linear_ticks
from kvsplice_gui.readouts.frontier import FrontierLine, describe

Floats = NDArray[np.float64]
Bound = tuple[tuple[float, float], ...]

_EMPTY = "Press Measure frontier to see what every pipeline loses at equal bytes, over the bound."
_X_LABEL = "bits per value, everything counted"
_CLICK_PIXELS = 28
_RING_SIZE = 17
_ROOM_BELOW = 0.7
_FILLED = (
    "filled symbols are quantized, hollow ones numbers of 16 bits; "
    "what is 0 or less stands at the foot of a logarithmic axis"
)
_UNITS = {
    "nmse": "error over variance",
    "weighted": "units of V squared",
    "output": "squared, per hidden unit",
    "nll": "nats per token",
    "kl": "nats per token",
}


class FrontierPlot(PlotFrame):
    """One line per pipeline: filled symbols are quantized, hollow ones numbers of 16 bits.

    A click chooses the point under it; Left and Right go along a pipeline, Up and Down to the
    next pipeline at that budget. The vertical line is the budget and can be dragged.

    Attributes
    ----------
    point_chosen : signal (FrontierPoint)
        A point was chosen by hand.
    point_hovered : signal (FrontierPoint or None)
        The pointer stands on a point, or on none any more.
    budget_chosen : signal (float)
        The budget was dragged, bits per value.
    """

    point_chosen = pyqtSignal(object)
    point_hovered = pyqtSignal(object)
    budget_chosen = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__("NMSE at equal bytes", _EMPTY, _X_LABEL, has_log=True)
        self._measure = "nmse"
        self._lines: tuple[FrontierLine, ...] = ()
        self._bound: Bound = ()
        self._is_valid, self._is_stale = True, False
        self._chosen: FrontierPoint | None = None
        self._items: dict[Pipeline, LineItems] = {}
        self._points: list[FrontierPoint] = []
        self._x, self._y = np.empty(0), np.empty(0)
        self._budget = 1.0
        self.axes["bottom"].set_ticker(bits_ticks)
        self._bound_items = BoundItems(self.plot)
        self._ring = pg.ScatterPlotItem(size=_RING_SIZE, symbol="o", brush=None)
        self._ring.setZValue(35)
        self.plot.addItem(self._ring, ignoreBounds=True)
        self._make_budget_line()
        self.plot.vb.sigRangeChanged.connect(self._on_range_changed)
        self.set_log(True)
        self.set_theme(self._theme)

    def _make_budget_line(self) -> None:
        self.budget_line = pg.InfiniteLine(angle=90, movable=True)
        self._budget_label = pg.InfLineLabel(
            self.budget_line, "", position=0.95, anchors=[(-0.1, 0.5), (1.1, 0.5)]
        )
        self.budget_line.setZValue(30)
        self.budget_line.sigDragged.connect(self._on_budget_line_dragged)
        self.plot.addItem(self.budget_line, ignoreBounds=True)

    @property
    def points(self) -> tuple[FrontierPoint, ...]:
        """The points drawn."""
        return tuple(self._points)

    def show_frontier(
        self,
        lines: Sequence[FrontierLine],
        bound: Bound,
        measure: str,
        *,
        valid: bool = True,
        stale: bool = False,
    ) -> None:
        """Draw a frontier.

        Parameters
        ----------
        lines : sequence of FrontierLine
        bound : tuple of (float, float)
            Bits per value and NMSE of the Gaussian bound; drawn where NMSE is on y.
        measure : str
            ``nmse``, ``nll`` or ``kl``.
        valid : bool
            Whether the audit passed; if not, points are crosses and there are no lines.
        stale : bool
            Whether it was measured on something else than what is open now; drawn faded.
        """
        if measure != self._measure:
            self._follows_data = True
        self._lines, self._bound, self._measure = tuple(lines), bound, measure
        self._is_valid, self._is_stale = valid, stale
        self.header.title.setText(f"{MEASURES[measure]} at equal bytes")
        self.header.title.setToolTip(f"{MEASURES[measure]}, {_UNITS[measure]}; {_FILLED}")
        self._set_empty(not self._lines)
        self._redraw()

    def show_chosen(self, point: FrontierPoint | None) -> None:
        """Mark the chosen point and its line; None marks nothing. Emits nothing."""
        self._chosen = point
        self._redraw()

    def show_hovered(self, point: FrontierPoint | None) -> None:
        """Put the crosshair on a point that is pointed at elsewhere. Emits nothing."""
        index = self._index_of(point)
        if index is None:
            self.crosshair.hide()
            self._refresh_readout()
        else:
            reading = self._reading(index)
            self.crosshair.show(reading)
            self.header.set_readout(reading.text)

    def set_budget(self, bits: float) -> None:
        """Move the budget line; emits nothing."""
        self._budget = bits
        self.budget_line.setPos(math.log2(bits))
        self._budget_label.setText(f"{bits:.3g} bits")

    # Drawing --------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self.axes["left"].set_ticker(decade_ticks if self._log else linear_ticks)
        scale = scale_of(self._lines, log=self._log)
        for pipeline in self._items.keys() - {line.pipeline for line in self._lines}:
            self._items[pipeline].hide()
        drawn = [self._draw(line, scale) for line in self._lines]
        self._points = [point for line in self._lines for point in line.points]
        self._x = np.concatenate([np.empty(0), *(x for x, _ in drawn)])
        self._y = np.concatenate([np.empty(0), *(y for _, y in drawn)])
        self._draw_bound()
        self._draw_ring()
        self._fit_all(drawn)
        self._refresh_readout()

    def _draw(self, line: FrontierLine, scale: QualityScale) -> tuple[Floats, Floats]:
        if line.pipeline not in self._items:
            self._items[line.pipeline] = LineItems.added_to(self.plot)
        chosen = self._chosen is not None and self._chosen.pipeline == line.pipeline
        return self._items[line.pipeline].draw(
            line,
            scale,
            valid=self._is_valid,
            faded=self._is_stale,
            chosen=chosen,
        )

    def _draw_bound(self) -> None:
        bound = self._bound if self._measure == "nmse" and self._lines else ()
        bits, nmse = np.array(bound, dtype=np.float64).reshape(-1, 2).T
        self._bound_items.draw(bits, nmse, log=self._log, theme=self._theme)

    def _draw_ring(self) -> None:
        index = self._index_of(self._chosen)
        at = ([], []) if index is None else ([self._x[index]], [self._y[index]])
        self._ring.setData(*at)

    def _fit_all(self, drawn: Sequence[tuple[Floats, Floats]]) -> None:
        bounds = bounds_of(drawn)
        if bounds is None:
            return
        bottom = min(bounds.bottom, 0.0) if not self._log else bounds.bottom
        if self._log and self._measure == "nmse":
            # Room for the bound, which falls faster than any codec.
            bottom -= min(_ROOM_BELOW, 0.2 * (bounds.top - bounds.bottom) + 0.1)
        top = bounds.top + 0.03 * (bounds.top - bottom)  # symbols are not cut
        self._fit(Bounds(bounds.left, bounds.right, bottom, top))
        self._place_bound_label()

    def _place_bound_label(self) -> None:
        (left, _), (bottom, _) = self.plot.vb.viewRange()
        self._bound_items.place_label(left, bottom)

    def _restyle(self, theme: Theme) -> None:
        self._ring.setPen(pg.mkPen(theme.accent, width=2))
        self.budget_line.setPen(pg.mkPen(theme.accent, width=1))
        self.budget_line.setHoverPen(pg.mkPen(theme.accent, width=3))
        self._budget_label.setColor(QColor(theme.accent))
        self._budget_label.fill = pg.mkBrush(theme.base)
        self._budget_label.setFont(plot_font())
        self._redraw()

    # Answering ------------------------------------------------------------------------------

    def _index_of(self, point: FrontierPoint | None) -> int | None:
        if point is None:
            return None
        same = (i for i, p in enumerate(self._points) if _place(p) == _place(point))
        return next(same, None)

    def _nearest(self, x: float, y: float) -> tuple[int, float] | None:
        """Return the index of the nearest point and how many pixels away it is."""
        if not len(self._x):
            return None
        pixel = self._pixel()
        apart = np.hypot((self._x - x) / pixel[0], (self._y - y) / pixel[1])
        index = int(np.argmin(apart))
        return index, float(apart[index])

    def _reading(self, index: int) -> Reading:
        text = describe(self._points[index], self._measure)
        return Reading(float(self._x[index]), float(self._y[index]), text)

    def _reading_at(self, x: float, y: float) -> Reading | None:
        found = self._nearest(x, y)
        if found is None:
            return None
        self.point_hovered.emit(self._points[found[0]])
        return self._reading(found[0])

    def _leave(self) -> None:
        super()._leave()
        self.point_hovered.emit(None)

    def _standing_readout(self) -> str:
        index = self._index_of(self._chosen)
        return "" if index is None else describe(self._points[index], self._measure)

    def _click_at(self, x: float, y: float) -> None:
        found = self._nearest(x, y)
        if found is not None and found[1] <= _CLICK_PIXELS:
            self.point_chosen.emit(self._points[found[0]])

    def _step(self, direction: int, far: bool) -> None:
        line = self._chosen_line()
        if line is None:
            return
        places = [_place(point) for point in line.points]
        if self._chosen is None or _place(self._chosen) not in places:
            self.point_chosen.emit(min(line.points, key=lambda p: abs(p.bits - self._budget)))
            return
        last = len(places) - 1
        index = places.index(_place(self._chosen)) + direction * (last if far else 1)
        self.point_chosen.emit(line.points[min(max(index, 0), last)])

    def _step_line(self, direction: int) -> None:
        """Choose the nearest point of the next pipeline."""
        line = self._chosen_line()
        if line is None:
            return
        index = self._lines.index(line)
        if self._chosen is not None:
            index = (index + direction) % len(self._lines)
        bits = self._budget if self._chosen is None else self._chosen.bits
        points = self._lines[index].points
        self.point_chosen.emit(min(points, key=lambda point: abs(point.bits - bits)))

    def _chosen_line(self) -> FrontierLine | None:
        own = (
            line
            for line in self._lines
            if self._chosen is not None and line.pipeline == self._chosen.pipeline
        )
        return next(own, self._lines[0] if self._lines else None)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """Up and Down go to the next pipeline; the rest is every plot's."""
        ways = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event is not None and event.key() in ways and self._lines:
            self._step_line(ways[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _show_labels(self, tall: bool) -> None:
        super()._show_labels(tall)
        self._budget_label.setVisible(tall)

    @pyqtSlot(object)
    def _on_budget_line_dragged(self, _: object) -> None:
        self.budget_chosen.emit(float(np.exp2(np.clip(self.budget_line.value(), -2.0, 4.0))))

    @pyqtSlot(object, object, object)
    def _on_range_changed(self, *_: object) -> None:
        self._place_bound_label()


def _place(point: FrontierPoint) -> tuple[Pipeline, float]:
    return point.pipeline, point.asked_bits
