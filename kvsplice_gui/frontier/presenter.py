"""Shows what is known of a frontier in the views that show it."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_gui.frontier import readouts as frontier_readouts
from kvsplice_gui.frontier.state import FrontierFindings
from kvsplice_gui.state import Findings, State, Wishes
from kvsplice_gui.views import Views

_LOOKED_AT = ("data", "frontier", "quality", "seed", "device")


class FrontierPresenter(QObject):
    """From state to the frontier's widgets, never back."""

    def __init__(self, state: State, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        self._drawn: object = None
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        self.show_all()

    def show_all(self) -> None:
        """Show everything anew."""
        wishes, findings = self._state.wishes, self._state.findings
        self._views.frontier_panel.show_wish(wishes.frontier)
        self._views.frontier.set_log(wishes.frontier.log)
        self._views.frontier_view.set_budget(wishes.frontier.budget)
        self._show_frontier(wishes, findings)
        self._show_source(findings)
        self._show_words(wishes, findings)

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        # A drag of k has no time for what it does not touch.
        if all(getattr(old, name) == getattr(new, name) for name in _LOOKED_AT):
            return
        views, findings = self._views, self._state.findings
        if old.frontier != new.frontier:
            views.frontier_panel.show_wish(new.frontier)
            views.frontier.set_log(new.frontier.log)
            views.frontier_view.set_budget(new.frontier.budget)
        self._show_frontier(new, findings)
        self._show_words(new, findings)

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if old.frontier is not new.frontier or old.dataset is not new.dataset:
            wishes = self._state.wishes
            self._show_source(new)
            self._show_frontier(wishes, new)
            self._show_words(wishes, new)
            self._show_chosen(old.frontier, new.frontier)

    def _show_source(self, findings: Findings) -> None:
        dataset = findings.dataset
        self._views.frontier_panel.show_source(
            has_data=dataset is not None,
            has_capture=dataset is not None and dataset.capture is not None,
        )

    def _show_frontier(self, wishes: Wishes, findings: Findings) -> None:
        """Draw the frontier, unless what it is drawn from is the same as the last time."""
        shown, measure = findings.frontier.shown, frontier_readouts.shown_measure(wishes, findings)
        stale = frontier_readouts.is_stale(wishes, findings)
        drawn = (shown, measure, stale, wishes.frontier.measure)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        lines = frontier_readouts.lines_of(shown, measure)
        views, valid = self._views, shown is None or shown.is_valid
        views.frontier.show_frontier(
            lines, () if shown is None else shown.bound, measure, valid=valid, stale=stale
        )
        view = views.frontier_view
        view.set_marks(() if shown is None else shown.spec.bits)
        view.legend.show_pipelines([line.pipeline for line in lines], self._chosen(findings))
        views.frontier_table.show_frontier(shown if valid else None)
        title = "" if shown is None else f"{shown.title} · {shown.split}"
        views.frontier_table.show_heading(title, is_current=not stale)
        views.frontier_panel.show_measures(of_model=shown is not None and shown.of_model)

    def _show_words(self, wishes: Wishes, findings: Findings) -> None:
        view = self._views.frontier_view
        text, is_error = frontier_readouts.notice(wishes, findings)
        view.notice.say(text, is_error=is_error)
        # That it is stale, the heading over the table says already.
        self._views.frontier_table.notice.say(text if is_error else "", is_error=is_error)
        best, sentence = frontier_readouts.best, frontier_readouts.sentence
        view.say(best(wishes, findings), sentence(findings))
        view.show_left_out(*frontier_readouts.left_out(findings.frontier.shown))
        estimate = frontier_readouts.estimate_text(wishes, findings)
        self._views.frontier_panel.show_estimate(estimate)

    def _show_chosen(self, old: FrontierFindings, new: FrontierFindings) -> None:
        if (old.chosen, old.shown) == (new.chosen, new.shown):
            return
        views, point = self._views, new.point
        views.frontier.show_chosen(point)
        views.frontier_table.show_chosen(point)
        views.frontier_view.legend.show_chosen(None if point is None else point.pipeline)

    def _chosen(self, findings: Findings) -> Pipeline | None:
        point = findings.frontier.point
        return None if point is None else point.pipeline
