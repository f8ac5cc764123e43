"""The log keeps what is said, and only that can be added."""

import re

import pytest
from PyQt6.QtGui import QTextCursor

from kvsplice_gui.panels import log_panel
from kvsplice_gui.panels.log_panel import LogPanel


@pytest.fixture
def log(qtbot):
    made = LogPanel()
    qtbot.addWidget(made)
    return made


def test_every_line_has_its_time(log):
    log.say("first")
    log.say("second")
    lines = log.toPlainText().splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in lines] == ["first", "second"]
    assert all(line != bare for line, bare in zip(lines, ["first", "second"], strict=True))


def test_text_is_not_taken_for_markup(log):
    log.say("<b>a.npy</b> & more")
    assert log.toPlainText().endswith("<b>a.npy</b> & more")


def test_nothing_can_be_typed_into_it(qtbot, log):
    log.say("first")
    before = log.toPlainText()
    qtbot.keyClicks(log, "x")
    assert log.toPlainText() == before


def test_it_follows_what_is_said(qtbot, log):
    log.resize(200, 60)
    log.show()
    for i in range(50):
        log.say(str(i))
    bar = log.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0


def test_a_selection_survives_what_is_said_next(log):
    log.say("first")
    log.say("second")
    log.moveCursor(QTextCursor.MoveOperation.Start)
    log.moveCursor(QTextCursor.MoveOperation.EndOfLine, QTextCursor.MoveMode.KeepAnchor)
    log.say("third")
    assert log.textCursor().selectedText().endswith("first")
    assert log.toPlainText().endswith("third")


def test_the_oldest_lines_make_room(monkeypatch, qtbot):
    monkeypatch.setattr(log_panel, "_LINES", 3)
    log = LogPanel()
    qtbot.addWidget(log)
    for i in range(5):
        log.say(str(i))
    assert [line[-1] for line in log.toPlainText().splitlines()] == ["2", "3", "4"]
