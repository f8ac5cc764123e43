"""A saved codec goes on with other vectors, in the real window."""

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.base.progress import run
from kvsplice_core.codec.codec_file import load_codec, load_history, save_codec
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.vectors import load_values
from kvsplice_core.fit.calibrate import history_of
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.dialogs.error_dialog import ErrorDialog

pytestmark = pytest.mark.slow

WAIT_MS = 60_000


def other_vectors(path, seed):
    rows = np.random.default_rng(seed).standard_normal((300, 6)) * [1, 1, 1, 1, 5, 5]
    np.save(path, rows.astype(np.float32))
    return path


@pytest.fixture
def codec(tmp_path, small_file):
    """Return the file of a PCA codec of the small vectors."""
    from kvsplice_core.fit.calibrate import calibrate

    values, spec = load_values(small_file), CalibrationSpec(Method.PCA, 2, device="cpu")
    path = tmp_path / "codec.safetensors"
    save_codec(run(calibrate(values, spec)).codec, path, history_of(values, spec))
    return path


@pytest.fixture
def dialog(qtbot, window, tmp_path):
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(other_vectors(tmp_path / "other.npy", 1))
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    window.updating.show()
    return window.updating.dialog


def update(qtbot, window, dialog, codec):
    dialog.codec.setText(str(codec))
    with qtbot.waitSignal(window.updating.found, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)


def test_an_update_shows_the_drift_and_is_saved(
    qtbot, window, dialog, codec, tmp_path, monkeypatch
):
    assert dialog.table.is_empty
    assert not dialog.save_button.isEnabled()
    update(qtbot, window, dialog, codec)
    adapted = window.state.findings.adapted
    assert dialog.verdict.text() == adapted.text == window.statusBar().currentMessage()
    # Qt gives plain text back with common spaces.
    assert adapted.text.replace("\xa0", " ") in window.views.log.toPlainText()
    assert [line.name for line in dialog.table.model.records] == ["new", "old"]
    out = tmp_path / "updated.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert load_codec(out).provenance.updates == 1
    assert load_history(out).moments.count == 750 + 225


def test_to_forget_all_is_what_the_field_says(qtbot, window, dialog, codec):
    dialog.forget.setValue(100)
    update(qtbot, window, dialog, codec)
    assert window.state.findings.adapted.vectors == 225


def test_a_file_that_is_no_codec_says_so(qtbot, window, dialog, tmp_path):
    assert not dialog.start_button.isEnabled()
    dialog.codec.setText(str(tmp_path / "other.npy"))
    with qtbot.waitSignal(window.controller.failed, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    error = window.findChild(ErrorDialog)
    assert error is not None
    error.close()
    assert window.state.findings.adapted is None
    assert dialog.start_button.isEnabled()


def test_other_vectors_take_the_finding_away(qtbot, window, dialog, codec, tmp_path):
    update(qtbot, window, dialog, codec)
    dialog.close()
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(other_vectors(tmp_path / "third.npy", 2))
    assert window.state.findings.adapted is None
    assert dialog.table.is_empty
    assert dialog.verdict.text() == ""


def test_the_action_needs_vectors(window):
    actions = {a.text(): a for menu in window.menuBar().actions() for a in menu.menu().actions()}
    action = actions["&Update a codec with these vectors…"]
    assert not action.isEnabled()
    window.updating.show()
    assert window.updating.dialog is None
