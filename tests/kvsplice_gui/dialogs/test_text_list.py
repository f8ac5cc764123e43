"""The list of texts, by its own buttons, keys and drops."""

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QFileDialog

from kvsplice_gui.dialogs.text_list import TextList
from tests.kvsplice_gui.panels.hands import record, shown


@pytest.fixture
def texts(qtbot):
    return shown(qtbot, TextList())


@pytest.fixture
def said(texts):
    return record(texts.changed)


def test_files_and_a_folder_are_added_once(texts, said, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["a.txt", "b.txt"], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "books")
    texts.add_button.click()
    texts.folder_button.click()
    texts.add_button.click()
    assert texts.paths == ("a.txt", "b.txt", "books")
    assert len(said) == 2


def test_nothing_chosen_adds_nothing(texts, said, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    texts.folder_button.click()
    assert (texts.paths, said) == ((), [])


def test_chosen_ones_are_removed_by_button_and_key(qtbot, texts, said):
    texts.add(["a.txt", "b.txt", "c.txt"])
    assert not texts.remove_button.isEnabled()
    texts.list.setCurrentRow(1)
    texts.remove_button.click()
    assert texts.paths == ("a.txt", "c.txt")
    texts.list.setCurrentRow(0)
    qtbot.keyClick(texts.list, Qt.Key.Key_Delete)
    assert texts.paths == ("c.txt",)
    assert len(said) == 3


def test_dropped_files_are_added(texts, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("x.txt", "y.txt")])
    shared = (
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(5, 5), *shared)
    QApplication.sendEvent(texts.list.viewport(), enter)
    assert enter.isAccepted()
    QApplication.sendEvent(texts.list.viewport(), QDropEvent(QPointF(5, 5), *shared))
    assert texts.paths == (str(tmp_path / "x.txt"), str(tmp_path / "y.txt"))


def test_an_empty_list_says_what_it_stands_for(texts):
    plain = texts.grab().toImage()
    texts.set_placeholder("calibration books (7)")
    assert texts.grab().toImage() != plain
