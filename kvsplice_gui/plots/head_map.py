"""A number of every head of a model: layers × heads, as colours."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QKeyEvent

from kvsplice_gui.look.theme import Theme
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.bounds import Bounds
from kvsplice_gui.plots.colour_bar import ColourBar, lookup_table
from kvsplice_gui.plots.crosshair import Reading
from kvsplice_gui.plots.header import quiet_button
from kvsplice_gui.plots.heading_line import HeadingLine
from kvsplice_gui.plots.notice import Notice
from kvsplice_gui.plots.ticks import Ticker, integer_ticks

Cell = tuple[int, int]

# Cividis (Nuñez, Anderton & Renslow 2018): one lightness ramp, alike for colour-blind readers.
_STOPS = ("#00224E", "#35456C", "#666970", "#948E77", "#C8B866", "#FEE838")
_BAR_AXIS_WIDTH = 52
_MUTED_OPACITY = 0.35
_LEFT_WIDTH = 28
_NO_CELLS: NDArray[np.float64] = np.empty((0, 0))
_STEPS_OF = {
    Qt.Key.Key_Up: (1, 0),
    Qt.Key.Key_Down: (-1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class HeadMap(PlotFrame):
    """Draws a number of every head.

    Click a cell, or walk with the arrows and press Return. Subclasses say how the numbers become
    colours and words.

    Parameters
    ----------
    title : str
        What the map shows, with the unit.
    empty_sentence : str
        Shown while there is nothing to draw.
    ticker : Ticker
        Labels of the colour bar.
    k_help : str
        What the switch to K does.

    Attributes
    ----------
    cell_chosen : signal (int, int)
        Layer and head chosen by hand.
    side_changed : signal (str)
        ``v`` or ``k`` was chosen by hand, of a map that holds both.
    """

    cell_chosen = pyqtSignal(int, int)
    side_changed = pyqtSignal(str)

    def __init__(self, title: str, empty_sentence: str, ticker: Ticker, k_help: str) -> None:
        super().__init__(title, empty_sentence, "head")
        self.crosshair.show_only_ring()
        self._cells = _NO_CELLS
        self._chosen: Cell | None = None
        self._cursor: Cell = (0, 0)
        self._padding = 0.0
        self._image = pg.ImageItem()
        self._casing, self._outline = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._cursor_outline = pg.PlotCurveItem()
        for item in (self._image, self._casing, self._outline, self._cursor_outline):
            self.plot.addItem(item)
        self.plot.setLabel("left", "layer")
        self._bar = ColourBar(self.plot, ticker, _BAR_AXIS_WIDTH)
        for axis in self.axes.values():
            axis.set_ticker(integer_ticks)
            axis.setGrid(False)
        self.axes["left"].setWidth(_LEFT_WIDTH + 16)
        self.k_button = quiet_button("K", f"{k_help} (K)")
        self.k_button.setCheckable(True)
        self.k_button.clicked.connect(self._on_k_clicked)
        self.k_button.hide()
        self.header.add_button(self.k_button)
        self.heading, self.notice = HeadingLine(), Notice()
        layout = self.layout()
        if layout is not None:
            layout.removeWidget(self._stack)
            layout.addWidget(self.heading)
            layout.addWidget(self.notice)
            layout.addWidget(self._stack)
        self.set_theme(self._theme)

    def show_cells(self, cells: NDArray[np.float64] | None) -> None:
        """Draw the numbers.

        Parameters
        ----------
        cells : ndarray, shape (layers, heads), or None
            NaN where there is none.
        """
        shape = self._cells.shape
        self._cells = _NO_CELLS if cells is None else np.asarray(cells, dtype=np.float64)
        if self._cells.shape != shape:
            self._cursor = (0, 0)
        self._set_empty(not self._cells.size)
        self._redraw()

    def show_side(self, side: str, title: str, *, has_both: bool) -> None:
        """Show a title, and that ``v`` or ``k`` is drawn; emits nothing."""
        self.k_button.setVisible(has_both)
        self.k_button.setChecked(side == "k")
        self.header.title.setText(title)

    def show_heading(self, text: str, *, is_current: bool = True) -> None:
        """Say what the map is of; faded where that is not what is chosen now."""
        self.heading.say(text, is_current=is_current)
        self._image.setOpacity(1.0 if is_current else _MUTED_OPACITY)

    def show_chosen(self, cell: Cell | None) -> None:
        """Outline the layer and head that are open."""
        self._chosen = cell
        if cell is not None and not self.hasFocus():
            self._cursor = cell
        self._draw_outlines()
        self._refresh_readout()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.notice.say("")
        self.show_cells(None)

    def _redraw(self) -> None:
        if not self._cells.size:
            return
        layers, heads = self._cells.shape
        low, top = self._levels()
        self._image.setImage(self._colours(low).T, levels=(low, top), autoLevels=False)
        self._image.setRect(QRectF(-0.5, -0.5, heads, layers))
        self._bar.set_range(low, top)
        self._fit(Bounds(-0.5, heads - 0.5, -0.5, layers - 0.5))
        self._draw_outlines()
        self._refresh_readout()

    # What a subclass overrides --------------------------------------------------------------

    def _levels(self) -> tuple[float, float]:
        """Return what the ends of the colours stand for."""
        raise NotImplementedError

    def _colours(self, low: float) -> NDArray[np.float64]:
        """Return the numbers on the scale of the levels, the lowest being `low`."""
        raise NotImplementedError

    def _value_words(self, cell: Cell) -> str:
        """Return what is said of a cell."""
        raise NotImplementedError

    # -----------------------------------------------------------------------------------------

    def _draw_outlines(self) -> None:
        for item in (self._casing, self._outline):
            item.setData(*_square(self._chosen, 0.46))
        self._cursor_outline.setData(*_square(self._cursor if self.hasFocus() else None, 0.38))

    def _restyle(self, theme: Theme) -> None:
        table = lookup_table(_STOPS)
        self._image.setLookupTable(table)
        self._bar.restyle(theme, table)
        # White on black: the map has every lightness, so one of the two always stands out.
        self._casing.setPen(pg.mkPen("#000000", width=6))
        self._outline.setPen(pg.mkPen("#FFFFFF", width=2))
        self._cursor_outline.setPen(pg.mkPen("#FFFFFF", width=2, style=Qt.PenStyle.DashLine))
        self._redraw()

    def _cell_at(self, x: float, y: float) -> Cell | None:
        layer, head = round(y), round(x)
        layers, heads = self._cells.shape
        return (layer, head) if 0 <= layer < layers and 0 <= head < heads else None

    def _reading_at(self, x: float, y: float) -> Reading | None:
        cell = self._cell_at(x, y)
        return None if cell is None else Reading(cell[1], cell[0], self._words(cell))

    def _words(self, cell: Cell) -> str:
        return f"layer {cell[0]} · head {cell[1]} · {self._value_words(cell)}"

    def _standing_readout(self) -> str:
        cell = self._chosen
        inside = cell is not None and self._cell_at(cell[1], cell[0]) is not None
        return self._words(cell) if inside and cell is not None else ""

    def _click_at(self, x: float, y: float) -> None:
        cell = self._cell_at(x, y)
        if cell is not None:
            self._cursor = cell
            self._draw_outlines()
            self.cell_chosen.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """Arrows walk over the cells; Return and Space open the one they stand on."""
        key = None if event is None else event.key()
        if self._cells.size and key in _STEPS_OF:
            self._walk(*_STEPS_OF[Qt.Key(key)])
        elif self._cells.size and key in _CHOOSE:
            self.cell_chosen.emit(*self._cursor)
        elif key == Qt.Key.Key_K and not self.k_button.isHidden():
            self._on_k_clicked(not self.k_button.isChecked())
        else:
            super().keyPressEvent(event)

    def _walk(self, up: int, right: int) -> None:
        layers, heads = self._cells.shape
        layer, head = self._cursor
        self._cursor = (min(max(layer + up, 0), layers - 1), min(max(head + right, 0), heads - 1))
        self._draw_outlines()
        self.header.set_readout(self._words(self._cursor))

    @pyqtSlot(bool)
    def _on_k_clicked(self, is_k: bool) -> None:
        self.side_changed.emit("k" if is_k else "v")


def _square(cell: Cell | None, half: float) -> tuple[list[float], list[float]]:
    """Return the corners of a square around a cell; none where there is no cell."""
    if cell is None:
        return [], []
    layer, head = cell
    x = [head - half, head + half, head + half, head - half, head - half]
    y = [layer - half, layer - half, layer + half, layer + half, layer - half]
    return x, y
