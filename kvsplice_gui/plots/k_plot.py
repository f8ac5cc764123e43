"""A plot over the bottleneck dimension k, with the chosen k as a line that can be dragged."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pyqtgraph as pg
from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor

from kvsplice_gui.look.theme import Theme, plot_font
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.ticks import k_ticks


class KPlot(PlotFrame):
    """Draws over log2 k, because a codec changes most where k is small.

    The line, a click and the arrow keys choose a k; with Ctrl or Shift an arrow goes to the
    next k that was computed. Nothing moves until `set_k` is called.

    Attributes
    ----------
    k_chosen : signal (int)
        A k from 1 to the largest was chosen by hand.
    """

    k_chosen = pyqtSignal(int)

    def __init__(self, title: str, empty_sentence: str, *, has_log: bool = False) -> None:
        super().__init__(title, empty_sentence, "k, numbers kept per vector", has_log=has_log)
        self._k = 1
        self._ks: tuple[int, ...] = ()
        self._largest_k = 1
        self._wished_k = 1
        self.k_line = pg.InfiniteLine(angle=90, movable=True)
        self._k_label = pg.InfLineLabel(
            self.k_line, "", position=0.96, anchors=[(-0.1, 0.5), (1.1, 0.5)]
        )
        self.k_line.setZValue(30)
        self.k_line.sigDragged.connect(self._on_k_line_dragged)
        self.k_line.sigPositionChangeFinished.connect(self._on_k_line_released)
        self.plot.addItem(self.k_line, ignoreBounds=True)

    @property
    def k(self) -> int:
        """The k shown."""
        return self._k

    def set_k(self, k: int) -> None:
        """Move the line to `k`; emits nothing."""
        if k < 1:
            return
        self._k = self._wished_k = k
        self.k_line.setPos(math.log2(k))
        self._k_label.setText(f"k = {k}")
        self._refresh_readout()

    def _set_ks(self, ks: Iterable[int], largest: int) -> None:
        known, self._ks = self._ks, tuple(sorted(set(ks)))
        self._largest_k = max(largest, *self._ks, 1)
        if self._ks != known:
            self.axes["bottom"].set_ticker(k_ticks(self._ks))

    def _restyle(self, theme: Theme) -> None:
        self.k_line.setPen(pg.mkPen(theme.accent, width=1))
        self.k_line.setHoverPen(pg.mkPen(theme.accent, width=3))
        self._k_label.setColor(QColor(theme.accent))
        self._k_label.fill = pg.mkBrush(theme.base)
        self._k_label.setFont(plot_font())

    def _show_labels(self, tall: bool) -> None:
        super()._show_labels(tall)
        self._k_label.setVisible(tall)

    def _choose(self, k: int) -> None:
        k = min(max(k, 1), self._largest_k)
        if k != self._wished_k:
            self._wished_k = k
            self.k_chosen.emit(k)

    def _click_at(self, x: float, _y: float) -> None:
        self._choose(_k_at(x))

    def _step(self, direction: int, far: bool) -> None:
        beyond = [k for k in self._ks if (k - self._k) * direction > 0]
        if not far:
            self._choose(self._k + direction)
        elif beyond:
            self._choose(min(beyond, key=lambda k: abs(k - self._k)))

    @pyqtSlot(object)
    def _on_k_line_dragged(self, _: object) -> None:
        self._choose(_k_at(self.k_line.value()))

    @pyqtSlot(object)
    def _on_k_line_released(self, _: object) -> None:
        self.k_line.setPos(math.log2(self._k))


def _k_at(x: float) -> int:
    return max(1, round(math.exp2(min(x, 30.0))))
