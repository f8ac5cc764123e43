"""What happened, line by line with the time."""

from __future__ import annotations

from datetime import datetime

from PyQt6.QtGui import QTextCursor
from PyQt6.QtWidgets import QPlainTextEdit, QWidget

_LINES = 5_000


class LogPanel(QPlainTextEdit):
    """A read-only, selectable log."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(_LINES)
        self.setPlaceholderText("What the program does is noted here.")
        self.setProperty("role", "log")

    def say(self, text: str) -> None:
        """Add a line."""
        self.appendPlainText(f"{datetime.now().astimezone():%H:%M:%S}  {text}")
        if self.textCursor().hasSelection():
            return  # someone is about to copy it
        self.moveCursor(QTextCursor.MoveOperation.End)
        self.moveCursor(QTextCursor.MoveOperation.StartOfLine)
