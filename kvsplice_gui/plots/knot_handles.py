"""The knots of a plot as handles: each can be taken, dragged and let go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QColor

from kvsplice_gui.look.theme import Theme

REACH_PX = 10
"""How far from a handle a hand still takes it."""

_SIZE = 10
_CHOSEN_SIZE = 14


class KnotHandles(pg.ScatterPlotItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Rings that follow the mouse; what they move, others decide.

    Signals
    -------
    taken : int
        The handle of this place is in the hand.
    dragged : (float, float)
        Where the hand wants it, in the coordinates of the view.
    dropped
        The hand let go.
    """

    taken = pyqtSignal(int)
    dragged = pyqtSignal(float, float)
    dropped = pyqtSignal()

    def __init__(self) -> None:
        super().__init__(pxMode=True, symbol="o", size=_SIZE)
        self.setZValue(50)
        self._x: NDArray[np.float64] = np.empty(0)
        self._y: NDArray[np.float64] = np.empty(0)
        self._offset: QPointF | None = None
        self._is_dropped = False

    @property
    def is_held(self) -> bool:
        """Whether one is in the hand."""
        return self._offset is not None

    def show_places(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        colours: list[str],
        chosen: int | None,
        theme: Theme,
    ) -> None:
        """Draw the handles at (x, y); the chosen one is filled."""
        self._x, self._y = x, y
        here = range(len(x))
        self.setData(
            x,
            y,
            size=[_CHOSEN_SIZE if i == chosen else _SIZE for i in here],
            pen=[pg.mkPen(theme.text if i == chosen else colours[i], width=1.5) for i in here],
            brush=[QColor(theme.accent if i == chosen else theme.base) for i in here],
        )

    def nearest(self, x: float, y: float) -> int | None:
        """Return the handle within reach of (x, y), or None."""
        if not len(self._x) or self.getViewBox() is None:
            return None
        width, height = self.getViewBox().viewPixelSize()
        away = np.hypot((self._x - x) / (width or 1.0), (self._y - y) / (height or 1.0))
        place = int(away.argmin())
        return place if away[place] <= REACH_PX else None

    def let_go(self) -> None:
        """Take what is held out of the hand; the rest of the drag moves nothing."""
        self._is_dropped = self.is_held
        self._offset = None

    def hoverEvent(self, event: Any) -> None:  # noqa: ANN401, N802  # pyqtgraph's name and event
        """Claim drags that begin on a handle, and show that it can be taken."""
        near = None
        if not event.isExit():
            near = self.nearest(event.pos().x(), event.pos().y())
        if near is not None:
            event.acceptDrags(Qt.MouseButton.LeftButton)
        self.setCursor(
            Qt.CursorShape.ArrowCursor if near is None else Qt.CursorShape.PointingHandCursor
        )

    def mouseDragEvent(self, event: Any) -> None:  # noqa: ANN401, N802  # pyqtgraph's name and event
        """Follow the mouse from a handle on; elsewhere the drag pans the plot."""
        if event.button() != Qt.MouseButton.LeftButton or not self._begins_or_goes_on(event):
            event.ignore()
            return
        event.accept()
        if self._offset is not None:
            there = event.pos() + self._offset
            self.dragged.emit(there.x(), there.y())
        if event.isFinish():
            was_held, self._offset, self._is_dropped = self.is_held, None, False
            if was_held:
                self.dropped.emit()

    def _begins_or_goes_on(self, event: Any) -> bool:  # noqa: ANN401
        if not event.isStart():
            return self.is_held or self._is_dropped
        down = event.buttonDownPos()
        place = self.nearest(down.x(), down.y())
        if place is None:
            return False
        self._offset = QPointF(self._x[place] - down.x(), self._y[place] - down.y())
        self._is_dropped = False
        self.taken.emit(place)
        return True
