"""The dialog that asks which codec to update with the open vectors, and shows what came of it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kvsplice_core.tasks.update import Adapted
from kvsplice_gui.look import parameters
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import FieldGroup, spin_box
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.panels.update_table import UpdateTable
from kvsplice_gui.work.busy import IDLE, Busy
from kvsplice_gui.work.model_jobs import UpdateWish

UPDATING = "update"
_WIDTH = 84 * SPACING
_TABLE_HEIGHT = 12 * SPACING


class UpdateDialog(QDialog):
    """Codec and share to forget; then the drift, and the error before and after.

    Signals
    -------
    start_requested : UpdateWish
    cancel_requested
        Stop the update that is running.
    save_requested
        Save the updated codec.
    """

    start_requested = pyqtSignal(object)
    cancel_requested = pyqtSignal()
    save_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Update a codec with these vectors")
        self.setMinimumWidth(_WIDTH)
        self.codec, self.browse_button = QLineEdit(), QPushButton("&Browse…")
        self.forget = spin_box(parameters.UPDATE_FORGET)
        self.vectors, self.verdict = QLabel(), QLabel()
        self.table = UpdateTable()
        self.save_button = QPushButton("&Save updated codec…")
        self.start_button, self.close_button = StartButton("&Update"), QPushButton("Close")
        self._busy, self._can_save = IDLE, False
        self._lay_out()
        self.codec.textChanged.connect(self._show_availability)
        self.browse_button.clicked.connect(self._on_browse_clicked)
        self.start_button.clicked.connect(self._on_start_clicked)
        self.close_button.clicked.connect(self.reject)
        self.save_button.clicked.connect(self.save_requested)
        self._show_availability()

    @property
    def is_updating(self) -> bool:
        """Whether an update is running."""
        return self._busy.key == UPDATING

    @property
    def wish(self) -> UpdateWish:
        """What the fields ask for."""
        return UpdateWish(self.codec.text().strip(), self.forget.value() / 100)

    def show_vectors(self, title: str) -> None:
        """Say which vectors are open."""
        self.vectors.setText(f"The codec goes on from where it is, with {title}.")

    def show_adapted(self, adapted: Adapted | None) -> None:
        """Show what an update found; None empties the dialog."""
        self.table.show_adapted(adapted)
        self.verdict.setText("" if adapted is None else adapted.text)
        self._can_save = adapted is not None
        self._show_availability()

    def set_busy(self, busy: Busy) -> None:
        """Follow what is going on; fields rest while it updates."""
        self._busy = busy
        self._show_availability()

    def reject(self) -> None:
        """Stop what is running; only when nothing is, close."""
        if self.is_updating:
            self.cancel_requested.emit()
        else:
            super().reject()

    def _lay_out(self) -> None:
        self.vectors.setProperty("role", "muted")
        for label in (self.vectors, self.verdict):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table.setMinimumHeight(_TABLE_HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        column.setSpacing(SPACING)
        column.addWidget(self.vectors)
        column.addWidget(self._fields())
        column.addWidget(self.table, 1)
        column.addWidget(self.verdict)
        column.addLayout(self._buttons())

    def _fields(self) -> QWidget:
        group, file = FieldGroup("Codec"), QWidget()
        row = QHBoxLayout(file)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self.codec, 1)
        row.addWidget(self.browse_button)
        file.setFocusProxy(self.codec)
        self.codec.setAccessibleName(parameters.UPDATE_CODEC.label)
        self.browse_button.setAutoDefault(False)
        group.add(parameters.UPDATE_CODEC, file)
        group.add(parameters.UPDATE_FORGET, self.forget)
        return group

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        self.start_button.setProperty("role", "primary")
        self.start_button.setDefault(True)
        for button in (self.save_button, self.close_button):
            button.setAutoDefault(False)
        row.addWidget(self.save_button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.start_button)
        return row

    @pyqtSlot()
    def _show_availability(self) -> None:
        for field in (self.codec, self.browse_button, self.forget):
            field.setEnabled(not self.is_updating)
        missing = "" if Path(self.wish.path).is_file() else "Choose the file of a codec first"
        self.start_button.offer(self._busy.why_not or missing)
        self.save_button.setEnabled(not self._busy and self._can_save)

    @pyqtSlot()
    def _on_browse_clicked(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose a codec", self.codec.text(), "Codec (*.safetensors)"
        )
        if path:
            self.codec.setText(path)

    @pyqtSlot()
    def _on_start_clicked(self) -> None:
        self.start_requested.emit(self.wish)
