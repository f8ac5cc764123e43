"""What the frontier plot is made of: the items of one pipeline, the bound, and the scale of y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtGui import QColor, QPen

from kvsplice_core.report.palette import PipelineStyle, pipeline_style
from kvsplice_gui.look.theme import Theme, plot_font
from kvsplice_gui.plots.quality_items import QualityScale
from kvsplice_gui.readouts.frontier import FrontierLine

Floats = NDArray[np.float64]

SYMBOL_SIZE = 9
_CHOSEN_WIDTH = 2.4
_INVALID_SYMBOL = "x"
_FADED = 110
_BOUND_ALPHA = 28
_BOUND_LABEL = "Gaussian bound: no Gaussian codec below"
_FLOOR = -30.0


def line_pen(style: PipelineStyle, *, alpha: int = 255, width: float = 1.0) -> QPen:
    """Return the pen of a pipeline's line; `alpha` is 0 … 255."""
    colour = QColor(style.colour)
    colour.setAlpha(alpha)
    pen: QPen = pg.mkPen(colour, width=width)
    if style.dash:
        pen.setDashPattern([part / width for part in style.dash])
    return pen


def scale_of(lines: Sequence[FrontierLine], *, log: bool) -> QualityScale:
    """Return where numbers stand on y: at the floor what is 0 or less on a log axis."""
    if not log:
        return QualityScale(log=False)
    numbers = np.concatenate([np.empty(0), *(line.value for line in lines)])
    positive = numbers[numbers > 0]
    least = float(positive.min()) if len(positive) else 1e-6
    return QualityScale(log=True, floor=least / 2 if (numbers <= 0).any() else least / 1.2)


class LineItems(NamedTuple):
    """Line, points and whiskers of one pipeline."""

    line: Any
    points: Any
    whiskers: Any

    @classmethod
    def added_to(cls, plot: Any) -> LineItems:  # noqa: ANN401  # pyqtgraph has no types
        """Return new items in a plot; the points lie over the whiskers."""
        line, whiskers = pg.PlotCurveItem(antialias=True), pg.ErrorBarItem()
        points = pg.ScatterPlotItem(antialias=True)
        for item in (line, whiskers, points):
            plot.addItem(item, ignoreBounds=True)
        return cls(line, points, whiskers)

    def draw(
        self,
        line: FrontierLine,
        scale: QualityScale,
        *,
        valid: bool,
        faded: bool,
        chosen: bool,
    ) -> tuple[Floats, Floats]:
        """Draw a pipeline and return where its points stand; crosses where not valid.

        Hollow symbols are open, so that those of curves that coincide all stay visible.
        """
        style = pipeline_style(line.pipeline)
        x = np.asarray(np.log2(line.bits), dtype=np.float64)
        y, low, high = map(scale.drawn, (line.value, line.low, line.high))
        alpha = _FADED if faded else 255
        pen = line_pen(style, alpha=alpha, width=_CHOSEN_WIDTH if chosen else 1.0)
        solid = line_pen(PipelineStyle(style.colour, style.symbol, style.marker), alpha=alpha)
        self.line.setData(x, y, pen=pen)
        self.line.setVisible(valid)
        self.points.setData(
            x,
            y,
            symbol=style.symbol if valid else _INVALID_SYMBOL,
            brush=pg.mkBrush(solid.color()) if style.filled and valid else None,
            pen=solid,
            size=SYMBOL_SIZE,
        )
        self.points.show()
        self.whiskers.setData(x=x, y=y, top=high - y, bottom=y - low, beam=0.03, pen=solid)
        self.whiskers.setVisible(bool((line.high > line.low).any()))
        for place, item in enumerate((self.line, self.whiskers, self.points)):
            item.setZValue(place + (10 if chosen else 0))
        return x, y

    def hide(self) -> None:
        """Show none of them."""
        for item in self:
            item.hide()


class BoundItems:
    """The Gaussian rate–distortion bound: a thin line over a tinted region, with its name."""

    def __init__(self, plot: Any) -> None:  # noqa: ANN401  # pyqtgraph has no types
        self.line = pg.PlotCurveItem(antialias=True, fillLevel=_FLOOR)
        self.line.setZValue(-20)
        self.label = pg.TextItem(_BOUND_LABEL, anchor=(0, 1))
        self.label.setFont(plot_font())
        self.label.setZValue(-15)
        for item in (self.line, self.label):
            plot.addItem(item, ignoreBounds=True)

    def draw(self, bits: Floats, nmse: Floats, *, log: bool, theme: Theme) -> None:
        """Draw the bound; empty arrays take it away."""
        x, y = np.log2(bits), np.log10(np.maximum(nmse, 10**_FLOOR)) if log else nmse
        tint = QColor(theme.muted)
        tint.setAlpha(_BOUND_ALPHA)
        self.line.setFillLevel(_FLOOR if log else 0.0)
        self.line.setData(x, y, pen=pg.mkPen(theme.muted), brush=pg.mkBrush(tint))
        self.label.setColor(QColor(theme.muted))
        self.label.setVisible(bool(len(bits)))

    def place_label(self, left: float, bottom: float) -> None:
        """Put the name into the lower left corner of the view, which lies under the bound."""
        self.label.setPos(left, bottom)
