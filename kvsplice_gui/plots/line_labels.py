"""Names written at the right ends of lines, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from kvsplice_gui.look.theme import CAPTION_PX, Theme, plot_font

_LINE_HEIGHT = CAPTION_PX + 3
_VEIL = "C0"


@dataclass(frozen=True)
class LineLabel:
    """A name, the colour of its line, and the line as it is drawn; arrays of shape (points,)."""

    name: str
    colour: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class LineLabels:
    """The labels of a plot's lines.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        Where they are written.
    """

    def __init__(self, plot: Any) -> None:  # noqa: ANN401  # pyqtgraph has no types
        self._plot = plot
        self._items: list[Any] = []
        self._written: dict[int, str] = {}

    def place(self, labels: Sequence[LineLabel], theme: Theme) -> None:
        """Write `labels` at the right edge of the view."""
        (_, right), (bottom, top) = self._plot.vb.viewRange()
        pixels = max(self._plot.vb.height(), 1.0)
        self._hide_from(len(labels))
        heights = [_height_at(label, right) for label in labels]
        rows = [(top - height) / (top - bottom) * pixels for height in heights]
        for index, row in spread(rows, _LINE_HEIGHT, pixels).items():
            item = self._item_at(index)
            self._write(index, _html(labels[index], theme))
            item.fill = pg.mkBrush(theme.base + _VEIL)
            item.setPos(right, top - row / pixels * (top - bottom))
            item.show()

    def _write(self, index: int, html: str) -> None:
        # Laying text out is the dearest part of a redraw.
        if self._written.get(index) != html:
            self._written[index] = html
            self._items[index].setHtml(html)

    def _hide_from(self, first: int) -> None:
        for item in self._items[first:]:
            item.hide()

    def _item_at(self, index: int) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        while index >= len(self._items):
            item = pg.TextItem(anchor=(1, 1))
            item.setFont(plot_font())
            item.textItem.document().setDocumentMargin(1)
            self._plot.addItem(item, ignoreBounds=True)
            self._items.append(item)
        return self._items[index]


def spread(rows: Sequence[float], height: float, room: float) -> dict[int, float]:
    """Move labels apart, from the top down, and then up again from the bottom.

    Parameters
    ----------
    rows : sequence of float
        Wished bottoms of the labels, in pixels from the top.
    height : float
        Height of a label in pixels.
    room : float
        Height of the plot in pixels.

    Returns
    -------
    dict of int to float
        Index and bottom of each label that is written; rows that are not finite are left out.
    """
    order = sorted((i for i in range(len(rows)) if np.isfinite(rows[i])), key=lambda i: rows[i])
    placed: dict[int, float] = {}
    above = 0.0
    for index in order:
        above = placed[index] = max(rows[index], above + height)
    below = room + height
    for index in reversed(order):
        below = placed[index] = min(placed[index], below - height)
    return placed


def _height_at(label: LineLabel, x: float) -> float:
    known = np.isfinite(label.x) & np.isfinite(label.y)
    if not known.any():
        return float("nan")
    return float(np.interp(x, label.x[known], label.y[known]))


def _html(label: LineLabel, theme: Theme) -> str:
    swatch = f"<span style='color:{label.colour}'>■</span>"
    return f"<span style='color:{theme.text}'>{label.name} {swatch}</span>"
