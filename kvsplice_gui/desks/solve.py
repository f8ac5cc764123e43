"""Joins the widgets of the solver, its work, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.base import formats
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step
from kvsplice_core.tasks.solve import Trial
from kvsplice_gui.desks.activity import Activity, Desk, Told, Workplace
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.readouts import solve_exports
from kvsplice_gui.state.findings import Findings, Solved, SolveKey
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.model_jobs import save_solved_job, solve_job


def _opening(key: SolveKey) -> str:
    return f"Solving {key.spec.pipeline.label} for {solve_readouts.asked(key.spec)}"


def _stepped(findings: Findings, step: Step[object]) -> Told:
    if isinstance(step.found, Trial):
        # No numbers: they are not audited yet.
        return Told(findings, (f"Measured {step.text}",))
    return Told(findings)


def _finished(findings: Findings, _: SolveKey, found: Solved) -> Told:
    seconds = formats.duration(found.result.elapsed_s)
    said = f"{solve_readouts.verdict(found)} {seconds}."
    return Told(replace(findings, solved=found), (said,), solve_readouts.summary(found))


SOLVE = Activity(
    key="solve",
    verb="Solving",
    task_of=solve_readouts.key_of,
    work=lambda key, _: lambda: solve_job(key),
    finished=_finished,
    opening=_opening,
    stepped=_stepped,
    why_not=lambda _, findings: solve_readouts.obstacle(findings),
    docks=("frontier", "given"),
)


class SolveDesk(Desk[SolveKey]):
    """The solver in the window; a cancelled one leaves the last result."""

    def __init__(self, place: Workplace, parent: QObject) -> None:
        super().__init__(place, SOLVE, parent)
        self._state, self._views, self._takeaway = place.state, place.views, place.takeaway
        self._presenter = SolvePresenter(place.state, place.views, self)
        state, views = place.state, place.views
        views.solve_panel.changed.connect(lambda c: self._take(lambda: state.wish_solve(**c)))
        views.solve_panel.budget_typed.connect(
            lambda bits: self._take(lambda: state.wish_frontier(budget=bits))
        )
        views.given.side_changed.connect(lambda side: state.wish_view(given_side=side))

    def _tell(self, told: Told) -> None:
        super()._tell(told)
        solved = told.findings.solved
        if told.status and solved is not None and solved.key.spec.max_dnll is not None:
            self._state.wish_frontier(budget=solved.bits)  # what was found is what is to be seen

    def save_card(self) -> None:
        """Save the solved card, and its evaluation with it."""

        def save() -> None:
            solved = solve_exports.solved_card(self._state.findings)
            name = f"card_{solve_exports.file_name(solved.key.spec)}.safetensors"
            path = self._takeaway.ask_save(name, "Card (*.safetensors)")
            if path is not None:
                self._takeaway.work(lambda: save_solved_job(solved, path))

        self._takeaway.attempt(save, "")

    def export_csv(self) -> None:
        """Save what every codec was given as CSV."""
        self._save(".csv", "Table (*.csv)")

    def export_json(self) -> None:
        """Save everything known of the solved budget as JSON."""
        self._save(".json", "JSON (*.json)")

    def copy_as_command(self) -> None:
        """Copy the command line that repeats what was solved last."""
        self._takeaway.copy_text("command", solve_exports.solve_command(self._state.findings))

    def copy_as_python(self) -> None:
        """Copy the Python that repeats what was solved last."""
        self._takeaway.copy_text("Python", solve_exports.solve_python(self._state.findings))

    def _save(self, suffix: str, kinds: str) -> None:
        solved = self._state.findings.solved
        if solved is not None:
            name = f"given_bits_{solve_exports.file_name(solved.key.spec)}{suffix}"
            save = solve_exports.save_solved
            self._takeaway.save(name, kinds, lambda path: save(solved, path))

    def _take(self, wish: Callable[[], object]) -> None:
        """Take a wish; what cannot be is said beside the field, and the field goes back."""
        panel = self._views.solve_panel
        try:
            wish()
        except SpecError as error:
            panel.show_wish(self._state.wishes)
            panel.show_problem(str(error))


_WISHES = ("data", "frontier", "solve", "quality", "pipeline_calibration", "view")
_FINDINGS = ("dataset", "frontier", "solved")


class SolvePresenter(QObject):
    """From state to the map of given bits and the words beside the slider, never back."""

    def __init__(self, state: State, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        self._show(state.wishes, state.findings)

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        # A drag of k has no time for what it does not touch.
        if any(getattr(old, name) != getattr(new, name) for name in _WISHES):
            self._show(new, self._state.findings)

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if old.dataset is not new.dataset:
            self._views.given.show_chosen(quality_readouts.shown_cell(new))
        if any(getattr(old, name) is not getattr(new, name) for name in _FINDINGS):
            self._show(self._state.wishes, new)

    def _show(self, wishes: Wishes, findings: Findings) -> None:
        self._views.solve_panel.show_wish(wishes)
        facts = frontier_readouts.facts_of(findings)
        self._views.solve_panel.show_capture(facts)
        self._views.frontier_view.show_capture(has_capture=facts is not None)
        view, plot = solve_readouts.given_view(wishes, findings), self._views.given
        plot.show_side(view.side, view.title, has_both=view.has_both)
        plot.notice.say(view.notice, is_error=view.is_error)
        plot.show_heading(view.heading, is_current=view.is_current)
        plot.show_given(view.cells, view.notes)
        solved, current = findings.solved, not solve_readouts.changes(wishes, findings)
        self._views.frontier_view.show_solved(
            None if solved is None else solved.bits,
            solve_readouts.verdict(solved) if current else "",
        )
