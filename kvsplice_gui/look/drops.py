"""Files dropped anywhere: on the window, and on docks that float beside it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QMimeData, QObject
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QWidget


class FileDrops(QObject):
    """Opens the first local file dropped on any widget it watches.

    Parameters
    ----------
    open_file : callable
        Called with the file's path.
    parent : QObject
        The owner.
    """

    def __init__(self, open_file: Callable[[str], object], parent: QObject) -> None:
        super().__init__(parent)
        self._open_file = open_file

    def watch(self, widget: QWidget) -> None:
        """Take files dropped on `widget` and on what it holds."""
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Accept drags that bring a file; open it when it is dropped."""
        if not isinstance(event, QDragEnterEvent | QDropEvent):
            return False
        path = _first_file(event.mimeData())
        if not path or event.type() not in {QEvent.Type.DragEnter, QEvent.Type.Drop}:
            return False
        event.acceptProposedAction()
        if event.type() is QEvent.Type.Drop:
            self._open_file(path)
        return True


def _first_file(data: QMimeData | None) -> str:
    urls = [] if data is None else data.urls()
    return next((url.toLocalFile() for url in urls if url.isLocalFile()), "")
