"""Which vectors to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from kvsplice_core.base import formats
from kvsplice_core.base.options import option_of
from kvsplice_core.data.axes import resolve_axes, split_axes
from kvsplice_core.data.capture import CaptureFacts, KeyState
from kvsplice_gui.look import parameters
from kvsplice_gui.look.fields import FieldGroup, choose, combo_box, fill, set_number, spin_box
from kvsplice_gui.state.capture import short_name
from kvsplice_gui.state.dataset import Dataset
from kvsplice_gui.state.wishes import DataWish

if TYPE_CHECKING:
    from kvsplice_core.data.tensors import TensorInfo

_POOL = "pool"


class DataPanel(FieldGroup):
    """File, tensor, layer, head, axes and budget.

    Signals
    -------
    changed : dict
        Fields of `DataWish` a hand changed.
    open_requested, capture_requested
        The buttons that open a file, and capture one from a language model.
    """

    changed = pyqtSignal(dict)
    open_requested = pyqtSignal()
    capture_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Data", parent)
        self._name = QLabel()
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setProperty("role", "value")
        self._name.setMinimumWidth(1)
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("Open a file of V vectors (Ctrl+O)")
        self.capture_button = QPushButton("Capture…")
        self.capture_button.setToolTip("Capture vectors from a language model (Ctrl+N)")
        self.tensor, self.layer, self.head = combo_box(), combo_box(), combo_box()
        self.axes = QLineEdit()
        self.axes.setClearButtonEnabled(True)
        self.axes.setAcceptDrops(False)  # a file dropped here is for the window
        self.budget = spin_box(option_of(DataWish, "budget"))
        self._heads: dict[str, int] = {}
        self._facts = QLabel()
        self._facts.setWordWrap(True)
        self._facts.setProperty("role", "muted")
        self._lay_out()
        self.show_nothing()
        self._connect()

    def _lay_out(self) -> None:
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.open_button, 1)
        row.addWidget(self.capture_button, 1)
        self.add(option_of(DataWish, "source"), self._name)
        self.add_wide(buttons)
        self.add(option_of(DataWish, "tensor"), self.tensor)
        self.add(option_of(DataWish, "layer"), self.layer)
        self.add(parameters.HEAD, self.head)
        self.add(option_of(DataWish, "axes"), self.axes)
        self.add(option_of(DataWish, "budget"), self.budget)
        self.add_wide(self._facts)

    def _connect(self) -> None:
        self.open_button.clicked.connect(self.open_requested)
        self.capture_button.clicked.connect(self.capture_requested)
        self.tensor.activated.connect(self._on_tensor_activated)
        self.layer.activated.connect(lambda i: self._emit(layer=self.layer.itemData(i)))
        self.head.activated.connect(self._on_head_activated)
        self.axes.editingFinished.connect(self._on_axes_finished)
        self.budget.valueChanged.connect(lambda value: self._emit(budget=value))

    def show_nothing(self) -> None:
        """Show that no data is open."""
        self._name.setText("No file")
        self._facts.setText(
            "Open vectors or drop a file here, capture them from gpt2-mini, or take a sample from "
            "the File menu."
        )
        for field in (self.tensor, self.layer, self.head, self.axes):
            field.setEnabled(False)
        self.set_row_visible(self.layer, False)

    def show_dataset(self, dataset: Dataset) -> None:
        """Show what was read and what else the file offers."""
        wish, summary = dataset.wish, dataset.values.summary
        name = summary.title.split(" · ")[0]
        metrics, room = self._name.fontMetrics(), self._name.width()
        self._name.setText(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room))
        self._name.setToolTip(summary.source)
        # K of a capture was asked for; beside the V of another file it is only in the way.
        offered = [i for i in dataset.tensors if i.kind != "k" or dataset.capture is not None]
        infos = offered or list(dataset.tensors)
        fill(self.tensor, ((info.name, info.name) for info in infos), summary.tensor)
        read = {info.name: _as_stated(info, wish.axes) for info in dataset.tensors}
        self._heads = {name: info.heads for name, info in read.items()}
        chosen = read.get(summary.tensor)
        layers = () if chosen is None or "layer" not in chosen.axes.names else chosen.layers
        fill(self.layer, ((str(i), i) for i in layers), summary.layer)
        self.set_row_visible(self.layer, len(layers) > 0)
        heads = 0 if chosen is None else chosen.heads
        items: list[tuple[str, object]] = [(f"head {i}", i) for i in range(heads)]
        items += [(f"all {heads} pooled", _POOL)] if heads > 1 else []
        fill(
            self.head, items or [("no head axis", None)], _POOL if wish.pool_heads else summary.head
        )
        self.tensor.setEnabled(len(infos) > 1)
        self.layer.setEnabled(len(layers) > 1)
        self.head.setEnabled(heads > 1)
        self.axes.setEnabled(True)
        self.axes.setText(wish.axes or "")
        self.axes.setPlaceholderText("" if chosen is None else chosen.axes.text)
        set_number(self.budget, wish.budget)
        self._facts.setText(_facts(dataset))
        self._facts.setToolTip(summary.provenance)

    def show_wish(self, wish: DataWish) -> None:
        """Show the wishes that need no file."""
        set_number(self.budget, wish.budget)
        choose(self.tensor, wish.tensor)

    def _on_tensor_activated(self, index: int) -> None:
        name, head = self.tensor.itemData(index), self.head.currentData()
        # A head the next tensor lacks would be refused, with no way to choose another.
        lacking = {"head": None} if isinstance(head, int) and head >= self._heads[name] else {}
        self._emit(tensor=name, layer=None, **lacking)

    def _on_head_activated(self, index: int) -> None:
        value = self.head.itemData(index)
        pooled = value == _POOL
        self._emit(head=None if pooled else value, pool_heads=pooled)

    def _on_axes_finished(self) -> None:
        if self.axes.isModified():
            self.axes.setModified(False)
            # Layer and head count along axes that have just changed their names.
            self._emit(axes=self.axes.text().strip() or None, layer=None, head=None)

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of DataWish
        self.changed.emit(changes)


def _as_stated(info: TensorInfo, axes: str | None) -> TensorInfo:
    """Return `info` with the axes a hand stated, where they fit."""
    if axes is None or len(split_axes(axes)) != len(info.shape):
        return info
    return replace(info, axes=resolve_axes(info.shape, axes))


def _facts(dataset: Dataset) -> str:
    summary = dataset.values.summary
    text = f"{formats.count(summary.vectors)} vectors of {summary.dim}"
    if summary.available > summary.vectors:
        text += f", a sample of {formats.count(summary.available)}"
    if summary.documents > 1:
        text += "; about 75 % calibrate, other documents test."
    else:
        text += "; the first 75 % calibrate, the rest tests."
    return text if dataset.capture is None else f"{text}\n{_capture_facts(dataset.capture)}"


def _capture_facts(facts: CaptureFacts) -> str:
    """Return where a capture comes from: model, documents, tokens, and what K went through."""
    documents = len(facts.documents)
    plural = "" if documents == 1 else "s"
    state = "" if facts.key_state is KeyState.NONE else f", K {facts.key_state}"
    return (
        f"Captured from {short_name(facts.model.name)}: {formats.count(facts.tokens)} tokens of "
        f"{documents} document{plural}{state}."
    )
