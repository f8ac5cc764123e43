"""All points of a frontier: sortable, copyable, pinned to the plot."""

from __future__ import annotations

from PyQt6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSize,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import QBrush, QColor, QIcon
from PyQt6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from kvsplice_core.base.estimates import Change
from kvsplice_core.base.formats import MISSING, percent, three_digits
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult
from kvsplice_gui.look.theme import LIGHT, Theme
from kvsplice_gui.panels.record_table import Field, RecordTable
from kvsplice_gui.plots.frontier_legend import swatch_icon

_EMPTY = "Press Measure frontier to see every pipeline at every budget, with its verdict."
_LAST = float("inf")
_ROLES = {"gain": "good", "loss": "error"}


def _change(change: Change | None) -> str:
    return "" if change is None else percent(change.percent)


def _interval(change: Change | None) -> str:
    return "" if change is None else f"{percent(change.low)} … {percent(change.high)}"


def _key(change: Change | None) -> float:
    return _LAST if change is None else change.percent


def _verdict(point: FrontierPoint) -> str:
    return "" if point.change is None else point.change.verdict.value


def _cost(point: FrontierPoint) -> str:
    if point.quality is None:
        return MISSING
    found = point.quality.delta_nll
    return f"{three_digits(found.value)} [{three_digits(found.low)}, {three_digits(found.high)}]"


FIELDS = (
    Field("Pipeline", "What was measured", lambda p: p.pipeline.label, width=296),
    Field(
        "Bits", "Per value, everything counted", lambda p: three_digits(p.bits),
        lambda p: p.bits, 56, is_number=True,
    ),
    Field(
        "Stored", "Bits per value of each token", lambda p: three_digits(p.vector_bits),
        lambda p: p.vector_bits, 64, is_number=True,
    ),
    Field(
        "Codec", "The codec's own bytes, spread over the counted tokens; bits per value",
        lambda p: three_digits(p.side_bits), lambda p: p.side_bits, 68, is_number=True,
    ),
    Field(
        "k", "Numbers kept per vector, where numbers are kept",
        lambda p: "" if p.k is None else str(p.k), lambda p: p.k or 0, 44, is_number=True,
    ),
    Field(
        "NMSE", "Squared error over variance, test part", lambda p: three_digits(p.nmse),
        lambda p: p.nmse, 72, is_number=True,
    ),
    Field(
        "ΔNLL", "Through the model's cache, nats per token, with its interval", _cost,
        lambda p: _LAST if p.quality is None else p.quality.delta_nll.value, 188, is_number=True,
    ),
    Field(
        "Change", "Of the squared error against the reference", lambda p: _change(p.change),
        lambda p: _key(p.change), 80, is_number=True,
    ),
    Field(
        "95 % interval", "Paired block bootstrap over tokens", lambda p: _interval(p.change),
        lambda p: _key(p.change), 136, is_number=True,
    ),
    Field(
        "Verdict", "A tie when the interval holds 0", _verdict, _verdict, 80,
        colour=lambda p: _ROLES.get(_verdict(p), ""),
    ),
    Field(
        "Surrogate", "The same change on a Gaussian of equal mean and covariance",
        lambda p: _change(p.surrogate), lambda p: _key(p.surrogate), 92, is_number=True,
    ),
    Field(
        "Gap", "Error over the Gaussian bound at equal stored bits, dB",
        lambda p: f"{three_digits(p.gap_db)} dB", lambda p: p.gap_db, 72, is_number=True,
    ),
    Field(
        "Replaced", "Codecs that plain PCA or plain rounding replaced, of all",
        lambda p: f"{p.replaced} of {p.codecs}", lambda p: p.replaced, 92, is_number=True,
        colour=lambda p: "warning" if p.replaced else "",
    ),
    Field(
        "Against", "What it is compared with",
        lambda p: "" if p.reference is None else p.reference.label, width=160,
    ),
)  # fmt: skip
_COST = next(i for i, field in enumerate(FIELDS) if field.heading == "ΔNLL")
_SURROGATE = next(i for i, field in enumerate(FIELDS) if field.heading == "Surrogate")


class FrontierTable(RecordTable):
    """The points of a frontier.

    Signals
    -------
    point_hovered : FrontierPoint or None
        The pointer is on a row, or on none any more.
    """

    point_hovered = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__("Frontier points", _EMPTY, FIELDS)
        self._rows = _Rows(self)
        self.view.setItemDelegate(self._rows)
        self.view.setIconSize(QSize(28, 14))
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setMouseTracking(True)
        self.view.entered.connect(lambda index: self.point_hovered.emit(self._record(index)))
        viewport = self.view.viewport()
        if viewport is not None:
            viewport.installEventFilter(self)

    def show_frontier(self, result: FrontierResult | None) -> None:
        """Show all points; columns only for what was measured."""
        points = () if result is None else result.points
        self.show_records(points)
        self.view.setColumnHidden(_COST, result is None or not result.of_model)
        measured = any(point.surrogate is not None for point in points)
        self.view.setColumnHidden(_SURROGATE, not measured)

    def show_chosen(self, point: FrontierPoint | None) -> None:
        """Select the row of the chosen point; emits nothing."""
        selection = self.view.selectionModel()
        index = self._index(point)
        if selection is None:
            return
        if index is None:
            selection.clearSelection()
            return
        flags = QItemSelectionModel.SelectionFlag
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.view.scrollTo(index)

    def show_hovered(self, point: FrontierPoint | None) -> None:
        """Tint the row of a point that is pointed at elsewhere; emits nothing."""
        if point is not self._rows.hovered:
            self._rows.hovered = point
            viewport = self.view.viewport()
            if viewport is not None:
                viewport.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        roles = ("good", "warning", "error", "muted")
        self.model.set_colours({role: getattr(theme, role) for role in roles})
        self._rows.theme = theme

    def eventFilter(  # noqa: N802 - Qt's name
        self, watched: QObject | None, event: QEvent | None
    ) -> bool:
        """Point at nothing when the pointer leaves the rows."""
        if event is not None and event.type() is QEvent.Type.Leave:
            self.point_hovered.emit(None)
        return super().eventFilter(watched, event)

    def point_at(self, index: QModelIndex) -> FrontierPoint:
        """Return the point of a row as it is sorted."""
        return self._record(index)

    def _record(self, index: QModelIndex) -> FrontierPoint:
        point: FrontierPoint = self.model.records[self._sorted.mapToSource(index).row()]
        return point

    def _index(self, point: FrontierPoint | None) -> QModelIndex | None:
        if point is None:
            return None
        place = (point.pipeline, point.asked_bits)
        rows = (
            i for i, one in enumerate(self.model.records) if (one.pipeline, one.asked_bits) == place
        )
        row = next(rows, None)
        return None if row is None else self._sorted.mapFromSource(self.model.index(row, 0))


class _Rows(QStyledItemDelegate):
    """Puts each pipeline's dash and symbol before its name, and tints the hovered row."""

    def __init__(self, table: FrontierTable) -> None:
        super().__init__(table)
        self._table = table
        self._theme = LIGHT
        self._icons: dict[Pipeline, QIcon] = {}
        self.hovered: FrontierPoint | None = None

    @property
    def theme(self) -> Theme:
        """The colours drawn in."""
        return self._theme

    @theme.setter
    def theme(self, theme: Theme) -> None:
        self._theme = theme
        self._icons.clear()

    def initStyleOption(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem | None, index: QModelIndex
    ) -> None:
        """Add icon and tint."""
        super().initStyleOption(option, index)
        if option is None:
            return
        point = self._table.point_at(index)
        if index.column() == 0:
            if point.pipeline not in self._icons:
                self._icons[point.pipeline] = swatch_icon(point.pipeline, self._theme)
            option.icon = self._icons[point.pipeline]
            option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
            option.decorationSize = QSize(28, 14)
        if point is self.hovered:
            option.backgroundBrush = QBrush(QColor(self._theme.accent_soft))
