"""Joins the quality widgets, the work that measures it, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject

from kvsplice_gui.controller import Controller
from kvsplice_gui.layout import Layout
from kvsplice_gui.quality import exports as quality_exports
from kvsplice_gui.quality.control import BUSY, CURVE, EVALUATION, MAP, QualityControl
from kvsplice_gui.quality.presenter import QualityPresenter
from kvsplice_gui.state import State
from kvsplice_gui.takeaway import TakeAway
from kvsplice_gui.theme import Theme
from kvsplice_gui.views import Views

_DOCK_OF = {CURVE: "quality", EVALUATION: "audit", MAP: "sensitivity"}


class QualityDesk(QObject):
    """Quality in the window.

    Parameters
    ----------
    state : State
    controller : Controller
    views : Views
    layout : Layout
        Brings the dock of what is measured to the front.
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
        self.control = QualityControl(state, controller, self)
        self._presenter = QualityPresenter(state, views, self)
        self._connect()

    def _connect(self) -> None:
        state, views, control = self._state, self._views, self.control
        panel, plot = views.quality_panel, views.quality
        panel.changed.connect(
            lambda changes: self._attempt(lambda: state.wish_quality(**changes), "")
        )
        panel.measure_requested.connect(control.measure)
        panel.evaluate_requested.connect(control.evaluate)
        panel.map_requested.connect(control.map_sensitivity)
        panel.cancel_requested.connect(self._controller.cancel)
        plot.k_chosen.connect(lambda k: state.wish(k=k))
        plot.log_changed.connect(lambda log: state.wish_view(log_quality=log))
        plot.measure_changed.connect(lambda measure: state.wish_view(quality_measure=measure))
        views.sensitivity.cell_chosen.connect(control.choose_cell)
        views.sensitivity.side_changed.connect(lambda side: state.wish_view(sensitivity_side=side))
        views.heads.cell_chosen.connect(control.choose_cell)
        self._controller.busy_changed.connect(self._on_controller_busy_changed)
        self._controller.progressed.connect(self._on_controller_progressed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        roles = ("good", "warning", "error", "muted")
        colours = {role: getattr(theme, role) for role in roles}
        for table in (self._views.audit, self._views.heads, self._views.evaluation):
            table.model.set_colours(colours)
        self._views.continuation.set_theme(theme)

    def save_card(self) -> None:
        """Save the evaluated card of the method in focus at the chosen k."""
        wishes, findings = self._state.wishes, self._state.findings

        def save() -> None:
            found = quality_exports.evaluated_card(wishes, findings)
            name = f"card_{wishes.method.key}_k{wishes.k}.safetensors"
            path = self._takeaway.ask_save(name, "Card (*.safetensors)")
            if path is not None:
                self._takeaway.work("Saving", lambda: quality_exports.save_card_job(found, path))

        self._attempt(save, "")

    def export_csv(self) -> None:
        """Save the points of the quality curve as CSV."""
        self._save_curve("quality.csv", "Table (*.csv)")

    def export_json(self) -> None:
        """Save everything known of the quality curve as JSON."""
        self._save_curve("quality.json", "JSON (*.json)")

    def copy_as_command(self) -> None:
        """Copy the command line that repeats the last quality curve."""
        text = quality_exports.quality_command(self._state.wishes, self._state.findings)
        self._takeaway.copy_text("command", text)

    def _save_curve(self, name: str, kinds: str) -> None:
        quality = self._state.findings.quality
        curve, leaked = quality.curve, quality.curve_leaked
        path = None if curve is None else self._takeaway.ask_save(name, kinds)
        if curve is not None and path is not None:
            self._attempt(lambda: quality_exports.save_curve(curve, path, leaked), f"Saved {path}")

    def _on_controller_busy_changed(self, busy: str) -> None:
        mine = busy in BUSY or (busy == "Cancelling" and self._busy in BUSY)
        if busy != "Cancelling":
            self._busy = busy
        self._views.quality_panel.set_busy(busy, mine=mine)
        if busy in _DOCK_OF:
            self._layout.show_dock(_DOCK_OF[busy])

    def _on_controller_progressed(self, fraction: float, text: str) -> None:
        if self._busy in BUSY:
            self._views.quality_panel.set_progress(fraction, text)
