"""The colour scale of a map, and the bar beside it that reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor

from kvsplice_gui.look.theme import Theme
from kvsplice_gui.plots.axis import TickerAxis
from kvsplice_gui.plots.ticks import Ticker

STEPS = 256
_WIDTH = 10
_PADDING = 0.04


class ColourBar:
    """Stands right of a plot and says what its colours mean.

    Parameters
    ----------
    plot : PlotItem
        The plot of the map.
    ticker : Ticker
        Labels of the scale.
    axis_width : int
        Pixels for the labels.
    """

    def __init__(self, plot: Any, ticker: Ticker, axis_width: int) -> None:  # noqa: ANN401
        self.axis = TickerAxis("right")
        self.axis.set_ticker(ticker)
        self.axis.setGrid(False)
        self.axis.setWidth(axis_width)
        self.view = pg.ViewBox(enableMouse=False, enableMenu=False)
        self.view.setFixedWidth(_WIDTH)
        self.view.setXRange(0, 1, padding=0)
        self._image = pg.ImageItem(np.linspace(0, 1, STEPS)[None, :])
        self.view.addItem(self._image)
        self.axis.linkToView(self.view)
        plot.layout.addItem(self.view, 2, 3)
        plot.layout.addItem(self.axis, 2, 4)

    def set_range(self, low: float, high: float) -> None:
        """Let the colours span `low` … `high`."""
        self._image.setRect(QRectF(0, low, 1, high - low))
        self.view.setRange(yRange=(low, high), padding=_PADDING)

    def restyle(self, theme: Theme, table: NDArray[np.uint8]) -> None:
        """Take the theme's colours and a lookup table of shape (256, 3)."""
        self._image.setLookupTable(table)
        self.axis.set_theme(theme)


def lookup_table(stops: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the colours between `stops`; shape (256, 3)."""
    channels = np.array([QColor(stop).getRgb()[:3] for stop in stops], dtype=np.float64)
    place = np.linspace(0, len(stops) - 1, STEPS)
    columns = [np.interp(place, np.arange(len(stops)), channel) for channel in channels.T]
    return np.stack(columns, axis=1).round().astype(np.uint8)
