"""A line over a plot that says what must be known before it is believed."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel, QWidget

from kvsplice_gui.look.theme import SPACING


class Notice(QLabel):
    """Hidden while there is nothing to say; coloured as an error or as a caution."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setMinimumWidth(1)
        self.setContentsMargins(SPACING, 0, SPACING, SPACING // 2)
        self.setVisible(False)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show `text`; an empty one hides the line."""
        self.setProperty("role", "error" if is_error else "warning")
        style = self.style()
        if style is not None:
            style.polish(self)  # a role set later is not looked at by itself
        self.setText(text)
        self.setToolTip(text)
        self.setVisible(bool(text))
