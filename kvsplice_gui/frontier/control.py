"""From a wish for a frontier to the work that measures it, and back into the findings."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.pipelines.results import FrontierPoint, FrontierStep
from kvsplice_gui import formats
from kvsplice_gui.controller import Controller, Work
from kvsplice_gui.frontier import readouts as frontier_readouts
from kvsplice_gui.frontier.jobs import frontier_job, model_frontier_job
from kvsplice_gui.frontier.state import FrontierFindings, FrontierKey, MeasuredFrontier
from kvsplice_gui.state import State, Wishes

FRONTIER = "Measuring frontier"


class FrontierControl(QObject):
    """Measures the frontier of the open vectors; a cancelled one keeps its points."""

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._source = ""
        self._is_choosing = False
        controller.loaded.connect(self._on_controller_loaded)
        controller.busy_changed.connect(self._on_controller_busy_changed)
        state.wishes_changed.connect(self._on_wishes_changed)

    def measure(self) -> None:
        """Measure every wished pipeline at every budget."""
        wishes, findings = self._state.wishes, self._state.findings
        if findings.dataset is None:
            return
        spec, key = (
            frontier_readouts.frontier_spec(wishes, findings),
            frontier_readouts.key_of(wishes, findings),
        )
        started = self._controller.work(
            FRONTIER,
            self._work(key),
            lambda found: self._on_measured(found, key),
            self._on_stepped,
        )
        if started:
            self._state.find_frontier(live=None, live_key=key)
            names = ", ".join(pipeline.label for pipeline in spec.ordered_pipelines)
            bits = ", ".join(f"{one:g}" for one in spec.bits)
            self._controller.said.emit(
                f"Measuring the frontier of {names} at {bits} bits per value"
            )

    def choose(self, point: FrontierPoint) -> None:
        """Set the whole pipeline to a point."""
        shown = self._state.findings.frontier.shown
        if shown is None:
            return
        dim, wishes = self._state.findings.dim, self._state.wishes
        changes = frontier_readouts.wish_of(point, shown, wishes, max(dim, 1))
        self._is_choosing = True
        try:
            self._state.wish(**changes)
        finally:
            self._is_choosing = False
        self._state.find_frontier(chosen=(point.pipeline, point.asked_bits))
        said = frontier_readouts.sentence(self._state.findings)
        if said:
            self._controller.said.emit(said)

    def _work(self, key: FrontierKey) -> Work:
        wishes, findings = self._state.wishes, self._state.findings
        spec, facts = (
            frontier_readouts.frontier_spec(wishes, findings),
            frontier_readouts.facts_of(findings),
        )
        if facts is None or key.quality is None:
            return lambda: frontier_job(key.data, spec)
        quality, side = key.quality, frontier_readouts.side_of(key.quality, facts)
        model = quality.model_of(facts)
        return lambda: model_frontier_job(
            key.data.source, model, quality, side, key.data.budget, spec
        )

    # -- steps and results --------------------------------------------------------------------

    def _on_stepped(self, step: object) -> None:
        if isinstance(step, FrontierStep) and step.so_far is not None:
            self._state.find_frontier(live=step.so_far)

    def _on_measured(self, found: MeasuredFrontier, key: FrontierKey) -> None:
        result = found.result
        last = self._state.findings.frontier
        new = FrontierFindings(result, key, found.leaked, chosen=last.chosen)
        self._state.find(frontier=new if new.point is not None else replace(new, chosen=None))
        self._controller.said.emit(
            f"Frontier of {result.title}: {len(result.points)} points in "
            f"{formats.duration(result.elapsed_s)}, {len(result.left_out)} left out"
        )
        for line in result.left_out:
            self._controller.said.emit(f"Left out: {line}")

    # -- following the others -------------------------------------------------------------------

    @pyqtSlot()
    def _on_controller_loaded(self) -> None:
        source = self._state.wishes.data.source
        if source != self._source:
            self._source = source
            self._state.find(frontier=FrontierFindings())

    @pyqtSlot(str)
    def _on_controller_busy_changed(self, busy: str) -> None:
        found = self._state.findings.frontier
        if found.live_key is not None and busy not in (FRONTIER, "Cancelling"):
            self._state.find(frontier=found.settled())
        if busy == "Calibrating" and found.chosen is not None:
            self._state.find_frontier(chosen=None)  # what is calibrated now is to be seen

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        """Let go of the chosen point when a hand sets the pipeline to something else."""
        if self._is_choosing or self._state.findings.frontier.chosen is None:
            return
        names = ("data", "method", "k", "recipe", "knots")
        if any(getattr(old, name) != getattr(new, name) for name in names):
            self._state.find_frontier(chosen=None)
