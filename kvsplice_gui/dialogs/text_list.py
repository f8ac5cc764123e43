"""A list of text files and folders: added, dropped, removed."""

from __future__ import annotations

from PyQt6.QtCore import QMimeData, Qt, pyqtSignal
from PyQt6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
)
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kvsplice_gui.look.theme import SPACING

_LIST_HEIGHT = 9 * SPACING


class TextList(QWidget):
    """Paths of texts, in order, each once.

    Signals
    -------
    changed
        A hand added or removed some.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = _DropList()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.setAccessibleName("Text files")
        self.add_button, self.folder_button = QPushButton("Add files…"), QPushButton("Add folder…")
        self.remove_button = QPushButton("Remove")
        self.setFocusProxy(self.list)
        self._lay_out()
        self.list.dropped.connect(self.add)
        self.list.removal_asked.connect(self._on_remove_clicked)
        self.list.itemSelectionChanged.connect(self._show_availability)
        self.add_button.clicked.connect(self._on_add_clicked)
        self.folder_button.clicked.connect(self._on_folder_clicked)
        self.remove_button.clicked.connect(self._on_remove_clicked)
        self._show_availability()

    @property
    def paths(self) -> tuple[str, ...]:
        """What is listed."""
        items = (self.list.item(i) for i in range(self.list.count()))
        return tuple(item.text() for item in items if item is not None)

    def set_placeholder(self, text: str) -> None:
        """Say what an empty list stands for."""
        self.list.placeholder = text
        self._repaint()

    def add(self, paths: object) -> None:
        """Append the paths that are not listed yet."""
        given = paths if isinstance(paths, list) else []
        new = [path for path in dict.fromkeys(given) if path and path not in self.paths]
        for path in new:
            item = QListWidgetItem(path)
            item.setToolTip(path)
            self.list.addItem(item)
        if new:
            self._repaint()
            self.changed.emit()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        for button in (self.add_button, self.folder_button, self.remove_button):
            button.setAutoDefault(False)  # Return belongs to the dialog's main button
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self.list)
        column.addLayout(buttons)

    def _on_add_clicked(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Add text files", "", "Text (*.txt);;All files (*)"
        )
        self.add(paths)

    def _on_folder_clicked(self) -> None:
        self.add([QFileDialog.getExistingDirectory(self, "Add the .txt files of a folder")])

    def _on_remove_clicked(self) -> None:
        chosen = self.list.selectedItems()
        for item in chosen:
            self.list.takeItem(self.list.row(item))
        if chosen:
            self._repaint()
            self.changed.emit()

    def _show_availability(self) -> None:
        self.remove_button.setEnabled(bool(self.list.selectedItems()))

    def _repaint(self) -> None:
        viewport = self.list.viewport()
        if viewport is not None:
            viewport.update()


class _DropList(QListWidget):
    """A list that takes local files and says in grey what it stands for when empty."""

    dropped = pyqtSignal(list)
    removal_asked = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.placeholder = ""
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take files."""
        if event is not None and _files(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take them anywhere."""
        if event is not None and _files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Hand the files on."""
        if event is not None and (paths := _files(event.mimeData())):
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Remove the chosen paths with Delete."""
        if event is not None and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_asked.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the list, or what an empty one stands for."""
        super().paintEvent(event)
        viewport = self.viewport()
        if self.count() or viewport is None:
            return
        painter = QPainter(viewport)
        painter.setPen(self.palette().placeholderText().color())
        room = viewport.rect().adjusted(SPACING, 0, -SPACING, 0)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, int(flags), self.placeholder)


def _files(data: QMimeData | None) -> list[str]:
    urls = [] if data is None else data.urls()
    return [url.toLocalFile() for url in urls if url.isLocalFile()]
