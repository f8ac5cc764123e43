"""Cache bytes over tokens, with reference lines and the formula behind the numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSlot
from PyQt6.QtGui import QColor

from kvsplice_core.base import formats
from kvsplice_core.base.formats import format_bytes
from kvsplice_gui.look.theme import Theme, plot_font
from kvsplice_gui.plots import ticks
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.bounds import bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, nearest
from kvsplice_gui.plots.formula_label import FormulaLabel
from kvsplice_gui.plots.line_labels import LineLabel, LineLabels

Floats = NDArray[np.float64]
MemoryLine = tuple[str, Floats, Floats, str, bool]
MeasuredLine = tuple[str, Floats, Floats, str]

_LEFT_WIDTH = 64
_MARKER_ROW = 16
_POINT_SIZE = 8


class MemoryPlot(PlotFrame):
    """Draws one line per way to keep the cache, and what was measured as points on them."""

    def __init__(self) -> None:
        super().__init__(
            "Cache memory",
            "Choose a model to see the bytes of its cache as the text grows.",
            "tokens",
            has_log=True,
        )
        self.axes["left"].setWidth(_LEFT_WIDTH)
        self._lines: tuple[MemoryLine, ...] = ()
        self._curves: list[Any] = []
        self._measured: tuple[MeasuredLine, ...] = ()
        self._points: list[Any] = []
        self._chosen = _Marker(self.plot, row=0)
        self._break_even = _Marker(self.plot, row=1)
        self._labels = LineLabels(self.plot)
        self.plot.vb.sigRangeChanged.connect(self._on_view_changed)
        self.plot.vb.sigResized.connect(self._on_view_changed)
        self.formula = FormulaLabel()
        layout = self.layout()
        if layout is not None:
            layout.addWidget(self.formula)
        self._redraw()
        self.set_theme(self._theme)

    def show_memory(
        self,
        lines: tuple[MemoryLine, ...],
        marker: float,
        formula: str,
        break_even: float | None = None,
    ) -> None:
        """Draw the bytes of a cache.

        Parameters
        ----------
        lines : tuple of (name, tokens, bytes, colour, dashed)
            Two arrays of one shape (points,) each, tokens ascending, at most about 300 points.
        marker : float
            The chosen number of tokens, whose bytes the title row reads.
        formula : str
            The formula with its numbers, shown below.
        break_even : float, optional
            Tokens from which compression pays; nothing is marked where it never does.
        """
        self._lines = lines
        self._chosen.tokens = marker
        self._break_even.tokens = break_even
        self.formula.set_text(formula)
        self._set_empty(not lines)
        self._redraw()

    def show_measured(self, measured: tuple[MeasuredLine, ...]) -> None:
        """Draw measured bytes as points.

        Parameters
        ----------
        measured : tuple of (name, tokens, bytes, colour)
            Two arrays of one shape (points,) each, tokens ascending.
        """
        self._measured = measured
        self._draw_points()
        self._refresh_readout()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.show_memory((), 0, "")

    def _redraw(self) -> None:
        log = self._log
        self.axes["left"].set_ticker(ticks.bytes_log_ticks if log else ticks.bytes_ticks)
        self.axes["bottom"].set_ticker(ticks.tokens_log_ticks if log else ticks.tokens_ticks)
        for place in range(max(len(self._lines), len(self._curves))):
            self._draw(place)
        self._draw_points()
        self._draw_markers()
        self._fit_all()
        self._place_labels()
        self._refresh_readout()

    def _draw(self, place: int) -> None:
        if place == len(self._curves):
            self._curves.append(pg.PlotCurveItem())
            self.plot.addItem(self._curves[place])
        if place >= len(self._lines):
            self._curves[place].setData([], [])
            return
        _, tokens, size, colour, dashed = self._lines[place]
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        self._curves[place].setData(
            self._scaled(tokens), self._scaled(size), pen=pg.mkPen(colour, style=style)
        )

    def _draw_points(self) -> None:
        """Draw hollow circles, so that the line they should lie on is seen through them."""
        while len(self._points) < len(self._measured):
            self._points.append(pg.ScatterPlotItem(size=_POINT_SIZE, pxMode=True))
            self._points[-1].setZValue(5)
            self.plot.addItem(self._points[-1])
        for item, shown in itertools.zip_longest(self._points, self._measured):
            if shown is None:
                item.setData([], [])
                continue
            _, tokens, size, colour = shown
            # A scatter plot draws nothing in log mode by itself.
            item.setData(self._scaled(tokens), self._scaled(size), pen=pg.mkPen(colour), brush=None)

    def _fit_all(self) -> None:
        bounds = bounds_of(
            (self._scaled(tokens), self._scaled(size)) for _, tokens, size, *_ in self._lines
        )
        if bounds is not None:
            self._fit(bounds)

    def _draw_markers(self) -> None:
        self._chosen.draw("{} tokens", self._scaled)
        self._break_even.draw("pays from {} tokens", self._scaled)

    def _scaled(self, values: Floats) -> Floats:
        numbers = np.asarray(values, dtype=np.float64)
        if not self._log:
            return numbers
        positive = np.where(numbers > 0, numbers, np.nan)
        return np.asarray(np.log2(positive), dtype=np.float64)

    @pyqtSlot()
    @pyqtSlot(object)
    def _on_view_changed(self, *_: object) -> None:
        self._place_labels()

    def _place_labels(self) -> None:
        for marker in (self._chosen, self._break_even):
            marker.place(max(self.plot.vb.height(), 1.0))
        labels = [
            LineLabel(name, colour, self._scaled(tokens), self._scaled(size))
            for name, tokens, size, colour, _ in self._lines
        ]
        self._labels.place(labels, self._theme)

    def _restyle(self, theme: Theme) -> None:
        self._chosen.set_theme(theme, theme.accent, Qt.PenStyle.SolidLine)
        self._break_even.set_theme(theme, theme.muted, Qt.PenStyle.DotLine)
        self._place_labels()

    def _reading_at(self, x: float, y: float) -> Reading | None:
        measured = ((*points, False) for points in self._measured)
        series = [self._series(line) for line in (*measured, *self._lines)]
        return nearest(series, x, y, self._pixel())

    def _standing_readout(self) -> str:
        at = self._chosen.tokens or 0
        parts = [
            f"{name} {format_bytes(round(float(np.interp(at, tokens, size))))}"
            for name, tokens, size, *_ in self._lines
        ]
        return " · ".join(parts)

    def _series(self, line: MemoryLine) -> Series:
        name, tokens, size, *_ = line

        def describe(index: int) -> str:
            at = formats.count(round(float(tokens[index])))
            return f"{name} · {at} tokens · {format_bytes(round(float(size[index])))}"

        return Series(self._scaled(tokens), self._scaled(size), describe)


class _Marker:
    """A vertical line at a number of tokens, with its words."""

    def __init__(self, plot: Any, row: int) -> None:  # noqa: ANN401  # pyqtgraph has no types
        self._row = row
        self.tokens: float | None = None
        self._line = pg.InfiniteLine(angle=90)
        self._line.setZValue(10)
        self._label = pg.InfLineLabel(self._line, "", anchors=[(-0.04, 0.5), (1.04, 0.5)])
        plot.addItem(self._line, ignoreBounds=True)

    def draw(self, words: str, scaled: Callable[[Floats], Floats]) -> None:
        shown = self.tokens is not None and self.tokens > 0
        self._line.setVisible(shown)
        if shown:
            self._line.setPos(float(scaled(np.array([self.tokens]))[0]))
            self._label.setText(words.format(formats.count(round(self.tokens or 0))))

    def place(self, pixels: float) -> None:
        from_top = (self._row + 0.5) * _MARKER_ROW
        self._label.setPosition(max(0.0, 1 - from_top / pixels))

    def set_theme(self, theme: Theme, colour: str, style: Qt.PenStyle) -> None:
        self._line.setPen(pg.mkPen(colour, style=style))
        self._label.setColor(QColor(colour))
        self._label.fill = pg.mkBrush(theme.base)
        self._label.setFont(plot_font())
        self._label.textItem.document().setDocumentMargin(1)
