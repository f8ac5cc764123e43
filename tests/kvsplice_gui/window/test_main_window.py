"""The whole job in the real window, by its own widgets."""

import json

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PyQt6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox

from kvsplice_core.codec.codec_file import load_codec
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.sweep_table import read_csv
from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.readouts.exports import FIGURES
from kvsplice_gui.state import settings
from kvsplice_gui.state.session import wishes_of

WAIT_MS = 60_000


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)


def save_as(monkeypatch, path, kind=""):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))


@pytest.fixture
def loaded(qtbot, window, small_file):
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(small_file)
    return window


@pytest.fixture
def calibrated(qtbot, loaded):
    qtbot.mouseClick(loaded.views.calibration.calibrate_button, Qt.MouseButton.LeftButton)
    idle(qtbot, loaded)
    return loaded


def test_an_empty_window_explains_itself(window):
    assert all(plot.is_empty for key, plot in window.views.plots.items() if key != "memory")
    assert not window.views.calibration.calibrate_button.isEnabled()
    assert window.views.strip.buttons["values"].number == "no data"


def test_calibrate_shows_everywhere(calibrated):
    views = calibrated.views
    assert views.strip.buttons["values"].number == "1\u202f000 × 6"  # one of the two heads
    assert "bend" in views.strip.buttons["transform"].number
    assert "%" in views.strip.buttons["restored"].number or "tie" in (
        views.strip.buttons["restored"].number
    )
    assert not views.splines.is_empty
    assert not views.mse.is_empty
    assert not views.change.is_empty
    assert len(views.table.model.records) == 10
    assert calibrated._verdict.text().startswith("Spline→PCA")


@pytest.mark.parametrize("place", ["window", "docked", "floating"])
def test_dropping_a_file_opens_it(qtbot, window, small_file, place):
    dock = window.layout_of.docks["mse"]
    dock.setFloating(place == "floating")
    target = window if place == "window" else dock
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(small_file))])
    enter = QDragEnterEvent(
        QPoint(10, 10),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        QApplication.sendEvent(target, event)
    assert event.isAccepted()
    assert settings.recent_files() == [small_file]
    assert "small.npy" in window.windowTitle()


def test_k_is_the_same_everywhere(calibrated, qtbot):
    views = calibrated.views
    views.mse.k_chosen.emit(4)
    assert views.calibration.k_box.value() == views.calibration.k_slider.value() == 4
    assert views.mse.k == views.change.k == 4
    views.calibration.k_box.setValue(3)
    assert calibrated.state.wishes.k == views.mse.k == 3
    before = views.strip.buttons["cache"].number
    calibrated.step_k(1)
    assert calibrated.state.wishes.k == 4
    assert views.strip.buttons["cache"].number != before


def test_choosing_a_row_chooses_method_and_k(calibrated):
    row = next(r for r in calibrated.views.table.model.records if r.k == 1 and r.change is None)
    calibrated.views.table.record_chosen.emit(row)
    assert (calibrated.state.wishes.method, calibrated.state.wishes.k) == (Method.PCA, 1)
    assert calibrated.views.splines.is_empty


def in_front(window):
    return {
        key for key, dock in window.layout_of.docks.items() if window.layout_of.is_in_front(dock)
    }


STAGES = {
    "values": ("data", None),
    "transform": ("calibration", "method"),
    "pca": ("calibration", "k_slider"),
    "cache": ("memory_panel", None),
    "decoder": ("calibration", "recipe"),
    "restored": ("calibration", "epochs"),
}


def test_a_stage_opens_its_options_and_does_nothing_else(calibrated, qtbot):
    for stage, (name, field) in STAGES.items():
        calibrated.layout_of.show_dock("log")
        calibrated.layout_of.show_dock("loss")
        QApplication.processEvents()
        before, wishes, findings = (
            in_front(calibrated),
            calibrated.state.wishes,
            calibrated.state.findings,
        )
        qtbot.mouseClick(calibrated.views.strip.buttons[stage], Qt.MouseButton.LeftButton)
        QApplication.processEvents()
        panel = getattr(calibrated.views, name)
        focus = calibrated.focusWidget()
        assert panel.isAncestorOf(focus), stage
        own = getattr(panel, "fields", {})
        wanted = own[field].widget if field in own else field and getattr(panel, field)
        assert field is None or focus is wanted
        assert not panel.visibleRegion().isEmpty()
        assert in_front(calibrated) == before
        assert (calibrated.state.wishes, calibrated.state.findings) == (wishes, findings)


def test_tab_never_stops_on_what_stands_behind(qtbot, calibrated):
    calibrated.activateWindow()
    calibrated.views.data.open_button.setFocus()
    reached = []
    for _ in range(150):
        qtbot.keyClick(QApplication.focusWidget() or calibrated, Qt.Key.Key_Tab)
        reached.append(calibrated.focusWidget())
    assert len(set(map(id, reached))) > 30
    assert calibrated.views.log not in reached
    assert all(calibrated.layout_of.is_in_front(widget) for widget in reached)


def test_the_theme_leaves_the_font_size_alone(window):
    def sizes():
        # Fusion makes scroll bars and the like anew; what holds text stays.
        return [(w.font().pixelSize(), w.font().pointSizeF()) for w in window.findChildren(QLabel)]

    first = sizes()
    assert set(first) <= {(11, -1), (13, -1), (15, -1), (20, -1)}
    for name in ("dark", "light"):
        window.choose_theme(name)
        assert sizes() == first


def test_a_bad_config_is_refused_and_nothing_changes(calibrated, tmp_path):
    before = calibrated.state.wishes.memory
    path = tmp_path / "config.json"
    path.write_text("{}")
    calibrated.views.memory_panel.changed.emit({"model": str(path)})
    assert calibrated.state.wishes.memory == before
    dialog = calibrated.findChild(ErrorDialog)
    assert dialog is not None
    dialog.close()


@pytest.mark.slow
def test_exports(calibrated, qtbot, monkeypatch, tmp_path):
    save_as(monkeypatch, tmp_path / "table", "Table (*.csv)")
    calibrated.takeaway.export_csv()
    assert read_csv(tmp_path / "table.csv").ks == (1, 2, 3, 4, 6)
    save_as(monkeypatch, tmp_path / "all.json")
    calibrated.takeaway.export_json()
    assert json.loads((tmp_path / "all.json").read_text())["spec"]["seed"] == 5
    save_as(monkeypatch, tmp_path / "codec.safetensors")
    calibrated.takeaway.export_codec()
    assert load_codec(tmp_path / "codec.safetensors").k == calibrated.state.wishes.k
    save_as(monkeypatch, tmp_path / "window.png")
    calibrated.takeaway.export_screenshot()
    assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("leave", [True, False])
def test_a_suffix_added_overwrites_nothing_without_leave(calibrated, monkeypatch, tmp_path, leave):
    (tmp_path / "table.csv").write_text("mine")
    answer = QMessageBox.StandardButton.Yes if leave else QMessageBox.StandardButton.No
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *said: asked.append(said) or answer)
    save_as(monkeypatch, tmp_path / "table", "Table (*.csv)")
    calibrated.takeaway.export_csv()
    assert ((tmp_path / "table.csv").read_text() == "mine") is not leave
    assert len(asked) == 1
    save_as(monkeypatch, tmp_path / "other", "Table (*.csv)")
    calibrated.takeaway.export_csv()
    assert (tmp_path / "other.csv").exists()
    assert len(asked) == 1  # nothing is there to be written over


@pytest.mark.slow
def test_everything_into_a_folder(calibrated, qtbot, tmp_path):
    calibrated.takeaway.save_everything(tmp_path / "out")
    idle(qtbot, calibrated)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"results.csv", "results.json", "window.png"} <= names
    assert {f"{kind.key}.{s}" for kind in FIGURES for s in ("png", "svg", "pdf")} <= names


def test_copy_as_command_and_python(calibrated):
    calibrated.takeaway.copy_as_command()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("kvsplice sweep")
    assert "--recipe joint" in text
    calibrated.takeaway.copy_as_python()
    compile(QGuiApplication.clipboard().text(), "copied", "exec")


@pytest.mark.slow
def test_copy_figure(calibrated, qtbot):
    calibrated.takeaway.copy_figure("mse_vs_k")
    idle(qtbot, calibrated)
    assert not QGuiApplication.clipboard().image().isNull()


@pytest.mark.slow
def test_themes_paint_another_window(window):
    for name in ("dark", "light"):
        window.choose_theme(name)
        corner = window.grab().toImage().pixelColor(2, 2)
        assert (corner.lightness() < 128) == (name == "dark")
        assert window.menus.named(name.capitalize()).isChecked()


def test_the_session_comes_back(calibrated, small_file):
    calibrated.state.wish(k=3)
    calibrated.close()
    restored = wishes_of(settings.load_session())
    assert restored.k == 3
    assert restored.data.source == str(small_file)


def test_reset_layout_brings_docks_back(window):
    dock = window.layout_of.docks["results"]
    dock.hide()
    window.layout_of.reset()
    assert dock.isVisible()


def test_it_fits_the_smallest_screen(window):
    window.resize(1280, 720)
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 720


def test_closing_while_it_calibrates(loaded, qtbot):
    loaded.state.wish(epochs=5000)
    with qtbot.waitSignal(loaded.controller.stepped, timeout=WAIT_MS):
        loaded.controller.calibrate()
    assert loaded.close()
