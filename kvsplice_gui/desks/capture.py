"""Capturing by hand: opens the dialog, gives the work to the controller, opens what comes."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSlot
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QWidget

from kvsplice_core.base import formats
from kvsplice_core.base.formats import format_bytes
from kvsplice_core.data.capture import CaptureResult
from kvsplice_gui.dialogs.capture_dialog import CAPTURING, CaptureDialog
from kvsplice_gui.state import settings
from kvsplice_gui.state.capture import CaptureWish, as_command, config_at_hand
from kvsplice_gui.state.state import State
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.model_jobs import capture_job
from kvsplice_gui.work.runner import Controller


class Capturing(QObject):
    """The capture dialog and its work.

    Parameters
    ----------
    window : QWidget
        Parent of the dialog.
    state : State
        Gives the device; the memory panel follows the model of an opened capture.
    controller : Controller
        Runs the capture, and opens it when it is whole.
    remembers : bool
        Whether the next start offers the model and the folder.
    """

    def __init__(
        self, window: QWidget, state: State, controller: Controller, *, remembers: bool
    ) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._controller = controller
        self._remembers = remembers
        self._model = ""
        self._whole: list[str] = []
        self.dialog: CaptureDialog | None = None
        controller.loaded.connect(self._on_controller_loaded)
        controller.cancelled.connect(self._on_controller_cancelled)

    def show(self) -> None:
        """Open the dialog; it keeps what was last set in it."""
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.set_busy(self._controller.busy)
        self.dialog.show()
        self.dialog.raise_()

    def _make_dialog(self) -> CaptureDialog:
        dialog, controller = CaptureDialog(self._window), self._controller
        dialog.start_requested.connect(self._on_start_requested)
        dialog.cancel_requested.connect(controller.cancel)
        dialog.copy_requested.connect(self._on_copy_requested)
        controller.busy_changed.connect(dialog.set_busy)
        return dialog

    @pyqtSlot(object)
    def _on_start_requested(self, wish: CaptureWish) -> None:
        device, whole = self._state.wishes.calibration.device, self._whole
        started = self._controller.work(
            Busy(CAPTURING, "Capturing"),
            lambda: capture_job(wish, device, whole.append),
            lambda result: self._on_captured(wish, result),
        )
        if started:
            self._controller.said.emit(f"Capturing:\n{as_command(wish)}")

    @pyqtSlot(str)
    def _on_controller_cancelled(self, _: str) -> None:
        """Leave no file of a capture that became whole while it was being cancelled."""
        while self._whole:
            Path(self._whole.pop()).unlink(missing_ok=True)

    def _on_captured(self, wish: CaptureWish, result: CaptureResult) -> None:
        self._controller.said.emit(
            f"Captured {formats.count(result.facts.tokens)} tokens of "
            f"{len(result.facts.documents)} documents in {formats.duration(result.elapsed_s)}: "
            f"{result.path} ({format_bytes(result.file_bytes)})"
        )
        self._whole.clear()
        if self._remembers:
            settings.add_recent_model(wish.model)
            settings.save_capture_folder(Path(result.path).absolute().parent)
        if self.dialog is not None:
            self.dialog.accept()
        # The controller must come to rest before it reads.
        QTimer.singleShot(0, lambda: self._controller.open(result.path))

    @pyqtSlot(object)
    def _on_copy_requested(self, wish: CaptureWish) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(as_command(wish))
            self._controller.said.emit(f"Copied as command:\n{as_command(wish)}")

    @pyqtSlot()
    def _on_controller_loaded(self) -> None:
        """Weigh the cache of the model an opened capture comes from, where its shape is at hand."""
        dataset = self._state.findings.dataset
        facts = None if dataset is None else dataset.capture
        model = "" if facts is None else facts.model.name
        if model and model != self._model and (config := config_at_hand(model)) is not None:
            self._state.wish_memory(model=config)
        self._model = model
