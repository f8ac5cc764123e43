"""Joins the quality widgets, the work that measures it, and what is taken away of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.base.progress import Step
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.tasks.curve import Cell, CurveResult, disagreements
from kvsplice_gui.desks.frontier import FRONTIER
from kvsplice_gui.desks.solve import SOLVE
from kvsplice_gui.desks.takeaway import TakeAway
from kvsplice_gui.look import formats
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.panels.layout import Layout
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import quality as quality_headings
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import quality_exports, quality_words
from kvsplice_gui.state.findings import (
    CardKey,
    Evaluation,
    Findings,
    MeasuredCurve,
    SensitivityMap,
    empty_map,
)
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import QualityWish, Wishes
from kvsplice_gui.work.model_jobs import evaluate_job, quality_job, sensitivity_job
from kvsplice_gui.work.runner import Controller

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card

CURVE, EVALUATION, MAP = "Measuring quality", "Evaluating", "Mapping sensitivity"
BUSY = frozenset({CURVE, EVALUATION, MAP})
_UNDISTURBED = BUSY | {FRONTIER, SOLVE}
"""Minutes of work that other vectors would cancel."""
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


class QualityControl(QObject):
    """Measures the open capture's model; the last result stays until a better one is whole."""

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._awaited_cell: tuple[int, int] | None = None
        controller.busy_changed.connect(self._on_controller_busy_changed)

    def measure(self) -> None:
        """Measure ΔNLL and KL against k, the chosen k first."""
        facts = self._facts
        if facts is None:
            return
        wishes = self._state.wishes
        wish, capture = wishes.quality, wishes.data.source
        spec, model = quality_readouts.curve_spec(wishes, facts), wish.model_of(facts)
        started = self._controller.work(
            CURVE,
            lambda: quality_job(capture, model, wish.texts, spec),
            lambda result: self._on_curve_measured(result, wish),
            self._on_curve_stepped,
        )
        if started:
            self._state.find_quality(live_points=(), live_failed=(), starting_over=True)
            methods = ", ".join(method.label for method in spec.methods)
            self._say(f"Measuring quality of {methods} at k = {', '.join(map(str, spec.ks))}")

    def evaluate(self) -> None:
        """Evaluate the method in focus at the chosen k, with the whole audit."""
        facts = self._facts
        if facts is None:
            return
        key, card, model = self._card(facts)
        wish, last = self._state.wishes.quality, self._state.findings.quality.sensitivity
        mapped = last.result if last is not None and last.key == key else None
        self._controller.work(
            EVALUATION, lambda: evaluate_job(key, model, wish, card, mapped), self._on_evaluated
        )

    def map_sensitivity(self) -> None:
        """Measure what each head costs when it alone is compressed."""
        facts = self._facts
        if facts is None:
            return
        key, card, model = self._card(facts)
        wish, last = self._state.wishes.quality, self._state.findings.quality.evaluation
        heads = last.result.heads if last is not None and last.key == key else ()
        started = self._controller.work(
            MAP,
            lambda: sensitivity_job(key, model, wish, card, heads),
            self._on_mapped,
            self._on_map_stepped,
        )
        if started:
            self._state.find_quality(live_map=empty_map(facts, key, wish))

    def choose_cell(self, layer: int, head: int) -> None:
        """Open a layer and head everywhere; while something is measured, when that is done."""
        if self._controller.busy in _UNDISTURBED:
            self._awaited_cell = (layer, head)
            self._say(f"Layer {layer}, head {head} is opened when the measuring is done.")
            return
        dataset = self._state.findings.dataset
        if dataset is not None:
            changes = quality_readouts.cell_choice(dataset.tensors, dataset.wish, layer, head)
            self._state.wish_data(**changes)

    @property
    def _facts(self) -> CaptureFacts | None:
        dataset = self._state.findings.dataset
        return None if dataset is None else dataset.capture

    def _card(self, facts: CaptureFacts) -> tuple[CardKey, Card | None, str]:
        """Return which card is wished, the card itself where it was made, and its model."""
        wishes, quality = self._state.wishes, self._state.findings.quality
        key = quality_readouts.card_key(wishes, facts)
        made = (one for one in (quality.evaluation, quality.sensitivity) if one is not None)
        card = next((one.card for one in made if one.key == key), None)
        return key, card, wishes.quality.model_of(facts)

    def _say(self, text: str) -> None:
        self._controller.said.emit(text)

    def _say_leaks(self, names: tuple[str, ...]) -> None:
        if names:
            self._say(quality_words.leak_notice(names))

    # -- steps and results --------------------------------------------------------------------

    def _on_curve_stepped(self, step: Step[object]) -> None:
        if not isinstance(step.found, CurveResult):
            return
        quality, failed = self._state.findings.quality, step.found.failed
        new = tuple(one for one in step.found.points if one not in quality.live_points)
        if not new and failed == quality.live_failed:
            return
        self._state.find_quality(live_points=(*quality.live_points, *new), live_failed=failed)
        if failed != quality.live_failed:
            self._say(f"{quality_words.audit_verdict(failed)}. The points are not valid.")
        words = quality_words
        for point in new:
            self._say((words.describe_invalid_point if failed else words.describe_point)(point))

    def _on_curve_measured(self, found: MeasuredCurve, wish: QualityWish) -> None:
        quality, result = self._state.findings.quality, found.result
        new = replace(
            quality,
            curve=result,
            curve_wish=wish,
            curve_leaked=found.leaked,
            ghost=quality.curve if quality.curve is not None else quality.ghost,
            last_audited="curve",
        )
        self._state.find(quality=new.settled())
        self._say(
            f"Quality at {len(result.points)} points in {formats.duration(result.elapsed_s)} on "
            f"{result.device}: {quality_words.audit_verdict(result.audit)}"
        )
        self._say_leaks(found.leaked)

    def _on_evaluated(self, found: Evaluation) -> None:
        self._state.find_quality(evaluation=found, last_audited="evaluation")
        self._say(quality_words.describe_evaluation(found.result))
        self._say_leaks(found.leaked)

    def _on_map_stepped(self, step: Step[object]) -> None:
        live = self._state.findings.quality.live_map
        if isinstance(step.found, Cell) and live is not None:
            self._state.find_quality(live_map=live.with_cell(step.found))

    def _on_mapped(self, found: SensitivityMap) -> None:
        self._state.find_quality(sensitivity=found, live_map=None)
        cells = sum(cells.size for cells in found.kl.values())
        notice, _ = quality_words.map_notice(found, self._state.findings.quality.evaluation)
        self._say(f"Sensitivity of {cells} heads measured: {found.title}. {notice}".rstrip())

    # -- following the controller ---------------------------------------------------------------

    @pyqtSlot(str)
    def _on_controller_busy_changed(self, busy: str) -> None:
        quality = self._state.findings.quality
        if busy not in BUSY and (quality.starting_over or quality.live_map is not None):
            self._state.find(quality=quality.settled())
        if not busy and self._awaited_cell is not None:
            cell, self._awaited_cell = self._awaited_cell, None
            self.choose_cell(*cell)


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
