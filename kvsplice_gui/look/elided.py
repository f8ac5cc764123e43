"""One line of text that ends in … where there is no room, and never inside a number."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ElidedLabel(QLabel):
    """One line of text that ends in … where there is no room.

    Parameters
    ----------
    role : str
        What the style sheet calls it.
    alignment : AlignmentFlag
        Where the text stands.
    """

    def __init__(self, role: str = "caption", alignment: Qt.AlignmentFlag = _RIGHT) -> None:
        super().__init__()
        self.setProperty("role", role)
        self.setAlignment(alignment)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def shown(self) -> str:
        """What there is room for."""
        return elided(self.text(), self.fontMetrics(), self.contentsRect().width())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Any width will do."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint as much of the text as there is room for."""
        QPainter(self).drawText(self.contentsRect(), int(self.alignment()), self.shown)


def elided(text: str, metrics: QFontMetrics, room: int) -> str:
    """Return `text`, or as many of its words as fit into `room` pixels, and ….

    A number that lost its last digits would be read as another number.
    """
    words = text.split(" ")
    while metrics.horizontalAdvance(text) > room and words:
        words.pop()
        text = " ".join([*words, "…"])
    return text
