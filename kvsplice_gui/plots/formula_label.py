"""A formula below a plot: selectable, and short where there is no room."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy

from kvsplice_gui.look.theme import CAPTION_PX, SPACING, plot_font

_LINES = 2


class FormulaLabel(QLabel):
    """Selectable text on at most two lines; the tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setProperty("role", "caption")
        self.setFont(plot_font(CAPTION_PX))
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setContentsMargins(SPACING, 0, SPACING, SPACING // 2)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hide()

    def set_text(self, text: str) -> None:
        """Show `text`, as much as there is room for."""
        if text != self._text:
            self._text = text
            self.setToolTip(text)
            self.setVisible(bool(text))
            self._elide()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  # Qt's name
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        # Words that wrap leave gaps at the ends of lines, so not all of the width is counted on.
        room = int(0.92 * _LINES * max(self.contentsRect().width(), 1))
        self.setText(self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room))
