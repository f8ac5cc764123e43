"""A line over numbers that says what they are of."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel, QWidget

from kvsplice_gui.look.theme import SPACING


class HeadingLine(QLabel):
    """Hidden while there is nothing to say; a caution where it is not what is chosen now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setMinimumWidth(1)
        self.setContentsMargins(SPACING, SPACING // 2, SPACING, SPACING // 2)
        self.setVisible(False)

    def say(self, text: str, *, is_current: bool = True) -> None:
        """Show `text`; an empty one hides the line."""
        role = "heading" if is_current else "warning"
        if self.property("role") != role:
            self.setProperty("role", role)
            style = self.style()
            if style is not None:
                style.polish(self)  # a role set later is not looked at by itself
        self.setText(text)
        self.setToolTip(text)
        self.setVisible(bool(text))
