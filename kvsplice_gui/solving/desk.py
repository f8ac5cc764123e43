"""Joins the widgets of the solver, its work, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.errors import SpecError
from kvsplice_gui.controller import Controller
from kvsplice_gui.layout import Layout
from kvsplice_gui.panels.solve_button import SolveOffer
from kvsplice_gui.solving import exports as solve_exports
from kvsplice_gui.solving import readouts as solve_readouts
from kvsplice_gui.solving.control import SOLVE, SolveControl
from kvsplice_gui.solving.jobs import save_solved_job
from kvsplice_gui.solving.presenter import SolvePresenter
from kvsplice_gui.state import State, Wishes
from kvsplice_gui.takeaway import TakeAway
from kvsplice_gui.views import Views


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
