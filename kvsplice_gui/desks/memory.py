"""Measuring real caches: from the wish to the work, into the findings, and onto the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import memory as memory_readouts
from kvsplice_gui.state.findings import Findings, Measurement, MeasureWish
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.model_jobs import measure_job
from kvsplice_gui.work.runner import Controller

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card

MEASURING = "Measuring memory"


class Measuring(QObject):
    """Measures the cache of the model an open capture comes from.

    Signals
    -------
    measured
        There is a new measurement.
    """

    measured = pyqtSignal()

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller

    def measure(self) -> None:
        """Measure the cache with the codec in focus at the chosen k."""
        wish = memory_readouts.measure_wish(self._state.wishes, self._state.findings)
        if wish is None:
            return
        card = self._card(wish)
        work = self._controller.work
        if work(MEASURING, lambda: measure_job(wish, card), self._on_measured):
            kind = wish.key.calibration
            self._controller.said.emit(
                f"Measuring the cache of {wish.model} with {kind.method.label} k = {kind.k}"
            )

    def _card(self, wish: MeasureWish) -> Card | None:
        """Return the card that is wished where it was made already."""
        findings = self._state.findings
        evaluation, measured = findings.quality.evaluation, findings.measured
        if measured is not None and measured.wish.key == wish.key:
            return measured.card
        return evaluation.card if evaluation and evaluation.key == wish.key else None

    def _on_measured(self, found: Measurement) -> None:
        self._state.find(measured=found)
        self.measured.emit()
        self._controller.said.emit(" ".join(found.result.verdict))


class MeasuredPresenter(QObject):
    """Shows what was measured: points on the plot, tables, and whether it can be done now."""

    def __init__(
        self, state: State, controller: Controller, views: Views, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._views = views
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        controller.busy_changed.connect(self._on_busy_changed)
        self._show_availability()

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, _old: Wishes, _new: Wishes) -> None:
        self._show_points()
        self._show_availability()

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.measured is not old.measured:
            self._show_tables(new)
            self._show_points()
        if new.dataset is not old.dataset:
            self._show_availability()

    @pyqtSlot(str)
    def _on_busy_changed(self, _busy: str) -> None:
        self._show_availability()

    def _show_tables(self, findings: Findings) -> None:
        found = findings.measured
        self._views.measured.show_measured(None if found is None else found.result)

    def _show_points(self) -> None:
        state = self._state
        points = memory_readouts.measured_points(state.wishes, state.findings)
        self._views.memory.show_measured(
            tuple((p.name, p.tokens, p.size, p.colour) for p in points)
        )

    def _show_availability(self) -> None:
        busy = self._controller.busy
        why = memory_readouts.why_not_measured(self._state.wishes, self._state.findings)
        self._views.memory_panel.set_measurable(f"{busy}…" if busy and not why else why)
