from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.data.capture import Sides
from kvsplice_gui.panels.quality_panel import QualityPanel
from kvsplice_gui.state.wishes import QualityWish
from tests.kvsplice_gui.panels.hands import pick, record, shown, tabbed, texts, type_number
from tests.kvsplice_gui.panels.hands import type_line as type_text
from tests.quality_samples import FACTS


@pytest.fixture
def panel(qtbot):
    made = shown(qtbot, QualityPanel())
    made.show_capture(FACTS)
    for button in (made.measure_button, made.evaluate_button, made.map_button):
        button.offer("")
    return made


def test_without_a_capture_nothing_can_be_started_and_a_sentence_says_why(qtbot):
    panel = shown(qtbot, QualityPanel())
    panel.show_estimate("Quality needs a capture.")
    assert panel.estimate.text() == "Quality needs a capture."
    buttons = (panel.measure_button, panel.evaluate_button, panel.map_button)
    assert not any(button.isEnabled() for button in buttons)
    assert tabbed(panel) == []


def test_showing_emits_nothing(panel):
    seen = record(panel.changed)
    wish = QualityWish(model="gpt2", texts=("a.txt",), tokens=999, mode="window", window=8)
    panel.show_wish(wish)
    assert seen == []
    assert panel.model.text() == "gpt2"
    assert panel.tokens.value() == 999
    assert panel.window_size.isVisible()


def test_a_hand_writes_its_field(qtbot, panel):
    seen = record(panel.changed)
    type_number(qtbot, panel.tokens, "2000")
    pick(panel.mode, "window")
    type_text(qtbot, panel.model, "gpt2")
    assert seen == [({"tokens": 2000},), ({"mode": "window"},), ({"model": "gpt2"},)]


def test_the_window_is_asked_for_only_in_its_mode(panel):
    assert not panel.window_size.isVisible()
    panel.show_wish(QualityWish(mode="window"))
    assert panel.window_size.isVisible()


def test_the_model_of_the_capture_stands_in_the_field_until_another_is_typed(panel):
    assert panel.model.text() == ""
    assert panel.model.placeholderText() == "gpt2-mini"


def test_sides_are_those_of_the_capture(panel):
    assert texts(panel.side) == ["V"]
    panel.show_capture(replace(FACTS, sides=Sides.BOTH))
    assert texts(panel.side) == ["V", "K", "V and K"]
    assert panel.side.currentText() == "V and K"


def test_texts_are_chosen_and_given_back(qtbot, panel, monkeypatch):
    assert panel.choose_texts.text() == "held-out books (10)"
    chosen = (["/x/a.txt", "/x/b.txt"], "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: chosen)
    seen = record(panel.changed)
    qtbot.mouseClick(panel.choose_texts, Qt.MouseButton.LeftButton)
    assert seen == [({"texts": ("/x/a.txt", "/x/b.txt")},)]
    panel.show_wish(QualityWish(texts=("/x/a.txt", "/x/b.txt")))
    assert panel.choose_texts.text() == "2 files"
    qtbot.mouseClick(panel.clear_texts, Qt.MouseButton.LeftButton)
    assert seen[-1] == ({"texts": ()},)


def test_another_model_has_no_books_of_its_own(panel):
    panel.show_wish(QualityWish(model="gpt2"))
    assert panel.choose_texts.text() == "Choose files…"


def test_everything_is_reached_by_the_keyboard_and_has_a_name(panel):
    reached = tabbed(panel)
    for widget in (panel.model, panel.choose_texts, panel.tokens, panel.mode):
        assert widget in reached
    for button in (panel.measure_button, panel.evaluate_button, panel.map_button):
        assert button in reached
        assert button.toolTip()
    assert all(widget.accessibleName() or widget.text() for widget in reached)
