"""The crosshair of a plot: it stands on the nearest point and knows what to say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PyQt6.QtGui import QColor

from kvsplice_gui.look.theme import Theme

_RING_SIZE = 11


@dataclass(frozen=True)
class Reading:
    """One point under the pointer: where it is drawn, and what the readout says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Series:
    """Points a crosshair may snap to, as they are drawn.

    Parameters
    ----------
    x, y : ndarray, shape (points,)
        In the coordinates of the view.
    describe : callable
        Returns what the readout says of the point of an index.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    describe: Callable[[int], str]


def nearest(
    series: Iterable[Series], x: float, y: float, pixel: tuple[float, float]
) -> Reading | None:
    """Return the point of `series` nearest to (x, y) on screen.

    Parameters
    ----------
    series : iterable of Series
        Points that are not finite are passed over.
    x, y : float
        The pointer, in the coordinates of the view.
    pixel : tuple of float
        Width and height of a pixel in those coordinates.
    """
    best, found = np.inf, None
    for one in series:
        distance = np.hypot((one.x - x) / pixel[0], (one.y - y) / pixel[1])
        distance[~np.isfinite(distance)] = np.inf
        if distance.size and distance.min() < best:
            index = int(distance.argmin())
            best = float(distance[index])
            found = Reading(float(one.x[index]), float(one.y[index]), one.describe(index))
    return found


def log10_or_nan(values: ArrayLike) -> NDArray[np.float64]:
    """Return log10 of `values`, NaN where there is none, without a warning."""
    numbers = np.asarray(values, dtype=np.float64)
    positive = np.where(numbers > 0, numbers, np.nan)
    return np.asarray(np.log10(positive), dtype=np.float64)


class Crosshair:
    """A thin vertical line and a ring, hidden until shown.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        Where it is drawn.
    """

    def __init__(self, plot: Any) -> None:  # noqa: ANN401  # pyqtgraph has no types
        self._line = pg.InfiniteLine(angle=90)
        self._has_line = True
        self._ring = pg.ScatterPlotItem(size=_RING_SIZE, symbol="o", brush=None)
        self._line.setZValue(40)
        self._ring.setZValue(41)
        plot.addItem(self._line, ignoreBounds=True)
        plot.addItem(self._ring, ignoreBounds=True)
        self.hide()

    @property
    def is_visible(self) -> bool:
        """Whether it stands on a point."""
        return bool(self._ring.isVisible())

    def show_only_ring(self) -> None:
        """Leave the line out for good, where a column is not what is read."""
        self._has_line = False

    def show(self, reading: Reading) -> None:
        """Stand on `reading`."""
        self._line.setPos(reading.x)
        self._ring.setData([reading.x], [reading.y])
        self._line.setVisible(self._has_line)
        self._ring.show()

    def hide(self) -> None:
        """Leave the plot."""
        self._line.hide()
        self._ring.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._line.setPen(QColor(theme.outline))
        self._ring.setPen(pg.mkPen(theme.text, width=1.5))
