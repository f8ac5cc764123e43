"""The dialog alone: what it offers, what it says, and what it asks for."""

from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.data.capture import Sides
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_gui.dialogs.capture_dialog import CAPTURING, CaptureDialog
from kvsplice_gui.state import settings
from kvsplice_gui.state.capture import books_at_hand
from kvsplice_gui.work.busy import IDLE, Busy
from tests.kvsplice_gui.panels.hands import pick, record, tabbed, texts, type_number
from tests.kvsplice_gui.state.test_capture import write

BUSY = Busy(CAPTURING, "Capturing")


@pytest.fixture
def dialog(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    settings.save_capture_folder(tmp_path)
    made = CaptureDialog()
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def started(dialog):
    return record(dialog.start_requested)


def start(qtbot, dialog):
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)


def test_it_is_ready_for_the_bundled_model_at_once(qtbot, dialog, started, tmp_path):
    start(qtbot, dialog)
    ((wish,),) = started
    assert (wish.model, wish.texts, wish.sides) == (BUNDLED, (), Sides.V)
    assert wish.path == str(tmp_path / "gpt2-mini-v.safetensors")
    assert f"calibration books ({books_at_hand()})" == dialog.fields.texts.list.placeholder


def test_return_starts_and_escape_closes(qtbot, dialog, started):
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert len(started) == 1
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_size_is_told_where_the_shape_is_known(qtbot, dialog):
    assert "64.0 MiB" in dialog.fields._size_hint.text()
    type_number(qtbot, dialog.fields.tokens, "16384")
    assert "32.0 MiB" in dialog.fields._size_hint.text()
    pick(dialog.fields.sides, "V and K")
    assert "64.0 MiB" in dialog.fields._size_hint.text()
    dialog.fields.model.setEditText("nobody/nothing")
    assert "unknown until loaded" in dialog.fields._size_hint.text()


def test_the_file_follows_model_and_sides_until_a_hand_names_it(dialog, tmp_path):
    pick(dialog.fields.sides, "K")
    assert dialog.fields.wish.path == str(tmp_path / "gpt2-mini-k.safetensors")
    dialog.fields.model.setEditText("org/other")
    assert dialog.fields.wish.path == str(tmp_path / "other-k.safetensors")
    dialog.fields.path.setText("mine.safetensors")
    pick(dialog.fields.sides, "V")
    assert dialog.fields.wish.path == "mine.safetensors"


def test_before_rotary_is_offered_where_it_can_be(dialog, tmp_path):
    fields = dialog.fields
    assert not fields.keys.isEnabled()  # no K
    pick(fields.sides, "K")
    assert not fields.keys.isEnabled()  # no rotary embedding
    fields.model.setEditText(write(tmp_path / "llama"))
    assert fields.keys.isEnabled()
    pick(fields.keys, "before rotary")
    assert fields.wish.keys_before_rotary
    pick(fields.sides, "V")
    assert not fields.wish.keys_before_rotary
    pick(fields.sides, "K")
    fields.model.setEditText(BUNDLED)
    assert not fields.wish.keys_before_rotary


def test_a_fault_is_said_in_place_and_mended(qtbot, dialog, started):
    dialog.fields.layers.setText("7")
    assert dialog.problem.isVisible()
    assert "0 … 3; got 7" in dialog.problem.text()
    assert not dialog.start_button.isEnabled()
    dialog.fields.layers.setText("3")
    assert not dialog.problem.isVisible()
    start(qtbot, dialog)
    assert started[0][0].spec.layers == (3,)


def test_another_model_needs_text(dialog):
    dialog.fields.model.setEditText("gpt2")
    assert "text is required for gpt2" in dialog.problem.text()
    dialog.fields.texts.add(["a.txt"])
    assert dialog.start_button.isEnabled()


def test_while_it_captures_fields_rest(dialog):
    height = dialog.height()
    for busy in (BUSY, replace(BUSY, is_cancelling=True)):
        dialog.set_busy(busy)
        assert not dialog.fields.isEnabled()
        assert not dialog.start_button.isEnabled()
        assert dialog.start_button.toolTip() == busy.why_not
    dialog.set_busy(IDLE)
    assert dialog.isVisible()
    assert dialog.fields.isEnabled()
    assert dialog.start_button.isEnabled()
    assert dialog.height() == height


def test_closing_while_it_captures_asks_to_cancel_and_stays(dialog):
    asked = record(dialog.cancel_requested)
    dialog.set_busy(BUSY)
    dialog.close()
    assert len(asked) == 1
    assert dialog.isVisible()


def test_other_work_is_waited_for(dialog):
    dialog.set_busy(Busy("calibrate", "Calibrating"))
    assert not dialog.start_button.isEnabled()
    assert dialog.problem.text().startswith("Calibrating: ")
    dialog.set_busy(IDLE)
    assert dialog.start_button.isEnabled()


def test_models_captured_from_before_are_offered(qtbot, dialog):
    settings.add_recent_model("gpt2")
    settings.add_recent_model("org/other")
    dialog.fields.model.setEditText("typed")
    dialog.hide()
    dialog.show()
    assert texts(dialog.fields.model) == [BUNDLED, "org/other", "gpt2"]
    assert dialog.fields.model.currentText() == "typed"


def test_a_folder_and_a_file_can_be_chosen(dialog, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "x"), ""))
    dialog.fields.model_button.click()
    dialog.fields.path_button.click()
    assert dialog.fields.wish.model == str(tmp_path)
    assert dialog.fields.wish.path == str(tmp_path / "x.safetensors")


def test_tab_reaches_every_field_from_top_to_bottom(dialog):
    pick(dialog.fields.sides, "V and K")
    dialog.fields.model.setEditText("nobody/nothing")
    dialog.fields.texts.add(["a.txt"])
    fields = dialog.fields
    expected = [
        fields.model,
        fields.texts.list,
        fields.texts.add_button,
        fields.tokens,
        fields.sides,
        fields.keys,
        fields.layers,
        fields.dtype,
        fields.attention,
        fields.path,
        dialog.copy_button,
        dialog.close_button,
        dialog.start_button,
    ]
    reached = tabbed(dialog)
    assert [widget for widget in reached if widget in expected] == expected
    for widget in reached:
        assert widget.accessibleName() or getattr(widget, "text", str)()


def test_after_a_cancelled_capture_the_keyboard_is_on_capture(dialog):
    for busy in (BUSY, replace(BUSY, is_cancelling=True)):
        dialog.set_busy(busy)
        assert dialog.focusWidget() is not dialog.copy_button
    dialog.set_busy(IDLE)
    assert dialog.focusWidget() is dialog.start_button
