"""Joins the widgets of the solver, its work, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step
from kvsplice_core.tasks.solve import Trial
from kvsplice_gui.desks.takeaway import TakeAway
from kvsplice_gui.look import formats
from kvsplice_gui.panels.layout import Layout
from kvsplice_gui.panels.solve_button import SolveOffer
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.readouts import solve as solve_words
from kvsplice_gui.readouts import solve_exports
from kvsplice_gui.state.findings import Findings, Solved
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.model_jobs import save_solved_job, solve_job
from kvsplice_gui.work.runner import Controller

SOLVE = "Solving"


class SolveDesk(QObject):
    """The solver in the window.

    Parameters
    ----------
    state : State
    controller : Controller
    views : Views
    layout : Layout
        Brings the map of given bits to the front.
    takeaway : TakeAway
        Asks where to save.
    attempt : callable
        Runs an action and shows what it raises; says its second argument when all went well.
    """

    def __init__(
        self,
        state: State,
        controller: Controller,
        views: Views,
        layout: Layout,
        takeaway: TakeAway,
        attempt: Callable[[Callable[[], object], str], None],
    ) -> None:
        super().__init__(takeaway.parent())
        self._state = state
        self._controller = controller
        self._views = views
        self._layout = layout
        self._takeaway = takeaway
        self._attempt = attempt
        self._busy = ""
        self.control = SolveControl(state, controller, self)
        self._presenter = SolvePresenter(state, views, self)
        self._connect()
        self._show_obstacle()

    @property
    def obstacle(self) -> str:
        """Why a budget cannot be solved for now; empty where it can."""
        return solve_readouts.obstacle(self._state.findings, self._controller.busy)

    def _connect(self) -> None:
        state, views, controller = self._state, self._views, self._controller
        for solver in (views.frontier_view, views.solve_panel):
            solver.solve_requested.connect(self.control.solve)
            solver.cancel_requested.connect(controller.cancel)
        views.solve_panel.changed.connect(lambda c: self._take(lambda: state.wish_solve(**c)))
        views.solve_panel.budget_typed.connect(
            lambda bits: self._take(lambda: state.wish_frontier(budget=bits))
        )
        state.wishes_changed.connect(self._on_wishes_changed)
        views.given.side_changed.connect(lambda side: state.wish_view(given_side=side))
        state.findings_changed.connect(self._show_obstacle)
        controller.busy_changed.connect(self._on_controller_busy_changed)
        controller.progressed.connect(self._on_controller_progressed)

    def save_card(self) -> None:
        """Save the solved card, and its evaluation with it."""

        def save() -> None:
            solved = solve_exports.solved_card(self._state.findings)
            name = f"card_{solve_exports.file_name(solved.key.spec)}.safetensors"
            path = self._takeaway.ask_save(name, "Card (*.safetensors)")
            if path is not None:
                self._takeaway.work("Saving", lambda: save_solved_job(solved, path))

        self._attempt(save, "")

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
        if solved is None:
            return
        name = f"given_bits_{solve_exports.file_name(solved.key.spec)}{suffix}"
        path = self._takeaway.ask_save(name, kinds)
        if path is not None:
            self._attempt(lambda: solve_exports.save_solved(solved, path), f"Saved {path}")

    def _take(self, wish: Callable[[], object]) -> None:
        """Take a wish; what cannot be is said beside the field, and the field goes back."""
        panel = self._views.solve_panel
        try:
            wish()
        except SpecError as error:
            panel.show_wish(self._state.wishes)
            panel.show_problem(str(error))

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        if old.solve != new.solve:
            self._show_obstacle()

    @pyqtSlot()
    def _show_obstacle(self) -> None:
        has_capture = self._state.findings.dataset is not None and (
            self._state.findings.dataset.capture is not None
        )
        busy = self._controller.busy
        running = busy == SOLVE or (busy == "Cancelling" and self._busy == SOLVE)
        wishes = self._state.wishes
        offer = SolveOffer(
            solve_readouts.label(wishes),
            self.obstacle or solve_readouts.ready(wishes),
            can_solve=not self.obstacle,
            running=running,
            cancelling=busy == "Cancelling",
        )
        self._views.frontier_view.show_solving(offer, can_slide=has_capture)
        self._views.solve_panel.show_solving(offer)

    def _on_controller_busy_changed(self, busy: str) -> None:
        if busy != "Cancelling":
            self._busy = busy
        self._show_obstacle()
        self._views.frontier_view.show_progress("")
        if busy == SOLVE:
            self._layout.show_dock("frontier")
            self._layout.show_dock("given")

    def _on_controller_progressed(self, fraction: float, text: str) -> None:
        if self._busy == SOLVE:
            done = f"{round(100 * fraction)} % · " if fraction >= 0 else ""
            line = text.replace("\n", " · ")
            self._views.frontier_view.show_progress(f"Solving: {done}{line}")


class SolveControl(QObject):
    """Solves for the budget of the slider or a loss; a cancelled one leaves the last result.

    Signals
    -------
    solved : str
        The verdict on a budget that was solved for, in one line.
    """

    solved = pyqtSignal(str)

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller

    def solve(self) -> None:
        """Share the bits among all heads, and check them through the cache."""
        key = solve_readouts.key_of(self._state.wishes, self._state.findings)
        if key is None:
            return
        started = self._controller.work(
            SOLVE, lambda: solve_job(key), self._on_solved, self._on_stepped
        )
        if started:
            self._say(f"Solving {key.spec.pipeline.label} for {solve_words.asked(key.spec)}")

    def _on_stepped(self, step: Step[object]) -> None:
        if isinstance(step.found, Trial):
            self._say(f"Measured {step.text}")  # no numbers: they are not audited yet

    def _on_solved(self, found: Solved) -> None:
        self._state.find(solved=found)
        if found.key.spec.max_dnll is not None:
            self._state.wish_frontier(budget=found.bits)  # what was found is what is to be seen
        seconds = formats.duration(found.result.elapsed_s)
        self._say(f"{solve_words.verdict(found)} {seconds}.")
        self.solved.emit(solve_words.summary(found))

    def _say(self, text: str) -> None:
        self._controller.said.emit(text)


_WISHES = ("data", "frontier", "solve", "quality", "seed", "device", "view")
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
        self._views.solve_panel.show_capture(frontier_readouts.facts_of(findings))
        view, plot = solve_readouts.given_view(wishes, findings), self._views.given
        plot.show_side(view.side, view.title, has_both=view.has_both)
        plot.notice.say(view.notice, is_error=view.is_error)
        plot.show_heading(view.heading, is_current=view.is_current)
        plot.show_given(view.cells, view.notes)
        solved, current = findings.solved, not solve_readouts.changes(wishes, findings)
        self._views.frontier_view.show_solved(
            None if solved is None else solved.bits,
            solve_words.verdict(solved) if current else "",
        )
