"""Joins the frontier's widgets, the work that measures it, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject

from kvsplice_core.errors import SpecError
from kvsplice_gui.controller import Controller
from kvsplice_gui.frontier import exports as frontier_exports
from kvsplice_gui.frontier.control import FRONTIER, FrontierControl
from kvsplice_gui.frontier.presenter import FrontierPresenter
from kvsplice_gui.layout import Layout
from kvsplice_gui.state import State
from kvsplice_gui.takeaway import TakeAway
from kvsplice_gui.theme import Theme
from kvsplice_gui.views import Views


class FrontierDesk(QObject):
    """The frontier in the window.

    Parameters
    ----------
    state : State
    controller : Controller
    views : Views
    layout : Layout
        Brings the dock of the frontier to the front.
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
        self.control = FrontierControl(state, controller, self)
        self._presenter = FrontierPresenter(state, views, self)
        self._connect()

    def _connect(self) -> None:
        state, views, control = self._state, self._views, self.control
        panel, plot, table = views.frontier_panel, views.frontier, views.frontier_table
        panel.changed.connect(self._on_panel_changed)
        panel.measure_requested.connect(control.measure)
        panel.cancel_requested.connect(self._controller.cancel)
        plot.point_chosen.connect(control.choose)
        plot.point_hovered.connect(table.show_hovered)
        plot.log_changed.connect(lambda log: state.wish_frontier(log=log))
        table.record_chosen.connect(control.choose)
        table.point_hovered.connect(plot.show_hovered)
        views.frontier_view.budget_chosen.connect(lambda bits: state.wish_frontier(budget=bits))
        self._controller.busy_changed.connect(self._on_controller_busy_changed)
        self._controller.progressed.connect(self._on_controller_progressed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._views.frontier_view.set_theme(theme)
        self._views.frontier_table.set_theme(theme)
        self._views.frontier_panel.set_theme(theme)

    def show(self) -> None:
        """Bring the frontier to the front."""
        self._layout.show_dock("frontier")
        self._layout.make_room("frontier")
        self._layout.show_dock("points")

    def export_csv(self) -> None:
        """Save the points as CSV."""
        self._save("frontier.csv", "Table (*.csv)")

    def export_json(self) -> None:
        """Save everything known of the frontier as JSON."""
        self._save("frontier.json", "JSON (*.json)")

    def copy_as_command(self) -> None:
        """Copy the command line that repeats the last frontier."""
        text = frontier_exports.frontier_command(self._state.findings)
        self._takeaway.copy_text("command", text)

    def copy_as_python(self) -> None:
        """Copy the Python that repeats the last frontier."""
        text = frontier_exports.frontier_python(self._state.findings)
        self._takeaway.copy_text("Python", text)

    def _save(self, name: str, kinds: str) -> None:
        found = self._state.findings.frontier
        result, leaked = found.result, found.leaked
        path = None if result is None else self._takeaway.ask_save(name, kinds)
        if result is not None and path is not None:
            save = frontier_exports.save_frontier
            self._attempt(lambda: save(result, path, leaked), f"Saved {path}")

    def _on_panel_changed(self, changes: dict[str, object]) -> None:
        """Take a wish; what cannot be is said beside the field, and the field goes back."""
        panel = self._views.frontier_panel
        try:
            self._state.wish_frontier(**changes)
        except SpecError as error:
            panel.show_wish(self._state.wishes.frontier)
            sentence = str(error)
            panel.show_problem(f"{sentence[:1].upper()}{sentence[1:]}.")

    def _on_controller_busy_changed(self, busy: str) -> None:
        mine = busy == FRONTIER or (busy == "Cancelling" and self._busy == FRONTIER)
        if busy != "Cancelling":
            self._busy = busy
        self._views.frontier_panel.set_busy(busy, mine=mine)
        if busy == FRONTIER:
            self.show()

    def _on_controller_progressed(self, fraction: float, text: str) -> None:
        if self._busy == FRONTIER:
            self._views.frontier_panel.set_progress(fraction, text)
