"""The dialog that says what went wrong: one sentence first, the details folded."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSlot
from PyQt6.QtGui import QFontDatabase, QGuiApplication, QIcon, QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from kvsplice_gui.look.errors import ErrorReport
from kvsplice_gui.look.theme import SPACING

_WIDTH = 60 * SPACING
_DETAILS_HEIGHT = 25 * SPACING
_ICON_SIZE = 4 * SPACING


class ErrorDialog(QDialog):
    """Shows an `ErrorReport`; Return and Escape close it, Alt+D unfolds, Alt+C copies.

    Parameters
    ----------
    report : ErrorReport
        What to show.
    parent : QWidget, optional
        The window it belongs to.
    """

    def __init__(self, report: ErrorReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report = report
        self._close: QPushButton | None = None
        self.setWindowTitle("KVSplice: this did not work")
        self.setMinimumWidth(_WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.details = self._make_details()
        self.details_button = QPushButton("Show &details", self)
        self.details_button.hide()
        self.details_button.setCheckable(True)
        self.details_button.toggled.connect(self._on_details_toggled)
        self.copy_button = QPushButton("&Copy")
        self.copy_button.setToolTip("Copy the sentence and the details")
        for button in (self.details_button, self.copy_button):
            button.setAutoDefault(False)  # Return belongs to Close
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(2 * SPACING)
        layout.addLayout(self._make_head())
        layout.addWidget(self.details, stretch=1)
        layout.addWidget(self._make_buttons())

    def _make_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(2 * SPACING)
        head.addWidget(self._make_icon(), alignment=Qt.AlignmentFlag.AlignTop)
        self.sentence = QLabel(self._report.sentence)
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head.addWidget(self.sentence, stretch=1)
        return head

    def _make_icon(self) -> QLabel:
        icon = QLabel()
        style = self.style()
        kind = QStyle.StandardPixmap.SP_MessageBoxWarning
        if not self._report.expected:
            kind = QStyle.StandardPixmap.SP_MessageBoxCritical
        if style is not None:
            icon.setPixmap(style.standardIcon(kind).pixmap(_ICON_SIZE))
        return icon

    def _make_details(self) -> QPlainTextEdit:
        details = QPlainTextEdit(self._report.details)
        details.setReadOnly(True)
        details.setTabChangesFocus(True)
        details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        details.setMinimumHeight(_DETAILS_HEIGHT)
        details.setAccessibleName("Details of the error")
        details.hide()
        return details

    def _make_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        if self._report.details:
            box.addButton(self.details_button, QDialogButtonBox.ButtonRole.ActionRole)
        box.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        box.rejected.connect(self.reject)
        close = box.button(QDialogButtonBox.StandardButton.Close)
        if close is not None:
            close.setDefault(True)
            close.setIcon(QIcon())
            self._close = close
        return box

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Give Close the keyboard, so that Return closes."""
        super().showEvent(event)
        if self._close is not None:
            self._close.setFocus()

    @pyqtSlot(bool)
    def _on_details_toggled(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.details_button.setText("Hide &details" if shown else "Show &details")
        self.adjustSize()

    @pyqtSlot()
    def _on_copy_clicked(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._report.text)
