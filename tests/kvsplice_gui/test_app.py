"""Starting: with a display, without one, and the session nobody watches."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from kvsplice_gui import app


@pytest.mark.parametrize(
    ("platform", "display", "wayland", "expected"),
    [
        ("offscreen", ":0", "", False),
        ("minimal", "", "", False),
        ("xcb", "", "", True),
        ("", ":0", "", True),
        ("", "", "wayland-0", True),
        ("", "", "", False),
    ],
)
def test_a_display_is_found(monkeypatch, platform, display, wayland, expected):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
    assert app.has_display() is expected


def test_without_a_display_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(app, "has_display", lambda: False)
    assert app.main([]) == 2
    error = capsys.readouterr().err
    assert error.startswith("kvsplice: error: no display found")
    assert error.count("\n") == 1


@pytest.mark.slow
def test_the_session_runs_offscreen(small_file, tmp_path):
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-m", "kvsplice_gui", str(small_file), "--without-display", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no display found" in done.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert {"results.csv", "results.json", "window.png", "mse_vs_k.png", "memory.svg"} <= names


@pytest.mark.slow
def test_a_session_on_a_bad_file_ends_with_one_sentence(tmp_path):
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-m", "kvsplice_gui", "nowhere.npy", "--without-display", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("kvsplice: error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_the_real_window_on_an_x_display(small_file, tmp_path):
    """Under Xvfb: open, calibrate by mouse, take a screenshot, close while idle."""
    display = f":{90 + os.getpid() % 400}"
    server = subprocess.Popen(
        ["Xvfb", display, "-screen", "0", "1280x720x24"], stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1)  # Xvfb says nowhere when it is ready
        script = tmp_path / "session.py"
        script.write_text(_X_SESSION.format(source=str(small_file), picture=tmp_path / "x.png"))
        environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
        done = subprocess.run(
            [sys.executable, script],
            env={**environment, "DISPLAY": display, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(10)
    if "could not connect to display" in done.stderr or "platform plugin" in done.stderr:
        pytest.skip("Qt's X plugin cannot be loaded here")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.png").stat().st_size > 20_000


_X_SESSION = """
from PyQt6.QtCore import QTimer, Qt
from PyQt6.QtTest import QTest
from kvsplice_gui import app

application, window = app.build("light", restore=False)
window.state.wish(epochs=4, k=2)
window.show()
panel = window.views.calibration

def click():
    QTest.mouseClick(panel.calibrate_button, Qt.MouseButton.LeftButton)

def idle(busy):
    result = window.state.findings.result
    if not busy and result is not None:
        QTimer.singleShot(0, finish if len(result.methods) == 3 else click)

def finish():
    window.grab().save({picture!r})
    assert application.platformName() == "xcb"
    window.close()

window.controller.busy_changed.connect(idle)
window.open_source({source!r})
raise SystemExit(application.exec())
""".replace("{picture!r}", "r'{picture}'").replace("{source!r}", "r'{source}'")
