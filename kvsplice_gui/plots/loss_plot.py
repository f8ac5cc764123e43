"""The training loss of each method while it calibrates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.look.theme import CAPTION_PX, Theme
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.bounds import bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, log10_or_nan, nearest
from kvsplice_gui.plots.ticks import decade_ticks, linear_ticks

_MOST_POINTS = 300


@dataclass
class _Trace:
    """The losses of the row in work; thinned to stay short however long it runs."""

    k: int
    epochs: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def goes_on(self, k: int, epoch: float) -> bool:
        return k == self.k and (not self.epochs or epoch >= self.epochs[-1])

    def append(self, epoch: float, loss: float) -> None:
        self.epochs.append(epoch)
        self.losses.append(loss)
        if len(self.epochs) > _MOST_POINTS:
            # Every second point, counted from the last, which is the one being read.
            self.epochs, self.losses = self.epochs[::-2][::-1], self.losses[::-2][::-1]


class LossPlot(PlotFrame):
    """Draws the mean training MSE over epochs, one curve per method: that of its present k."""

    def __init__(self) -> None:
        super().__init__(
            "Training loss, MSE",
            "Calibrate to watch the training loss fall.",
            "epoch",
            has_log=True,
        )
        self._traces: dict[Method, _Trace] = {}
        self._lines: dict[Method, Any] = {}
        self._latest: Method | None = None
        self._legend = pg.LegendItem(offset=(-8, 4), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
        self._legend.setParentItem(self.plot.vb)
        self.set_log(True)
        self.set_theme(self._theme)

    def append(self, method: Method, k: int, epoch: float, loss: float) -> None:
        """Add a point; another k, or an epoch before the last one, starts the curve anew.

        Parameters
        ----------
        method, k
            What is being calibrated.
        epoch : float
            Epochs done, fractions included.
        loss : float
            Mean training MSE since the point before.
        """
        trace = self._traces.get(method)
        if trace is None or not trace.goes_on(k, epoch):
            trace = self._traces[method] = _Trace(k)
        trace.append(epoch, loss)
        self._latest = method
        if self.is_empty:
            self._set_empty(False)
        self._draw(method)
        self._fit_all()
        self._refresh_readout()

    def show_losses(self, losses: Mapping[Method, tuple[int, Sequence[float]]]) -> None:
        """Draw finished rows instead of what was appended.

        Parameters
        ----------
        losses : mapping of Method to (k, losses)
            Mean training MSE of each epoch.
        """
        if set(losses) != set(self._traces):
            self.clear()
        self._traces = {
            method: _Trace(k, [float(epoch) for epoch in range(1, len(own) + 1)], list(own))
            for method, (k, own) in losses.items()
        }
        self._latest = next(reversed(self._traces), None)
        self._set_empty(not self._traces)
        self._redraw()
        self._refresh_readout()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self._traces.clear()
        self._latest = None
        for line in self._lines.values():
            line.setData([], [])
        self._legend.clear()
        self._set_empty(True)

    def _redraw(self) -> None:
        self.axes["left"].set_ticker(decade_ticks if self._log else linear_ticks)
        for method in self._traces:
            self._draw(method)
        self._fit_all()

    def _fit_all(self) -> None:
        bounds = bounds_of(self._points(method) for method in self._traces)
        if bounds is not None:
            self._fit(bounds)

    def _draw(self, method: Method) -> None:
        epochs, losses = self._points(method)
        self._line_of(method).setData(epochs, losses)

    def _points(self, method: Method) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        trace = self._traces[method]
        losses = np.array(trace.losses)
        return np.array(trace.epochs), log10_or_nan(losses) if self._log else losses

    def _line_of(self, method: Method) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        if method not in self._lines:
            self._lines[method] = pg.PlotCurveItem(pen=pg.mkPen(style_of(method).colour))
            self.plot.addItem(self._lines[method])
        line = self._lines[method]
        if self._legend.getLabel(line) is None:
            self._legend.addItem(line, method.label)
        return line

    def _restyle(self, theme: Theme) -> None:
        self._legend.setLabelTextColor(QColor(theme.muted))
        self._legend.clear()
        self._redraw()

    def _reading_at(self, x: float, y: float) -> Reading | None:
        return nearest([self._series(m) for m in self._traces], x, y, self._pixel())

    def _series(self, method: Method) -> Series:
        return Series(*self._points(method), lambda index: self._describe(method, index))

    def _describe(self, method: Method, index: int) -> str:
        trace = self._traces[method]
        epoch, loss = three_digits(trace.epochs[index]), three_digits(trace.losses[index])
        return f"{method.label} · k = {trace.k} · epoch {epoch} · loss {loss}"

    def _standing_readout(self) -> str:
        return "" if self._latest is None else self._describe(self._latest, -1)
