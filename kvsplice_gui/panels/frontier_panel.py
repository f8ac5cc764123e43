"""Which pipelines to measure at which budgets, and the buttons that do."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import (
    QCheckBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option_of
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import FieldGroup, combo_box, fill, help_of
from kvsplice_gui.look.theme import LIGHT, Theme
from kvsplice_gui.plots.frontier_legend import short_label, swatch_icon
from kvsplice_gui.readouts.frontier import parse_bits
from kvsplice_gui.state.wishes import FrontierWish

_ROWS_SHOWN, _ROW_PX = 7, 20
_EXAMPLE = "joined+output+lloyd-max"


class FrontierPanel(FieldGroup):
    """Pipelines, budgets, what is on y; Measure frontier.

    Signals
    -------
    changed : dict
        Fields of `FrontierWish` a hand changed.
    """

    changed = pyqtSignal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Frontier", parent)
        self.pipelines = QListWidget()
        self.typed, self.bits = QLineEdit(), QLineEdit()
        self.measure = combo_box()
        self.through_model = QCheckBox("Measure the model too (ΔNLL, KL)")
        self.surrogate = QCheckBox("Gaussian surrogate beside it")
        self.problem, self.estimate = QLabel(), QLabel()
        self.measure_button = StartButton(
            "Measure frontier", "Every pipeline at every budget (Ctrl+Shift+F)"
        )
        self._wish = FrontierWish()
        self._theme = LIGHT
        self._lay_out()
        self._connect()
        self.show_wish(self._wish)
        self.show_source(has_capture=False)
        self.show_problem("")
        self.show_measures(of_model=False)

    def _lay_out(self) -> None:
        self.pipelines.setFixedHeight(_ROWS_SHOWN * _ROW_PX + 4)
        self.pipelines.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pipelines.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.pipelines.setAccessibleName(option_of(FrontierWish, "pipelines").label)
        self.pipelines.setToolTip(help_of(option_of(FrontierWish, "pipelines")))
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
        self.problem.setProperty("role", "error")
        self.estimate.setProperty("role", "muted")
        for label in (self.problem, self.estimate):
            label.setWordWrap(True)
            label.setMinimumWidth(1)
        self.add_wide(self.pipelines)
        self.add(option_of(FrontierWish, "typed"), self.typed)
        self.add(option_of(FrontierWish, "bits"), self.bits)
        self.add(option_of(FrontierWish, "measure"), self.measure)
        for widget in (self.through_model, self.surrogate, self.problem, self.estimate):
            self.add_wide(widget)
        self.add_wide(self.measure_button)

    def _connect(self) -> None:
        self.pipelines.itemChanged.connect(self._on_item_changed)
        self.typed.returnPressed.connect(self._on_typed)
        self.bits.editingFinished.connect(self._on_bits_finished)
        self.measure.activated.connect(lambda _: self._emit(measure=self.measure.currentData()))
        self.through_model.clicked.connect(lambda on: self._emit(through_model=on))
        self.surrogate.clicked.connect(lambda on: self._emit(surrogate=on))

    # -- showing ------------------------------------------------------------------------------

    def show_wish(self, wish: FrontierWish) -> None:
        """Show what is wished."""
        self._wish = wish
        self._fill_pipelines()
        self.bits.setText(", ".join(f"{one:g}" for one in wish.bits))
        self.through_model.setChecked(wish.through_model)
        self.surrogate.setChecked(wish.surrogate)
        self.measure.setCurrentIndex(max(self.measure.findData(wish.measure), 0))

    def show_source(self, *, has_capture: bool) -> None:
        """Allow what the open vectors allow."""
        self.through_model.setVisible(has_capture)

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
