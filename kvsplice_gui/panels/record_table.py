"""A sortable, copyable table of any frozen records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

from PyQt6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import QColor, QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kvsplice_gui.plots.header import EmptyLabel
from kvsplice_gui.plots.heading_line import HeadingLine
from kvsplice_gui.plots.notice import Notice


@dataclass(frozen=True)
class Field:
    """A column: heading, help, what it shows, what it sorts by, and its colour.

    `colour` takes a record and gives the role of a label (``good``, ``warning``, ``error``), or
    an empty string.
    """

    heading: str
    help: str
    text: Callable[[Any], str]
    key: Callable[[Any], Any] | None = None
    width: int = 80
    is_number: bool = False
    colour: Callable[[Any], str] = lambda _: ""

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Numbers right, words left; the heading as its column."""
        side = Qt.AlignmentFlag.AlignRight if self.is_number else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


class RecordModel(QAbstractTableModel):
    """Records as a Qt table."""

    def __init__(self, fields: Sequence[Field], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.fields = tuple(fields)
        self.records: tuple[Any, ...] = ()
        self._colours: dict[str, QColor] = {}
        self._is_muted = False

    def show_records(self, records: Sequence[Any]) -> None:
        """Replace the records; one that only joins them is inserted."""
        # By identity: records of two runs may hold equal numbers, and tensors have no truth value.
        new, old = tuple(records), self.records
        if len(new) >= len(old) > 0 and all(map(is_, new, old)):
            if len(new) > len(old):
                self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
                self.records = new
                self.endInsertRows()
            return
        self.beginResetModel()
        self.records = new
        self.endResetModel()

    def set_colours(self, colours: dict[str, str]) -> None:
        """Take the colour of each role from a theme."""
        self._colours = {role: QColor(colour) for role, colour in colours.items()}
        self._recolour()

    def set_muted(self, muted: bool) -> None:
        """Write every record in the colour of the role ``muted``, or each in its own again."""
        if muted != self._is_muted:
            self._is_muted = muted
            self._recolour()

    def _recolour(self) -> None:
        if self.records:
            last = self.index(len(self.records) - 1, len(self.fields) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of records; a cell has none."""
        return 0 if parent is not None and parent.isValid() else len(self.records)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of columns; a cell has none."""
        return 0 if parent is not None and parent.isValid() else len(self.fields)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """Return text, sort key, colour, tooltip or alignment of a cell."""
        record, field = self.records[index.row()], self.fields[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return field.text(record)
        if role == Qt.ItemDataRole.UserRole:
            return field.text(record) if field.key is None else field.key(record)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colours.get("muted" if self._is_muted else field.colour(record))
        return field.alignment if role == Qt.ItemDataRole.TextAlignmentRole else None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401
        """Return heading, tooltip or alignment of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        field = self.fields[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return field.heading
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return field.alignment
        return field.help if role == Qt.ItemDataRole.ToolTipRole else None


class RecordTable(QWidget):
    """The table under a line that may say something of all of it.

    Parameters
    ----------
    name : str
        For screen readers.
    empty_sentence : str
        Shown while there are no records.
    fields : sequence of Field

    Signals
    -------
    record_chosen : object
        The record of a row that was clicked, or chosen with Return.
    """

    record_chosen = pyqtSignal(object)

    def __init__(self, name: str, empty_sentence: str, fields: Sequence[Field]) -> None:
        super().__init__()
        self.heading, self.notice = HeadingLine(), Notice()
        self.model = RecordModel(fields, self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.model)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.view = QTableView()
        self.view.setAccessibleName(name)
        self.empty_label = EmptyLabel(empty_sentence)
        self._stack = QStackedWidget()
        self._dress()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.heading)
        column.addWidget(self.notice)
        column.addWidget(self._stack, 1)
        self._stack.addWidget(self.empty_label)
        self._stack.addWidget(self.view)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        self.view.clicked.connect(self._on_view_activated)
        self.view.activated.connect(self._on_view_activated)

    def _dress(self) -> None:
        view = self.view
        view.setModel(self._sorted)
        view.setSortingEnabled(True)
        view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as they came, until a click
        view.setTabKeyNavigation(False)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setAlternatingRowColors(True)
        view.setShowGrid(False)
        view.setWordWrap(False)
        rows, header = view.verticalHeader(), view.horizontalHeader()
        if rows is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(22)
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            for place, field in enumerate(self.model.fields):
                header.resizeSection(place, field.width)
            header.setHighlightSections(False)
            header.setStretchLastSection(not self.model.fields[-1].is_number)

    def show_records(self, records: Sequence[Any]) -> None:
        """Show records."""
        self.model.show_records(records)
        self._stack.setCurrentWidget(self.view if records else self.empty_label)

    def show_heading(self, text: str, *, is_current: bool = True) -> None:
        """Say what the records are of; muted where that is not what is chosen now."""
        self.heading.say(text, is_current=is_current)
        self.model.set_muted(not is_current)

    @property
    def is_empty(self) -> bool:
        """Whether the empty-state sentence is shown."""
        return self._stack.currentWidget() is self.empty_label

    def copy(self) -> None:
        """Copy the chosen rows, or all, with headings, separated by tabs."""
        selection = self.view.selectionModel()
        chosen = [] if selection is None else selection.selectedRows()
        places = sorted(i.row() for i in chosen) or list(range(self._sorted.rowCount()))
        lines = ["\t".join(field.heading for field in self.model.fields)]
        for place in places:
            cells = (self._sorted.index(place, j).data() for j in range(len(self.model.fields)))
            lines.append("\t".join(map(str, cells)))
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(lines))

    def _on_view_activated(self, index: QModelIndex) -> None:
        self.record_chosen.emit(self.model.records[self._sorted.mapToSource(index).row()])
