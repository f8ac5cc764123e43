"""Measuring real caches: from the wish to the work, into the findings, and onto the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_gui.desks.activity import Activity, Told
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import memory as memory_readouts
from kvsplice_gui.state.findings import Findings, Measurement, MeasureWish
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.model_jobs import measure_job
from kvsplice_gui.work.runner import Work

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card


def _work(wish: MeasureWish, findings: Findings) -> Work:
    card = _card(wish, findings)
    return lambda: measure_job(wish, card)


def _card(wish: MeasureWish, findings: Findings) -> Card | None:
    """Return the card that is wished where it was made already."""
    evaluation, measured = findings.quality.evaluation, findings.measured
    if measured is not None and measured.wish.key == wish.key:
        return measured.card
    return evaluation.card if evaluation and evaluation.key == wish.key else None


def _opening(wish: MeasureWish) -> str:
    kind = wish.key.calibration
    return f"Measuring the cache of {wish.model} with {kind.method.label} k = {kind.k}"


def _finished(findings: Findings, _: MeasureWish, found: Measurement) -> Told:
    return Told(replace(findings, measured=found), (" ".join(found.result.verdict),))


MEASURE = Activity(
    key="measure",
    verb="Measuring memory",
    task_of=memory_readouts.measure_wish,
    work=_work,
    finished=_finished,
    opening=_opening,
    why_not=memory_readouts.why_not_measured,
    docks=("measured",),
)


class MeasuredPresenter(QObject):
    """Shows what was measured: points on the plot, tables, and why nothing can be."""

    def __init__(self, state: State, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        self._show_obstacle()

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, _old: Wishes, _new: Wishes) -> None:
        self._show_points()
        self._show_obstacle()

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.measured is not old.measured:
            self._show_tables(new)
            self._show_points()
        if new.dataset is not old.dataset:
            self._show_obstacle()

    def _show_tables(self, findings: Findings) -> None:
        found = findings.measured
        self._views.measured.show_measured(None if found is None else found.result)

    def _show_points(self) -> None:
        state = self._state
        points = memory_readouts.measured_points(state.wishes, state.findings)
        self._views.memory.show_measured(
            tuple((p.name, p.tokens, p.size, p.colour) for p in points)
        )

    def _show_obstacle(self) -> None:
        why = memory_readouts.why_not_measured(self._state.wishes, self._state.findings)
        self._views.memory_panel.show_obstacle(why)
