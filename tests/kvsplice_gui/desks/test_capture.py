"""From the dialog to an opened capture, in the real window with a real small model."""

import shlex
import threading
import time

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QMessageBox

from kvsplice_core.cli.parser import parse
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import Sides
from kvsplice_core.language import capture as capturing
from kvsplice_core.tasks.capture import CaptureTask
from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.state import settings
from kvsplice_gui.state.capture import CaptureWish, as_command
from tests.kvsplice_gui.panels.hands import pick, type_number
from tests.language_models import some_documents, tiny_gpt2

pytestmark = pytest.mark.slow

WAIT_MS = 120_000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A random GPT-2 of 2 layers and 4 heads of 16, saved with its tokenizer."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    language = tiny_gpt2()
    language.model.save_pretrained(folder)
    language.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for document in some_documents():
        (folder / f"{document.name}.txt").write_text(document.text)
    return folder


@pytest.fixture
def dialog(window, model, texts, tmp_path):
    window.views.data.capture_button.click()
    shown = window.capturing.dialog
    shown.fields.model.setEditText(str(model))
    shown.fields.texts.add([str(texts)])
    shown.fields.path.setText(str(tmp_path / "made.safetensors"))
    return shown


def start(qtbot, dialog):
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)


def test_a_capture_is_made_and_opened(qtbot, window, dialog, model, tmp_path):
    type_number(qtbot, dialog.fields.tokens, "900")
    pick(dialog.fields.sides, "V and K")
    dialog.fields.attention.setChecked(True)
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        start(qtbot, dialog)
    assert not dialog.isVisible()
    dataset = window.state.findings.dataset
    assert dataset.capture.sides is Sides.BOTH
    assert dataset.capture.tokens == dataset.values.summary.vectors == 900
    assert dataset.capture.attention
    assert window.state.findings.dim == 16
    assert "900 tokens of 4 documents" in window.views.data._facts.text().replace("\u202f", "")
    assert window.state.wishes.memory.model == str(model / "config.json")
    assert settings.recent_models() == [str(model)]
    assert settings.capture_folder() == tmp_path
    assert not window.controller.busy


def test_the_captured_models_cache_is_measured(qtbot, window, dialog):
    window.state.wish(method=Method.PCA, k=4)
    window.state.wish_memory(tokens=100)
    assert not window.views.memory_panel.measure_button.isEnabled()
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        start(qtbot, dialog)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    window.views.memory_panel.measure_button.click()
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    result = window.state.findings.measured.result
    assert [point.tokens for point in result.points] == [64, 100]
    assert all(point.dense == point.formula_dense for point in result.points)
    assert result.dtype == "bfloat16"  # the panel says 2 bytes
    assert window.views.measured.isVisible()
    assert not window.views.measured.is_empty
    assert [name for name, *_ in window.views.memory._measured] == [
        "dense, measured",
        "PCA k = 4, measured",
    ]
    window.state.wish(k=3)
    assert [name for name, *_ in window.views.memory._measured] == ["dense, measured"]


@pytest.fixture
def gate(monkeypatch):
    """Hold the model before every window of text until the gate is opened."""
    opened, whole = threading.Event(), capturing.read_window

    def held(*args, **kwargs):
        assert opened.wait(WAIT_MS / 1000)
        return whole(*args, **kwargs)

    monkeypatch.setattr(capturing, "read_window", held)
    return opened


def test_cancel_keeps_the_inputs_and_leaves_no_file(qtbot, window, dialog, gate, tmp_path):
    before = dialog.fields.wish
    with qtbot.waitSignal(window.controller.progressed, timeout=WAIT_MS):
        start(qtbot, dialog)
    assert dialog.is_capturing
    assert not dialog.fields.isEnabled()
    with qtbot.waitSignal(window.controller.cancelled, timeout=WAIT_MS):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert dialog.isVisible()
        gate.set()
    assert dialog.isVisible()
    assert not dialog.is_capturing
    assert dialog.fields.wish == before
    assert list(tmp_path.glob("*made*")) == []
    assert window.state.findings.dataset is None


def test_a_cancel_that_comes_too_late_leaves_no_file_either(qtbot, window, dialog, tmp_path):
    start(qtbot, dialog)
    # Nothing of the result reaches the window before Escape does.
    deadline = time.monotonic() + WAIT_MS / 1000
    while not window.capturing._whole and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "made.safetensors").exists()
    with qtbot.waitSignal(window.controller.cancelled, timeout=WAIT_MS):
        dialog.reject()
    assert list(tmp_path.glob("*made*")) == []
    assert window.state.findings.dataset is None


def test_a_failure_says_so_and_leaves_the_dialog(qtbot, window, dialog, tmp_path):
    dialog.fields.model.setEditText(str(tmp_path))  # a folder without a model
    with qtbot.waitSignal(window.controller.failed, timeout=WAIT_MS) as failed:
        start(qtbot, dialog)
    assert "config.json" in failed.args[0].sentence
    assert dialog.isVisible()
    assert dialog.start_button.isEnabled()
    error = window.findChild(ErrorDialog)
    assert error is not None
    error.close()


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_it_asks_before_it_overwrites(qtbot, window, dialog, tmp_path, monkeypatch, answer):
    path = tmp_path / "made.safetensors"
    path.write_bytes(b"dear")
    button = QMessageBox.StandardButton[answer]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: button)
    if answer == "No":
        start(qtbot, dialog)
        assert not window.controller.busy
        assert path.read_bytes() == b"dear"
        return
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        start(qtbot, dialog)
    assert window.state.findings.dataset.capture is not None


def test_what_is_copied_is_a_command(qtbot, window, dialog):
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == as_command(dialog.fields.wish)


def test_every_wish_is_one_the_command_line_takes():
    wish = CaptureWish(
        "gpt2",
        ("a b.txt", "c.txt"),
        1234,
        Sides.BOTH,
        True,
        "0-2, 5",
        "bfloat16",
        True,
        "o.safetensors",
    )
    task = parse(shlex.split(as_command(wish))[1:])
    assert task == CaptureTask(wish.model, wish.path, wish.texts, wish.spec)
    assert task.spec.layers == (0, 1, 2, 5)
