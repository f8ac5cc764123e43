"""Shows a solved budget in the views that show it."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_gui.frontier import readouts as frontier_readouts
from kvsplice_gui.quality import readouts as quality_readouts
from kvsplice_gui.solving import readouts as solve_readouts
from kvsplice_gui.solving import words as solve_words
from kvsplice_gui.state import Findings, State, Wishes
from kvsplice_gui.views import Views

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
