"""Updating a saved codec by hand: opens the dialog, gives the work to the controller."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QWidget

from kvsplice_core.tasks.update import Adapted, UpdateSpec
from kvsplice_gui.desks.activity import Activity, Desk, Told, Workplace
from kvsplice_gui.dialogs.update_dialog import UPDATING, UpdateDialog
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.state.dataset import Dataset
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.work.model_jobs import UpdateWish, save_adapted, update_job


@dataclass(frozen=True, eq=False)
class UpdateAsk:
    """A codec to update with the open vectors."""

    dataset: Dataset
    wish: UpdateWish
    spec: UpdateSpec


def _finished(findings: Findings, _: UpdateAsk, adapted: Adapted) -> Told:
    return Told(replace(findings, adapted=adapted), (adapted.text,), adapted.text)


UPDATE: Activity[UpdateAsk] = Activity(
    key=UPDATING,
    verb="Updating",
    task_of=lambda *_: None,  # the dialog asks
    work=lambda ask, _: lambda: update_job(ask.dataset, ask.wish, ask.spec),
    finished=_finished,
    opening=lambda ask: f"Updating {ask.wish.path} with {ask.dataset.values.summary.title}",
    why_not=lambda _, findings: "" if findings.dataset else frontier_readouts.NEEDS_DATA,
)


class Updating(Desk[UpdateAsk]):
    """The update dialog and its work.

    Parameters
    ----------
    place : Workplace
    window : QWidget
        Parent of the dialog.
    """

    def __init__(self, place: Workplace, window: QWidget) -> None:
        super().__init__(place, UPDATE, window)
        self._window = window
        self._colours: dict[str, str] = {}
        self.dialog: UpdateDialog | None = None
        place.state.findings_changed.connect(self._on_findings_changed)

    def show(self) -> None:
        """Open the dialog for the open vectors; it keeps what was last set in it."""
        dataset = self._place.state.findings.dataset
        if dataset is None:
            return
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.show_vectors(dataset.values.summary.title)
        self.dialog.set_busy(self._place.controller.busy)
        self.dialog.show()
        self.dialog.raise_()

    def set_theme(self, theme: Theme) -> None:
        """Draw verdicts in the colours of `theme`."""
        self._colours = {role: getattr(theme, role) for role in ("good", "error", "muted")}
        if self.dialog is not None:
            self.dialog.table.model.set_colours(self._colours)

    def _make_dialog(self) -> UpdateDialog:
        dialog, controller = UpdateDialog(self._window), self._place.controller
        dialog.table.model.set_colours(self._colours)
        dialog.start_requested.connect(self._on_start_requested)
        dialog.cancel_requested.connect(controller.cancel)
        dialog.save_requested.connect(self._on_save_requested)
        controller.busy_changed.connect(dialog.set_busy)
        return dialog

    @pyqtSlot(object)
    def _on_start_requested(self, wish: UpdateWish) -> None:
        dataset = self._place.state.findings.dataset
        learnt = self._place.state.wishes.calibration
        if dataset is not None:
            spec = UpdateSpec(
                forget=wish.forget,
                seed=learnt.seed,
                device=learnt.device,
                threads=learnt.threads,
            )
            self.start(UpdateAsk(dataset, wish, spec))

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.adapted is not old.adapted and self.dialog is not None:
            self.dialog.show_adapted(new.adapted)

    @pyqtSlot()
    def _on_save_requested(self) -> None:
        adapted, takeaway = self._place.state.findings.adapted, self._place.takeaway
        if adapted is None:
            return
        codec = adapted.codec
        name = f"codec_{codec.method.key}_k{codec.k}_updated.safetensors"
        path = takeaway.ask_save(name, "Codec (*.safetensors)")
        if path is not None:
            takeaway.attempt(lambda: save_adapted(adapted, path), f"Saved the codec as {path}")
