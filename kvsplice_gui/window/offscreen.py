"""The main job without a person: open, calibrate, export, on the very window and code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QEventLoop, QObject, QTimer, pyqtSlot

from kvsplice_gui.look.errors import ErrorReport
from kvsplice_gui.window.main_window import MainWindow
from kvsplice_gui.work.busy import Busy

_SIZE = (1440, 900)


class OffscreenSession(QObject):
    """Does one step whenever the window has nothing to do.

    Parameters
    ----------
    window : MainWindow
        The window to drive.
    source : str
        A sample's name or a file.
    folder : Path
        Where tables, figures, codec and screenshot go.
    """

    def __init__(self, window: MainWindow, source: str, folder: Path) -> None:
        super().__init__(window)
        self._window = window
        self._loop = QEventLoop()
        self._report: ErrorReport | None = None
        self._steps: list[Callable[[], object]] = [
            lambda: window.open_source(source),
            window.controller.calibrate,
            lambda: window.takeaway.save_everything(folder),
        ]
        window.controller.busy_changed.connect(self._on_busy_changed)
        window.controller.failed.connect(self._on_failed)

    def run(self) -> ErrorReport | None:
        """Do all steps; returns the error that stopped it, or None."""
        self._next()
        self._loop.exec()
        return self._report

    def _next(self) -> None:
        if self._steps and self._report is None:
            self._steps.pop(0)()
        else:
            self._loop.quit()

    @pyqtSlot(object)
    def _on_busy_changed(self, busy: Busy) -> None:
        if not busy:
            # The next step makes the window busy again; let everybody hear of the pause first.
            QTimer.singleShot(0, self._next)

    @pyqtSlot(object)
    def _on_failed(self, report: ErrorReport) -> None:
        self._report = report


def run_session(window: MainWindow, source: str, folder: Path) -> int:
    """Run the session and return the exit code."""
    window.resize(*_SIZE)
    window.show()
    window.controller.said.connect(lambda text: sys.stdout.write(f"{text}\n"))
    report = OffscreenSession(window, source, folder).run()
    window.close()
    if report is not None:
        sys.stderr.write(f"kvsplice: error: {report.sentence}\n")
        return 1
    sys.stdout.write(f"kvsplice: the session is in {folder}\n")
    return 0
