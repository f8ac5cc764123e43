"""Starting the window, or the same session without a display."""

from __future__ import annotations

import argparse
import atexit
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.devices import prepare_environment
from kvsplice_core.version import __version__

if TYPE_CHECKING:
    from PyQt6.QtCore import QObject
    from PyQt6.QtWidgets import QApplication

    from kvsplice_gui.window.main_window import MainWindow

_NO_QT = (
    "Qt could not be loaded: {error}. On Debian or Ubuntu install: apt-get install libegl1 libgl1 "
    "libglib2.0-0 libxkbcommon0 libfontconfig1 libfreetype6 libdbus-1-3 libx11-6 fonts-dejavu-core"
)
_NO_DISPLAY = "no display found (neither DISPLAY nor WAYLAND_DISPLAY is set)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; returns its exit code."""
    arguments = _parser().parse_args(argv)
    prepare_environment()
    offscreen = not has_display()
    if offscreen and arguments.without_display is None:
        return _refuse(
            f"{_NO_DISPLAY}; start it in a desktop session, use kvsplice on the command line, or "
            "add --without-display DIR to run a session offscreen"
        )
    if offscreen:
        sys.stdout.write(f"kvsplice: {_NO_DISPLAY}; running the session offscreen\n")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        # The plugin complains of every window that it has no window manager.
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    try:
        from PyQt6 import QtWidgets  # noqa: F401 - the first to miss a system library
    except ImportError as error:
        return _refuse(_NO_QT.format(error=error))
    return _run(arguments, offscreen=offscreen)


def has_display() -> bool:
    """Return whether Qt has somewhere to draw a window."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform:
        return platform not in {"offscreen", "minimal"}
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kvsplice-gui",
        description="See, tune and prove the compression of transformer KV caches.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file of V vectors or a sample")
    parser.add_argument(
        "--theme", choices=("system", "light", "dark"), help="colours of the window"
    )
    parser.add_argument(
        "--without-display",
        metavar="DIR",
        type=Path,
        help="where there is no display: open, calibrate and export into DIR, then end",
    )
    parser.add_argument("--version", action="version", version=f"kvsplice {__version__}")
    return parser


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"kvsplice: error: {sentence}\n")
    return 2


def _run(arguments: argparse.Namespace, *, offscreen: bool) -> int:
    app, window = build(arguments.theme, restore=not offscreen)
    if offscreen:
        from kvsplice_gui.window.offscreen import run_session

        source = arguments.files[0] if arguments.files else "smollm2-v"
        return run_session(window, source, arguments.without_display)
    window.show()
    _open_first(window, arguments.files)
    _end_on_ctrl_c(window)
    return app.exec()


def build(theme: str | None = None, *, restore: bool = True) -> tuple[QApplication, MainWindow]:
    """Return (application, window), ready to show."""
    from PyQt6.QtGui import QGuiApplication, QIcon
    from PyQt6.QtWidgets import QApplication

    from kvsplice_core.base.resources import resource_path
    from kvsplice_gui.look.errors import install_hooks
    from kvsplice_gui.state import settings
    from kvsplice_gui.state.session import wishes_of
    from kvsplice_gui.state.state import State
    from kvsplice_gui.state.wishes import Wishes
    from kvsplice_gui.window.main_window import MainWindow
    from kvsplice_gui.work.runner import Controller

    QGuiApplication.setDesktopFileName("kvsplice")
    present = QApplication.instance()
    app = present if isinstance(present, QApplication) else QApplication(sys.argv[:1])
    QApplication.setApplicationName("KVSplice")
    QApplication.setWindowIcon(QIcon(str(resource_path("icons", "kvsplice.svg"))))
    wishes = wishes_of(settings.load_session()) if restore else Wishes()
    if theme is not None:
        wishes = replace(wishes, view=replace(wishes.view, theme=theme))
    state = State(wishes)
    controller = Controller(state)
    window = MainWindow(state, controller, remembers=restore)
    install_hooks(window.problem_met.emit)
    atexit.register(_destroy, window, controller, state)
    return app, window


def _destroy(*objects: QObject) -> None:
    """Take the window apart before PyQt does.

    PyQt deletes what Python still owns at exit while it walks through all wrappers; a window whose
    hundreds of children go with it frees wrappers under that walk, now and then to a crash.
    """
    from PyQt6 import sip

    for each in objects:
        if not sip.isdeleted(each):
            sip.delete(each)


def _open_first(window: MainWindow, files: Sequence[str]) -> None:
    """Open the first file named, or what the last session had open; the others become recent."""
    from kvsplice_core.data.samples import SAMPLES
    from kvsplice_gui.state import settings

    for path in reversed(files[1:]):
        settings.add_recent_file(path)
    source = files[0] if files else window.state.wishes.data.source
    if files:
        window.open_source(source)
    elif source in SAMPLES or Path(source).is_file():
        window.controller.reopen()


def _end_on_ctrl_c(window: MainWindow) -> None:
    """Close the window on Ctrl-C; Qt's loop must return to Python now and then to hear it."""
    from PyQt6.QtCore import QTimer

    signal.signal(signal.SIGINT, lambda *_: window.close())
    timer = QTimer(window)
    timer.timeout.connect(lambda: None)
    timer.start(250)
