"""All rows of the sweep: sortable, copyable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from kvsplice_core.palette import style_of
from kvsplice_core.results import SweepRow
from kvsplice_gui import formats


@dataclass(frozen=True)
class Column:
    """A column: heading, what it shows, and what it sorts by."""

    heading: str
    help: str
    text: Callable[[SweepRow], str]
    key: Callable[[SweepRow], Any]
    width: int = 80
    is_number: bool = True

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Numbers right, words left; the heading as its column."""
        side = Qt.AlignmentFlag.AlignRight if self.is_number else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


def _change(row: SweepRow) -> str:
    return "" if row.change is None else formats.percent(row.change.percent)


def _interval(row: SweepRow) -> str:
    if row.change is None:
        return ""
    return f"{formats.percent(row.change.low)} … {formats.percent(row.change.high)}"


def _change_key(row: SweepRow) -> float:
    return 0.0 if row.change is None else row.change.percent


COLUMNS = (
    Column("k", "Numbers kept per vector", lambda r: str(r.k), lambda r: r.k, width=56),
    Column(
        "Method",
        "What was asked for",
        lambda r: r.method.label,
        lambda r: r.method.label,
        width=104,
        is_number=False,
    ),
    Column(
        "MSE",
        "Mean squared error on the test part, in units of V squared",
        lambda r: formats.three_digits(r.scores.mse),
        lambda r: r.scores.mse,
    ),
    Column(
        "NMSE",
        "MSE over the variance of the test part",
        lambda r: formats.three_digits(r.scores.nmse),
        lambda r: r.scores.nmse,
    ),
    Column("Against PCA", "Change of MSE at the same k", _change, _change_key, width=108),
    Column(
        "95 % interval", "Paired block bootstrap over tokens", _interval, _change_key, width=140
    ),
    Column(
        "Verdict",
        "A tie when the interval holds 0",
        lambda r: "" if r.change is None else r.change.verdict.value,
        lambda r: "" if r.change is None else r.change.verdict.value,
        width=64,
        is_number=False,
    ),
    Column(
        "Kept",
        "What the validation part chose: PCA where the method did not beat it",
        lambda r: r.kept.key,
        lambda r: r.kept.key,
        width=64,
        is_number=False,
    ),
    Column(
        "Pearson r",
        "Correlation of values and reconstruction",
        lambda r: f"{r.scores.pearson:.4f}",
        lambda r: r.scores.pearson,
    ),
    Column(
        "Cosine",
        "Mean cosine between a vector and its reconstruction",
        lambda r: f"{r.scores.cosine:.4f}",
        lambda r: r.scores.cosine,
    ),
    Column(
        "Ratio",
        "Numbers before over numbers after, d / k",
        lambda r: f"{formats.three_digits(r.scores.compression_ratio)} ×",
        lambda r: r.scores.compression_ratio,
    ),
    Column(
        "Time",
        "Seconds of calibration",
        lambda r: formats.duration(r.calibration.elapsed_s),
        lambda r: r.calibration.elapsed_s,
    ),
)


class ResultsModel(QAbstractTableModel):
    """Rows of a sweep as a Qt table."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[SweepRow, ...] = ()

    def show_rows(self, rows: tuple[SweepRow, ...]) -> None:
        """Replace the rows; a row that only joins them is inserted."""
        # By identity: rows of two runs may hold equal numbers, and tensors have no one truth value.
        kept = len(rows) >= len(self.rows) > 0
        if kept and all(new is old for new, old in zip(rows, self.rows, strict=False)):
            if len(rows) > len(self.rows):
                self.beginInsertRows(QModelIndex(), len(self.rows), len(rows) - 1)
                self.rows = rows
                self.endInsertRows()
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of rows; a cell has none."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of columns; a cell has none."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """Return text, sort key, colour or alignment of a cell."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.UserRole:
            return column.key(row)
        if role == Qt.ItemDataRole.ForegroundRole and column.heading == "Method":
            return QColor(style_of(row.method).colour)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.alignment
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401
        """Return heading or tooltip of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].heading
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return COLUMNS[section].alignment
        return COLUMNS[section].help if role == Qt.ItemDataRole.ToolTipRole else None


class ResultsTable(QWidget):
    """The table; choosing a row chooses its k and method.

    Signals
    -------
    row_chosen : SweepRow
        A row a hand chose.
    """

    row_chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ResultsModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.model)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.view = QTableView()
        self.view.setModel(self._sorted)
        self.view.setSortingEnabled(True)
        self.view.setTabKeyNavigation(False)
        self.view.setAccessibleName("Results")
        self.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self._set_header()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        self.view.clicked.connect(self._on_view_clicked)
        self.view.activated.connect(self._on_view_clicked)

    def _set_header(self) -> None:
        rows = self.view.verticalHeader()
        if rows is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(22)
        header = self.view.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            for place, column in enumerate(COLUMNS):
                header.resizeSection(place, column.width)
            header.setHighlightSections(False)

    def show_rows(self, rows: tuple[SweepRow, ...]) -> None:
        """Show the rows of a sweep."""
        self.model.show_rows(rows)

    def copy(self) -> None:
        """Copy the chosen rows, or all, with headings, separated by tabs."""
        selection = self.view.selectionModel()
        chosen = [] if selection is None else selection.selectedRows()
        places = sorted(i.row() for i in chosen) or list(range(self._sorted.rowCount()))
        lines = ["\t".join(column.heading for column in COLUMNS)]
        for place in places:
            cells = (self._sorted.index(place, j).data() for j in range(len(COLUMNS)))
            lines.append("\t".join(map(str, cells)))
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(lines))

    def _on_view_clicked(self, index: QModelIndex) -> None:
        self.row_chosen.emit(self.model.rows[self._sorted.mapToSource(index).row()])
