"""Which pipelines to measure at which budgets, and the buttons that do."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QWidget,
)

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_gui.look import parameters
from kvsplice_gui.look.fields import FieldGroup, combo_box, fill
from kvsplice_gui.look.theme import LIGHT, Theme
from kvsplice_gui.plots.frontier_legend import short_label, swatch_icon
from kvsplice_gui.readouts.frontier import parse_bits
from kvsplice_gui.state.wishes import FrontierWish

_ROWS_SHOWN, _ROW_PX = 7, 20
_EXAMPLE = "joined+output+lloyd-max"


class FrontierPanel(FieldGroup):
    """Pipelines, budgets, what is on y; Measure frontier and Cancel.

    Signals
    -------
    changed : dict
        Fields of `FrontierWish` a hand changed.
    measure_requested, cancel_requested
        The buttons.
    """

    changed = pyqtSignal(dict)
    measure_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Frontier", parent)
        self.pipelines = QListWidget()
        self.typed, self.bits = QLineEdit(), QLineEdit()
        self.measure = combo_box()
        self.through_model = QCheckBox("Measure the model too (ΔNLL, KL)")
        self.surrogate = QCheckBox("Gaussian surrogate beside it")
        self.problem, self.estimate, self.progress_text = QLabel(), QLabel(), QLabel()
        self.measure_button = QPushButton("Measure frontier")
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        self._wish = FrontierWish()
        self._theme = LIGHT
        self._has_data, self._has_capture = False, False
        self._busy, self._is_mine = "", False
        self._lay_out()
        self._connect()
        self.show_wish(self._wish)
        self.show_source(has_data=False, has_capture=False)
        self.show_measures(of_model=False)

    def _lay_out(self) -> None:
        self.pipelines.setFixedHeight(_ROWS_SHOWN * _ROW_PX + 4)
        self.pipelines.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pipelines.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.pipelines.setAccessibleName(parameters.FRONTIER_PIPELINES.label)
        self.pipelines.setToolTip(parameters.FRONTIER_PIPELINES.help)
        for line in (self.typed, self.bits):
            line.setAcceptDrops(False)  # a file dropped here is for the window
        self.typed.setPlaceholderText(_EXAMPLE)
        self.through_model.setToolTip(
            "Every point through the model's cache as well: all layers, audited; takes minutes. "
            "Settings of the Quality panel apply."
        )
        self.surrogate.setToolTip(
            "Fits every pipeline to a Gaussian of equal mean and covariance too, where no "
            "map of single axes can gain; takes twice as long"
        )
        self.measure_button.setProperty("role", "primary")
        self.measure_button.setToolTip("Every pipeline at every budget (Ctrl+Shift+F)")
        self.cancel_button.setToolTip("Stop; the points measured so far stay (Esc)")
        self.problem.setProperty("role", "error")
        for label in (self.estimate, self.progress_text):
            label.setProperty("role", "muted")
        for label in (self.problem, self.estimate, self.progress_text):
            label.setWordWrap(True)
            label.setMinimumWidth(1)
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.add_wide(self.pipelines)
        self.add(parameters.FRONTIER_TYPED, self.typed)
        self.add(parameters.FRONTIER_BITS, self.bits)
        self.add(parameters.FRONTIER_MEASURE, self.measure)
        for widget in (self.through_model, self.surrogate, self.problem, self.estimate):
            self.add_wide(widget)
        self.add_wide(_row(self.measure_button, self.cancel_button))
        self.add_wide(self.progress)
        self.add_wide(self.progress_text)

    def _connect(self) -> None:
        self.pipelines.itemChanged.connect(self._on_item_changed)
        self.typed.returnPressed.connect(self._on_typed)
        self.bits.editingFinished.connect(self._on_bits_finished)
        self.measure.activated.connect(lambda _: self._emit(measure=self.measure.currentData()))
        self.through_model.clicked.connect(lambda on: self._emit(through_model=on))
        self.surrogate.clicked.connect(lambda on: self._emit(surrogate=on))
        self.measure_button.clicked.connect(self.measure_requested)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.set_busy("", mine=False)

    # -- showing ------------------------------------------------------------------------------

    def show_wish(self, wish: FrontierWish) -> None:
        """Show what is wished."""
        self._wish = wish
        self._fill_pipelines()
        self.bits.setText(", ".join(f"{one:g}" for one in wish.bits))
        self.through_model.setChecked(wish.through_model)
        self.surrogate.setChecked(wish.surrogate)
        self.measure.setCurrentIndex(max(self.measure.findData(wish.measure), 0))

    def show_source(self, *, has_data: bool, has_capture: bool) -> None:
        """Allow what the open vectors allow."""
        self._has_data, self._has_capture = has_data, has_capture
        self.through_model.setVisible(has_capture)
        self.set_busy(self._busy, mine=self._is_mine)

    def show_measures(self, *, of_model: bool) -> None:
        """Offer what only a model tells where one was measured."""
        offered = MEASURES if of_model else {"nmse": MEASURES["nmse"]}
        fill(self.measure, ((name, key) for key, name in offered.items()), self._wish.measure)
        self.measure.setEnabled(of_model)

    def show_estimate(self, text: str) -> None:
        """Say how many points there are, or why there is nothing to measure."""
        self.estimate.setText(text)

    def show_problem(self, sentence: str) -> None:
        """Say what was typed wrong; an empty sentence takes it away."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def set_theme(self, theme: Theme) -> None:
        """Draw the symbols on the ground of `theme`."""
        self._theme = theme
        self.pipelines.clear()
        self._fill_pipelines()

    def set_busy(self, busy: str, *, mine: bool) -> None:
        """Show what is going on; empty when idle. `mine` tells whether it measures a frontier."""
        self._busy, self._is_mine = busy, mine
        cancelling = busy == "Cancelling"
        can_start = self._has_data and not busy
        can_cancel = bool(busy) and mine and not cancelling
        # Qt moves the keyboard to any next field from a button it disables: hand it over first.
        if can_cancel and self.measure_button.hasFocus():
            self.cancel_button.setEnabled(True)
            self.cancel_button.setFocus()
        elif can_start and self.cancel_button.hasFocus():
            self.measure_button.setEnabled(True)
            self.measure_button.setFocus()
        self.measure_button.setEnabled(can_start)
        self.cancel_button.setText("Cancelling…" if cancelling and mine else "Cancel")
        self.cancel_button.setEnabled(can_cancel)
        for widget in (self.progress, self.progress_text):
            widget.setVisible(bool(busy) and mine)
        if not busy:
            self.set_progress(0.0, "")
            self.show_problem("")

    def set_progress(self, fraction: float, text: str) -> None:
        """Show progress, 0 … 1; below 0 when it is not known."""
        self.progress.setRange(0, 1000 if fraction >= 0 else 0)
        if fraction >= 0:
            self.progress.setValue(round(1000 * fraction))
        self.progress_text.setText(text)

    def _fill_pipelines(self) -> None:
        known = [self._item(i).data(_KEY) for i in range(self.pipelines.count())]
        with QSignalBlocker(self.pipelines):
            if known != list(self._wish.known):
                self.pipelines.clear()
                for key in self._wish.known:
                    self.pipelines.addItem(_item_of(key, self._theme))
            for i in range(self.pipelines.count()):
                item = self._item(i)
                checked = item.data(_KEY) in self._wish.pipelines
                item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)

    def _item(self, row: int) -> QListWidgetItem:
        item = self.pipelines.item(row)
        if item is None:
            raise IndexError(f"no pipeline in row {row}")
        return item

    # -- answering ------------------------------------------------------------------------------

    def _on_item_changed(self, _: QListWidgetItem) -> None:
        items = (self._item(i) for i in range(self.pipelines.count()))
        checked = (one for one in items if one.checkState() is Qt.CheckState.Checked)
        self._emit(pipelines=tuple(one.data(_KEY) for one in checked))

    def _on_typed(self) -> None:
        try:
            key = Pipeline.of(self.typed.text()).key
        except SpecError as error:
            self.show_problem(_capital(str(error)))
            return
        self.typed.clear()
        wish = self._wish
        typed = wish.typed if key in wish.known else (*wish.typed, key)
        self._emit(typed=typed, pipelines=tuple(dict.fromkeys((*wish.pipelines, key))))

    def _on_bits_finished(self) -> None:
        if not self.bits.isModified():
            return
        self.bits.setModified(False)
        try:
            bits = parse_bits(self.bits.text())
        except SpecError as error:
            self.show_wish(self._wish)
            self.show_problem(_capital(str(error)))
            return
        self._emit(bits=bits)

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of FrontierWish
        self.show_problem("")
        self.changed.emit(changes)


_KEY = int(Qt.ItemDataRole.UserRole)


def _item_of(key: str, theme: Theme) -> QListWidgetItem:
    pipeline = Pipeline.of(key)
    item = QListWidgetItem(_icon(pipeline, theme), short_label(pipeline))
    item.setSizeHint(QSize(0, _ROW_PX))
    item.setData(_KEY, key)
    item.setToolTip(f"{pipeline.label}\n{key}")
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    return item


def _icon(pipeline: Pipeline, theme: Theme) -> QIcon:
    return swatch_icon(pipeline, theme)


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _row(first: QWidget, second: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(first, 1)
    row.addWidget(second)
    return holder
