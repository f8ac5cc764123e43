"""The axis of every plot: it asks a ticker where its ticks stand."""

from __future__ import annotations

import pyqtgraph as pg
from PyQt6.QtGui import QColor

from kvsplice_gui.look.theme import Theme, plot_font
from kvsplice_gui.plots.ticks import Ticker, linear_ticks

_GRID_ALPHA = 255
_LEFT_WIDTH = 52
_CLOSER = 2.0


class TickerAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis without SI prefixes, of one level of ticks.

    Parameters
    ----------
    side : str
        ``left``, ``bottom``, ``right`` or ``top``.
    """

    def __init__(self, side: str) -> None:
        super().__init__(side, showValues=True)
        self._ticker: Ticker = linear_ticks
        self._labels: dict[float, str] = {}
        self.enableAutoSIPrefix(False)
        self.setStyle(
            tickLength=0, tickTextOffset=6, autoExpandTextSpace=False, hideOverlappingLabels=False
        )
        self.setGrid(_GRID_ALPHA)
        self._is_vertical = side in ("left", "right")
        if side == "left":
            # One width: plots stand in line, and none moves when a label grows.
            self.setWidth(_LEFT_WIDTH)

    def set_ticker(self, ticker: Ticker) -> None:
        """Draw the ticks of `ticker` from now on."""
        if ticker is not self._ticker:
            self._ticker = ticker
            self.picture = None
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.setPen(QColor(theme.border))
        self.setTickPen(QColor(theme.grid))
        self.setTextPen(QColor(theme.muted))
        self.setTickFont(plot_font())

    def tickValues(  # noqa: N802  # pyqtgraph's name
        self, low: float, high: float, pixels: float
    ) -> list[tuple[float, list[float]]]:
        """Return the positions of the ticks, one level."""
        # Numbers are wider than high, so ticks above each other may stand closer.
        room = pixels * _CLOSER if self._is_vertical else pixels
        self._labels = dict(self._ticker(min(low, high), max(low, high), room))
        return [(1.0, list(self._labels))]

    def tickStrings(  # noqa: N802  # pyqtgraph's name
        self, values: list[float], *_: object
    ) -> list[str]:
        """Return what the ticks at `values` say."""
        return [self._labels.get(value, "") for value in values]
