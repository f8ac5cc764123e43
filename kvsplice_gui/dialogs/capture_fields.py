"""The fields of a capture, aligned, and what they wish together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kvsplice_core.base.options import option_of
from kvsplice_core.data.capture import CAPTURE_DTYPES, CaptureSpec, Sides
from kvsplice_core.tasks.capture import CaptureTask
from kvsplice_gui.dialogs.text_list import TextList
from kvsplice_gui.look import parameters
from kvsplice_gui.look.fields import FieldGroup, choose, combo_box, fill, set_number, spin_box
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.state.capture import CaptureWish

_SIDES = (("V", Sides.V), ("K", Sides.K), ("V and K", Sides.BOTH))
_AFTER, _PLAIN = "after rotary, as the cache holds it", "as the cache holds it (no rotary)"
_KEYS = ((_AFTER, False), ("before rotary", True))


class CaptureFields(FieldGroup):
    """Model, text, what to keep, file.

    Signals
    -------
    changed
        A hand changed something; `wish` has it.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What to capture", parent)
        self.model, self.sides, self.keys, self.dtype = (combo_box() for _ in range(4))
        self.model.setEditable(True)
        self.model_button, self.path_button = QPushButton("Folder…"), QPushButton("Choose…")
        self.texts = TextList()
        self.tokens = spin_box(option_of(CaptureSpec, "tokens"))
        self.layers, self.path = QLineEdit(), QLineEdit()
        self.attention = QCheckBox("attention each token receives")
        self._model_hint, self._size_hint = _hint(), _hint()
        self._rotary: bool | None = None
        self._lay_out()
        self._fill_choices()
        self._connect()

    @property
    def wish(self) -> CaptureWish:
        """What the fields ask for."""
        sides = Sides(self.sides.currentData())
        before = bool(self.keys.currentData()) and sides is not Sides.V
        return CaptureWish(
            model=self.model.currentText().strip(),
            texts=self.texts.paths,
            tokens=self.tokens.value(),
            sides=sides,
            keys_before_rotary=before and self._rotary is not False,
            layers=self.layers.text(),
            dtype=str(self.dtype.currentData()),
            attention=self.attention.isChecked(),
            path=self.path.text().strip(),
        )

    def show_models(self, names: Iterable[str]) -> None:
        """Offer models; what stands in the field stays."""
        with QSignalBlocker(self.model):
            now = self.model.currentText()
            self.model.clear()
            self.model.addItems(list(dict.fromkeys(names)))
            self.model.setEditText(now)

    def show_path(self, path: str) -> None:
        """Show a proposed file without a signal."""
        with QSignalBlocker(self.path):
            self.path.setText(path)
            self.path.setToolTip(path)

    def show_hints(self, model: str, size: str) -> None:
        """Show what is known of the model, and of the file's size."""
        self._model_hint.setText(model)
        self._size_hint.setText(size)

    def show_rotary(self, rotary: bool | None) -> None:
        """Offer K before rotary where there is K, and a rotary embedding as far as is known."""
        self._rotary = rotary
        has_keys = self.sides.currentData() is not Sides.V
        self.keys.setEnabled(has_keys and rotary is not False)
        self.keys.setItemText(0, _PLAIN if rotary is False else _AFTER)
        if rotary is False:
            choose(self.keys, False)

    def _lay_out(self) -> None:
        self.add(
            option_of(CaptureTask, "model"),
            _under(_beside(self.model, self.model_button), self._model_hint),
        )
        self.add(
            option_of(CaptureTask, "texts"),
            self.texts,
            "Drop files here; Delete removes the chosen ones.",
        )
        self.add(option_of(CaptureSpec, "tokens"), _under(self.tokens, self._size_hint))
        self.add(option_of(CaptureSpec, "sides"), self.sides)
        self.add(parameters.CAPTURE_KEYS, self.keys)
        self.add(option_of(CaptureSpec, "layers"), self.layers)
        self.add(option_of(CaptureSpec, "dtype"), self.dtype)
        self.add(option_of(CaptureSpec, "attention"), self.attention)
        self.add(parameters.CAPTURE_FILE, _beside(self.path, self.path_button))
        for button in (self.model_button, self.path_button):
            button.setAutoDefault(False)  # Return belongs to the dialog's main button

    def _fill_choices(self) -> None:
        wish = CaptureWish()
        self.model.addItem(wish.model)
        fill(self.sides, _SIDES, wish.sides)
        fill(self.keys, _KEYS, wish.keys_before_rotary)
        fill(self.dtype, ((name, name) for name in CAPTURE_DTYPES), wish.dtype)
        set_number(self.tokens, wish.tokens)
        self.layers.setPlaceholderText("all")
        self.model_button.setToolTip("Choose the folder of a model")
        self.path_button.setToolTip("Choose the file to write")
        for widget, parameter in (
            (self.model, option_of(CaptureTask, "model")),
            (self.tokens, option_of(CaptureSpec, "tokens")),
            (self.path, parameters.CAPTURE_FILE),
        ):
            widget.setAccessibleName(parameter.label)

    def _connect(self) -> None:
        self.model.editTextChanged.connect(self._say)
        self.texts.changed.connect(self._say)
        self.tokens.valueChanged.connect(self._say)
        for box in (self.sides, self.keys, self.dtype):
            box.currentIndexChanged.connect(self._say)
        for line in (self.layers, self.path):
            line.textChanged.connect(self._say)
        self.attention.toggled.connect(self._say)
        self.model_button.clicked.connect(self._on_model_clicked)
        self.path_button.clicked.connect(self._on_path_clicked)

    def _on_model_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose the folder of a model")
        if folder:
            self.model.setEditText(folder)

    def _on_path_clicked(self) -> None:
        # The dialog asks before it overwrites, whichever way the file was named.
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Write the capture to",
            self.path.text(),
            "Capture (*.safetensors)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.path.setText(path if Path(path).suffix else f"{path}.safetensors")

    def _say(self, *_: object) -> None:
        self.changed.emit()


def _hint() -> QLabel:
    label = QLabel()
    label.setProperty("role", "caption")
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _beside(field: QWidget, button: QPushButton) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(SPACING)
    row.addWidget(field, 1)
    row.addWidget(button)
    holder.setFocusProxy(field)
    return holder


def _under(field: QWidget, hint: QLabel) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(field)
    column.addWidget(hint)
    holder.setFocusProxy(field)
    return holder
