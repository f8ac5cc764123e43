"""The slopes of a spline, all dimensions × segments, coloured relative to 1."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.shapes import Shape, SplineShape
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.bounds import Bounds
from kvsplice_gui.plots.colour_bar import ColourBar, lookup_table
from kvsplice_gui.plots.crosshair import Reading
from kvsplice_gui.plots.shape_curves import MOST_DIMS, dim_colour
from kvsplice_gui.plots.ticks import Tick, integer_ticks

# Blue to orange: apart for every kind of colour blindness; the middle fades into the ground.
_LIGHT_STOPS = ("#08488E", "#5FA2D0", "#F1F1F1", "#F5A65B", "#9C3A03")
_DARK_STOPS = ("#8CCBFF", "#2F74B0", "#2B2F38", "#BA661F", "#FFB870")
_SPANS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
_BAR_AXIS_WIDTH = 42
_LEFT_WIDTH = 28
_MARK_SHARE = 0.06
_TITLE = "Slopes ds/dx"


class SlopeMap(PlotFrame):
    """Draws log2 of every slope; click a column, or walk with the arrows and press Return.

    Attributes
    ----------
    dim_chosen : signal (int)
        A dimension was chosen by hand.
    """

    dim_chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__(
            _TITLE,
            "Only splines have slopes. Calibrate and show Spline→PCA to see every segment.",
            "dimension",
        )
        self._shape: SplineShape | None = None
        self._dims: tuple[int, ...] = ()
        self._cursor = 0
        self._span = 0.0
        self._frame: tuple[int, int, tuple[int, ...]] | None = None
        self._padding = 0.0
        self._image = pg.ImageItem()
        self._marks = pg.ScatterPlotItem(size=9, symbol="t", pxMode=True)
        self.plot.addItem(self._image)
        self.plot.addItem(self._marks)
        self._bar = ColourBar(self.plot, _slope_ticks, _BAR_AXIS_WIDTH)
        for axis in self.axes.values():
            axis.set_ticker(integer_ticks)
            axis.setGrid(False)
        self.axes["left"].setWidth(_LEFT_WIDTH)
        self.set_theme(self._theme)

    def show_shape(self, shape: Shape | None, dims: tuple[int, ...], axes: Axes = Axes.RAW) -> None:
        """Draw the slopes of a spline in `axes` and mark `dims`.

        A transform that mixes dimensions has no slopes to draw; neither has None.
        """
        self._shape = shape if isinstance(shape, SplineShape) else None
        self._dims = dims[:MOST_DIMS]
        self._set_empty(self._shape is None)
        self.header.title.setText(_title(self._shape, axes))
        self._redraw()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.show_shape(None, ())

    def _redraw(self) -> None:
        if self._shape is None:
            return
        stretch = np.log2(np.maximum(self._shape.slopes.astype(np.float64), 1e-12))
        span = _span_of(stretch)
        self._image.setImage(stretch, levels=(-span, span), autoLevels=False)
        dims, segments = stretch.shape
        self._draw_frame(dims, segments, self._dims)
        self._draw_scale(span)

    def _draw_frame(self, dims: int, segments: int, marked: tuple[int, ...]) -> None:
        if self._frame == (dims, segments, marked):
            return
        self._frame = (dims, segments, marked)
        self._image.setRect(QRectF(-0.5, 0.5, dims, segments))
        self._draw_marks(dims, segments)
        self._fit(Bounds(-0.5, dims - 0.5, 0.5, segments * (1 + _MARK_SHARE) + 0.5))

    def _draw_scale(self, span: float) -> None:
        if span != self._span:
            self._span = span
            self._bar.set_range(-span, span)

    def _draw_marks(self, dims: int, segments: int) -> None:
        places = [(dim, place) for place, dim in enumerate(self._dims) if dim < dims]
        self._marks.setData(
            [dim for dim, _ in places],
            [segments * (1 + _MARK_SHARE / 2) + 0.5] * len(places),
            brush=[dim_colour(place) for _, place in places],
            pen=self._theme.base,
        )

    def _restyle(self, theme: Theme) -> None:
        stops = _DARK_STOPS if theme.is_dark else _LIGHT_STOPS
        table = lookup_table(stops)
        self._image.setLookupTable(table)
        self._bar.restyle(theme, table)
        self._frame = None
        self._redraw()

    def _cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        if self._shape is None:
            return None
        dims, segments = self._shape.slopes.shape
        dim, segment = round(x), round(y) - 1
        return (dim, segment) if 0 <= dim < dims and 0 <= segment < segments else None

    def _reading_at(self, x: float, y: float) -> Reading | None:
        cell = self._cell_at(x, y)
        if cell is None or self._shape is None:
            return None
        dim, segment = cell
        low, high = (float(x) for x in self._shape.knots_in[dim, segment : segment + 2])
        slopes = self._shape.slopes[dim]
        text = (
            f"dim {dim} · {_place(self._shape, segment)} · "
            f"slope {three_digits(float(slopes[segment]))} · "
            f"x {three_digits(low)} … {three_digits(high)}"
        )
        return Reading(dim, segment + 1, text)

    def _click_at(self, x: float, y: float) -> None:
        cell = self._cell_at(x, y)
        if cell is not None:
            self._cursor = cell[0]
            self.dim_chosen.emit(cell[0])

    def _step(self, direction: int, far: bool) -> None:
        if self._shape is None:
            return
        dims, segments = self._shape.slopes.shape
        self._cursor = int(np.clip(self._cursor + direction * (8 if far else 1), 0, dims - 1))
        reading = self._reading_at(self._cursor, (segments + 1) / 2)
        if reading is not None:
            self.crosshair.show(reading)
            self.header.set_readout(reading.text)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """Return and Space choose the dimension the arrows stand on."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event is not None and event.key() in keys and self._shape is not None:
            self.dim_chosen.emit(self._cursor)
        else:
            super().keyPressEvent(event)


def _title(shape: SplineShape | None, axes: Axes) -> str:
    curved = shape is not None and shape.pieces > 1
    pieces = f"{shape.pieces} pieces a segment" if curved and shape is not None else ""
    return ", ".join(filter(None, (_TITLE, axes.where, pieces)))


def _place(shape: SplineShape, row: int) -> str:
    """Return which segment of the spline a row of the map is, or which piece of one."""
    segments = shape.knots - 1
    if shape.pieces == 1:
        return f"segment {row + 1} of {segments}"
    if not 0 < row <= segments * shape.pieces:
        return "below the first knot" if row == 0 else "above the last knot"
    segment, piece = divmod(row - 1, shape.pieces)
    return f"segment {segment + 1} of {segments}, piece {piece + 1} of {shape.pieces}"


def _span_of(stretch: NDArray[np.float64]) -> float:
    # A few wild segments must not bleach the rest; fixed steps keep the colours still meanwhile.
    size = float(np.percentile(np.abs(stretch), 99))
    return next((span for span in _SPANS if span >= size), _SPANS[-1])


def _slope_ticks(low: float, high: float, _: float) -> list[Tick]:
    step = next((step for step in (2.0, 1.0, 0.5, 0.25, 0.125) if 4 * step <= high - low), 0.125)
    places = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return [(float(place), f"{2.0**place:.3g}") for place in places]
