"""The legend beside a frontier: eleven lines leave no free corner in the plot."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QIcon,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol

from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.palette import pipeline_style
from kvsplice_gui.look.theme import CAPTION_PX, LIGHT, SPACING, Theme, plot_font
from kvsplice_gui.plots.frontier_items import SYMBOL_SIZE, line_pen

_ROW_PX = 17
_LEAST_ROW_PX = 12
_SWATCH_PX = 34
_LEAST_PX, _MOST_PX = 150, 224
_SHORTER = (
    (" · PCA · ", " · "),
    ("heads joined", "joined"),
    ("heads pooled", "pooled"),
    ("quadratic manifold", "quadratic"),
    ("polynomial features", "polynomial"),
    ("plain rounding, groups of", "rounding per token,"),
)


def draw_swatch(painter: QPainter, box: QRect, pipeline: Pipeline, ground: str) -> None:
    """Draw a pipeline's dash and symbol into `box`; hollow symbols show the ground."""
    style, middle = pipeline_style(pipeline), box.center()
    painter.setPen(line_pen(style, width=1.5))
    painter.drawLine(box.left(), middle.y(), box.right(), middle.y())
    fill = QColor(style.colour if style.filled else ground)
    painter.save()
    painter.translate(middle.x() + 0.5, middle.y() + 0.5)
    drawSymbol(painter, style.symbol, SYMBOL_SIZE, QPen(QColor(style.colour), 0.15), fill)
    painter.restore()


def swatch_icon(pipeline: Pipeline, theme: Theme, ratio: float = 2.0) -> QIcon:
    """Return a pipeline's dash and symbol as an icon of 28 × 14 pixels."""
    size = QSize(28, 14)
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw_swatch(painter, QRect(0, 0, size.width() - 1, size.height() - 1), pipeline, theme.base)
    painter.end()
    return QIcon(pixmap)


def short_label(pipeline: Pipeline) -> str:
    """Return a pipeline's label with the words a legend can do without."""
    label = pipeline.label
    for long, short in _SHORTER:
        label = label.replace(long, short)
    return label


class FrontierLegend(QWidget):
    """Names of the lines in their order; a click asks for a pipeline.

    Signals
    -------
    pipeline_clicked : Pipeline
    """

    pipeline_clicked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pipelines: tuple[Pipeline, ...] = ()
        self._chosen: Pipeline | None = None
        self._theme = LIGHT
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Legend of the frontier")

    def show_pipelines(self, pipelines: Sequence[Pipeline], chosen: Pipeline | None) -> None:
        """Name the lines that are drawn; the chosen one in the accent."""
        self._pipelines, self._chosen = tuple(pipelines), chosen
        self.setVisible(bool(pipelines))
        self.updateGeometry()
        self.update()

    def show_chosen(self, chosen: Pipeline | None) -> None:
        """Name another pipeline in the accent; None names none."""
        self._chosen = chosen
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt's name
        """Return room for the names, within reason."""
        metrics = QFontMetrics(_bold())
        widths = (metrics.horizontalAdvance(short_label(one)) for one in self._pipelines)
        width = _SWATCH_PX + max(widths, default=0) + SPACING // 2
        return QSize(min(max(width, _LEAST_PX), _MOST_PX), _ROW_PX * max(1, len(self._pipelines)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802  # Qt's name
        """Return room for the width only; rows move closer, and the last are left out."""
        return QSize(self.sizeHint().width(), 0)

    def pipeline_at(self, y: float) -> Pipeline | None:
        """Return whose row is at a height in pixels from the top."""
        index = int((y - SPACING) // self._row_height())
        return self._pipelines[index] if 0 <= index < len(self._pipelines) else None

    def _row_height(self) -> int:
        room = (self.height() - SPACING) // max(1, len(self._pipelines))
        return min(_ROW_PX, max(_LEAST_ROW_PX, room))

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802  # Qt's name
        """Paint a row for each pipeline."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self._row_height()
        for place, pipeline in enumerate(self._pipelines):
            self._paint_row(painter, pipeline, SPACING + place * height, height)

    def _paint_row(self, painter: QPainter, pipeline: Pipeline, top: int, height: int) -> None:
        swatch = QRect(SPACING // 2, top, _SWATCH_PX - SPACING, height)
        draw_swatch(painter, swatch, pipeline, self._theme.window)
        is_chosen = pipeline == self._chosen
        painter.setFont(_bold() if is_chosen else plot_font(CAPTION_PX))
        painter.setPen(QColor(self._theme.accent if is_chosen else self._theme.text))
        box = QRect(_SWATCH_PX, top, self.width() - _SWATCH_PX, height)
        text = painter.fontMetrics().elidedText(
            short_label(pipeline), Qt.TextElideMode.ElideMiddle, box.width()
        )
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), text)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  # Qt's name
        """Say the whole name, and what is typed for it."""
        pipeline = None if event is None else self.pipeline_at(event.position().y())
        self.setToolTip("" if pipeline is None else f"{pipeline.label}\n{pipeline.key}")
        if pipeline is None:
            QToolTip.hideText()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  # Qt's name
        """Ask for the pipeline that was clicked."""
        pipeline = None if event is None else self.pipeline_at(event.position().y())
        if pipeline is not None:
            self.pipeline_clicked.emit(pipeline)


def _bold() -> QFont:
    font = plot_font(CAPTION_PX)
    font.setBold(True)
    return font
