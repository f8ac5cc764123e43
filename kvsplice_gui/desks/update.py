"""Updating a saved codec by hand: opens the dialog, gives the work to the controller."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QWidget

from kvsplice_core.tasks.update import Adapted, UpdateSpec
from kvsplice_gui.desks.takeaway import TakeAway
from kvsplice_gui.dialogs.update_dialog import UPDATING, UpdateDialog
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.state import State
from kvsplice_gui.work.model_jobs import UpdateWish, save_adapted, update_job
from kvsplice_gui.work.runner import Controller


class Updating(QObject):
    """The update dialog and its work.

    Parameters
    ----------
    window : QWidget
        Parent of the dialog.
    state : State
        Gives vectors, device and seed; takes what was found.
    controller : Controller
        Runs the update.
    takeaway : TakeAway
        Asks where to save.
    attempt : callable
        Runs an action and shows what it raises; says its second argument when all went well.

    Signals
    -------
    updated : str
        The verdict on an update that is done.
    """

    updated = pyqtSignal(str)

    def __init__(
        self,
        window: QWidget,
        state: State,
        controller: Controller,
        takeaway: TakeAway,
        attempt: Callable[[Callable[[], object], str], None],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._controller = controller
        self._takeaway = takeaway
        self._attempt = attempt
        self._colours: dict[str, str] = {}
        self.dialog: UpdateDialog | None = None
        state.findings_changed.connect(self._on_findings_changed)

    def show(self) -> None:
        """Open the dialog for the open vectors; it keeps what was last set in it."""
        dataset = self._state.findings.dataset
        if dataset is None:
            return
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.show_vectors(dataset.values.summary.title)
        self.dialog.set_busy(self._controller.busy)
        self.dialog.open()

    def set_theme(self, theme: Theme) -> None:
        """Draw verdicts in the colours of `theme`."""
        self._colours = {role: getattr(theme, role) for role in ("good", "error", "muted")}
        if self.dialog is not None:
            self.dialog.table.model.set_colours(self._colours)

    def _make_dialog(self) -> UpdateDialog:
        dialog, controller = UpdateDialog(self._window), self._controller
        dialog.table.model.set_colours(self._colours)
        dialog.start_requested.connect(self._on_start_requested)
        dialog.cancel_requested.connect(controller.cancel)
        dialog.save_requested.connect(self._on_save_requested)
        controller.busy_changed.connect(dialog.set_busy)
        controller.progressed.connect(dialog.set_progress)
        return dialog

    @pyqtSlot(object)
    def _on_start_requested(self, wish: UpdateWish) -> None:
        dataset, wishes = self._state.findings.dataset, self._state.wishes
        if dataset is None:
            return
        spec = UpdateSpec(forget=wish.forget, seed=wishes.seed, device=wishes.device)
        work = self._controller.work
        if work(UPDATING, lambda: update_job(dataset, wish, spec), self._on_adapted):
            self._controller.said.emit(f"Updating {wish.path} with {dataset.values.summary.title}")

    def _on_adapted(self, adapted: Adapted) -> None:
        self._state.find(adapted=adapted)
        self._controller.said.emit(adapted.text)
        self.updated.emit(adapted.text)

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.adapted is not old.adapted and self.dialog is not None:
            self.dialog.show_adapted(new.adapted)

    @pyqtSlot()
    def _on_save_requested(self) -> None:
        adapted = self._state.findings.adapted
        if adapted is None:
            return
        codec = adapted.codec
        name = f"codec_{codec.method.key}_k{codec.k}_updated.safetensors"
        path = self._takeaway.ask_save(name, "Codec (*.safetensors)")
        if path is not None:
            self._attempt(lambda: save_adapted(adapted, path), f"Saved the codec as {path}")
