"""The dialog that asks which vectors of which model to capture."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QStandardPaths, Qt, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.formats import format_bytes
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_gui.dialogs.capture_fields import CaptureFields
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.state import settings
from kvsplice_gui.state.capture import (
    CaptureWish,
    KnownModel,
    books_at_hand,
    estimated_bytes,
    file_name,
    model_at_hand,
    require_usable,
    short_name,
)
from kvsplice_gui.work.busy import IDLE, Busy

CAPTURING = "capture"
_WIDTH = 70 * SPACING


class CaptureDialog(QDialog):
    """Model, text, what to keep and where.

    Signals
    -------
    start_requested : CaptureWish
        A capture that can be made as far as can be told, and may overwrite what is there.
    cancel_requested
        Stop the capture that is running.
    copy_requested : CaptureWish
        Copy it as a command.
    """

    start_requested = pyqtSignal(object)
    cancel_requested = pyqtSignal()
    copy_requested = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Capture from a model")
        self.setMinimumWidth(_WIDTH)
        self.fields = CaptureFields()
        self.problem = QLabel()
        self.copy_button = QPushButton("Copy as co&mmand")
        self.start_button, self.close_button = StartButton("&Capture"), QPushButton("Close")
        self._busy = IDLE
        self._proposed = ""
        self._known: KnownModel | None = None
        self._lay_out()
        self.fields.changed.connect(self._on_fields_changed)
        self.start_button.clicked.connect(self._on_start_clicked)
        self.close_button.clicked.connect(self.reject)
        self.copy_button.clicked.connect(lambda: self.copy_requested.emit(self.fields.wish))
        self._on_fields_changed()

    @property
    def is_capturing(self) -> bool:
        """Whether a capture is running."""
        return self._busy.key == CAPTURING

    def set_busy(self, busy: Busy) -> None:
        """Follow what is going on; fields rest while it captures."""
        was_capturing, self._busy = self.is_capturing, busy
        self.fields.setEnabled(not self.is_capturing)
        self._show_availability()
        if was_capturing and not self.is_capturing:
            self.start_button.setFocus()  # a button that is disabled takes no focus

    def reject(self) -> None:
        """Stop what is running; only when nothing is, close."""
        if self.is_capturing:
            self.cancel_requested.emit()
        else:
            super().reject()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Offer the models captured from last, and put the keyboard on the first field."""
        super().showEvent(event)
        self.fields.show_models((BUNDLED, *settings.recent_models()))
        self.fields.model.setFocus()

    def _lay_out(self) -> None:
        intro = QLabel(
            "The model reads the text; the vectors its cache would hold go to a file, which is "
            "opened when it is whole."
        )
        self.problem.setProperty("role", "error")
        intro.setProperty("role", "muted")
        for label in (intro, self.problem):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        policy = self.problem.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the fields must not move when it appears
        self.problem.setSizePolicy(policy)
        self.problem.hide()
        self.problem.setMinimumHeight(2 * self.problem.fontMetrics().lineSpacing())
        self.problem.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        column.setSpacing(SPACING)
        for widget in (intro, self.fields, self.problem):
            column.addWidget(widget)
        column.addStretch(1)
        column.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        self.start_button.setProperty("role", "primary")
        self.start_button.setDefault(True)
        self.copy_button.setAutoDefault(False)
        self.close_button.setAutoDefault(False)
        self.copy_button.setToolTip("Copy the command line that makes the same capture")
        row.addWidget(self.copy_button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.start_button)
        return row

    def _on_fields_changed(self) -> None:
        fields = self.fields
        self._known = model_at_hand(fields.wish.model)
        self._propose_file(fields.wish)
        wish = fields.wish
        fields.show_hints(_model_hint(wish, self._known), _size_hint(wish, self._known))
        fields.texts.set_placeholder(_text_hint(wish))
        fields.show_rotary(None if self._known is None else self._known.rotary)
        self._show_availability()

    def _propose_file(self, wish: CaptureWish) -> None:
        """Name the file after model and sides, as long as no hand has named it."""
        if wish.path == self._proposed:
            self._proposed = str(_folder() / file_name(wish))
            self.fields.show_path(self._proposed)

    def _problem(self) -> str:
        try:
            require_usable(self.fields.wish, self._known)
        except SpecError as error:
            return str(error)
        return ""

    def _show_availability(self) -> None:
        problem = self._problem()
        waits = bool(self._busy) and not self.is_capturing
        self.problem.setText(
            f"{self._busy.verb}: a capture can start when that is done." if waits else problem
        )
        self.problem.setVisible(bool(self.problem.text()) and not self.is_capturing)
        self.start_button.offer(problem or self._busy.why_not)
        self.copy_button.setEnabled(not problem)

    def _on_start_clicked(self) -> None:
        wish = self.fields.wish
        if not self._problem() and self._may_write(Path(wish.path)):
            self.start_requested.emit(wish)

    def _may_write(self, path: Path) -> bool:
        if not path.exists():
            return True
        answer = QMessageBox.question(
            self, "Overwrite?", f"{path} exists already. Write the capture in its place?"
        )
        return answer == QMessageBox.StandardButton.Yes


def _folder() -> Path:
    """Return where captures are written unless a hand says otherwise."""
    place = QStandardPaths.StandardLocation.DocumentsLocation
    documents = Path(QStandardPaths.writableLocation(place))
    return settings.capture_folder() or (documents if documents.is_dir() else Path.home())


def _model_hint(wish: CaptureWish, known: KnownModel | None) -> str:
    if known is None:
        return "Layers and heads are unknown until it is loaded." if wish.model else ""
    shape = known.shape
    hint = f"{shape.layers} layers × {shape.kv_heads} KV heads × {shape.head_dim}"
    return f"{hint} · bundled, offline" if wish.model == BUNDLED else hint


def _size_hint(wish: CaptureWish, known: KnownModel | None) -> str:
    size = None if known is None else estimated_bytes(wish, known)
    if size is None:
        return "File size: unknown until loaded"
    return f"File size: {format_bytes(size)}, less where the text is shorter"


def _text_hint(wish: CaptureWish) -> str:
    if wish.model == BUNDLED:
        books = books_at_hand()
        return f"calibration books ({books})" if books else "calibration books"
    return f"Add or drop the text {short_name(wish.model) or 'the model'} shall read."
