"""Shows what is known of quality in the views that show it."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.capture.specs import CaptureFacts
from kvsplice_core.quality.curve_results import disagreements
from kvsplice_gui.quality import headings as quality_headings
from kvsplice_gui.quality import readouts as quality_readouts
from kvsplice_gui.quality import words as quality_words
from kvsplice_gui.state import Findings, State, Wishes
from kvsplice_gui.views import Views


class QualityPresenter(QObject):
    """From state to the quality widgets, never back."""

    def __init__(self, state: State, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        self._was_stale = False
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        self._show_wishes(state.wishes)
        self._show_findings(state.wishes, state.findings)
        self._show_k(state.wishes.k)

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        findings = self._state.findings
        if old.k != new.k:
            self._show_k(new.k)
        if old.quality != new.quality or old.view != new.view:
            self._show_wishes(new)
        self._views.quality_panel.show_estimate(quality_readouts.estimate_text(new, findings))
        if old.view.sensitivity_side != new.view.sensitivity_side:
            self._show_map(new, findings)
        self._show_headings(new, findings)
        changed = bool(quality_readouts.curve_changes(new, findings))
        if changed != self._was_stale or old.view.quality_measure != new.view.quality_measure:
            self._show_curve(new, findings)
        elif changed:
            self._show_notice(new, findings)

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        wishes, quality = self._state.wishes, new.quality
        if old.dataset is not new.dataset:
            self._views.quality_panel.show_capture(_capture(new))
            self._views.sensitivity.show_chosen(quality_readouts.shown_cell(new))
        if old.quality is not quality:
            self._show_findings(wishes, new)
        if any(getattr(old, n) is not getattr(new, n) for n in ("dataset", "result", "quality")):
            self._views.quality_panel.show_estimate(quality_readouts.estimate_text(wishes, new))

    def _show_wishes(self, wishes: Wishes) -> None:
        views, view = self._views, wishes.view
        views.quality_panel.show_wish(wishes.quality)
        views.quality.set_measure(view.quality_measure)
        views.quality.set_log(view.log_quality)

    def _show_k(self, k: int) -> None:
        self._views.quality.set_k(k)

    def _show_findings(self, wishes: Wishes, findings: Findings) -> None:
        self._show_curve(wishes, findings)
        self._show_map(wishes, findings)
        self._show_evaluation(findings)
        self._show_headings(wishes, findings)
        self._views.quality_panel.show_estimate(quality_readouts.estimate_text(wishes, findings))

    def _show_curve(self, wishes: Wishes, findings: Findings) -> None:
        quality, measure = findings.quality, wishes.view.quality_measure
        stale = bool(quality_readouts.curve_changes(wishes, findings))
        self._was_stale = stale
        ghost = quality.shown_ghost
        plot = self._views.quality
        plot.show_ghost({} if ghost is None else quality_readouts.curves(ghost.points, measure))
        plot.show_curves(
            quality_readouts.curves(quality.points, measure),
            valid=quality.are_points_valid,
            stale=stale and not quality.starting_over,
            disagreements=disagreements(quality.points),
            largest_k=findings.dim,
        )
        self._show_notice(wishes, findings)

    def _show_notice(self, wishes: Wishes, findings: Findings) -> None:
        text, is_error = quality_readouts.curve_notice(wishes, findings)
        self._views.quality.notice.say(text, is_error=is_error)

    def _show_map(self, wishes: Wishes, findings: Findings) -> None:
        quality, plot = findings.quality, self._views.sensitivity
        shown = quality.shown_map
        text, is_error = quality_words.map_notice(shown, quality.evaluation)
        plot.notice.say(text, is_error=is_error)
        if shown is None or is_error:
            plot.show_cells(None)
        else:
            side = shown.side_of(wishes.view.sensitivity_side)
            audited = quality_words.is_audited(shown, quality.evaluation)
            plot.set_side(side, has_both=len(shown.kl) > 1, audited=audited)
            plot.show_cells(shown.kl[side])
        plot.show_chosen(quality_readouts.shown_cell(findings))

    def _show_evaluation(self, findings: Findings) -> None:
        views, quality = self._views, findings.quality
        title, audit = quality_readouts.latest_audit(quality)
        views.audit.show_audit(title, audit)
        found = quality.evaluation
        views.evaluation.show_evaluation(None if found is None else found.result)
        kl = quality_readouts.matching_map(quality)
        views.heads.show_heads(quality_readouts.shown_heads(quality), kl)
        views.continuation.show_continuation(None if found is None else found.result.continuation)
        text, is_error = quality_words.evaluation_notice(found)
        for view in (views.evaluation, views.heads, views.continuation):
            view.notice.say(text, is_error=is_error)

    def _show_headings(self, wishes: Wishes, findings: Findings) -> None:
        views, headings = self._views, quality_headings
        evaluation = headings.of_evaluation(wishes, findings)
        for view in (views.evaluation, views.heads, views.continuation):
            view.show_heading(evaluation.text, is_current=evaluation.is_current)
        audit = headings.of_audit(wishes, findings)
        views.audit.show_heading(audit.text, is_current=audit.is_current)
        shown = headings.of_map(wishes, findings)
        views.sensitivity.show_heading(shown.text, is_current=shown.is_current)


def _capture(findings: Findings) -> CaptureFacts | None:
    return None if findings.dataset is None else findings.dataset.capture
