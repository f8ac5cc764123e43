"""Joins the quality widgets, the work that measures it, and what is taken away of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.base import formats
from kvsplice_core.base.progress import Step
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.tasks.curve import Cell, CurveSpec, disagreements
from kvsplice_gui.desks.activity import Activity, Desk, Told, Workplace
from kvsplice_gui.desks.frontier import FRONTIER
from kvsplice_gui.desks.solve import SOLVE
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import quality as quality_headings
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import quality_exports, quality_words
from kvsplice_gui.state.findings import (
    CardKey,
    Evaluation,
    Findings,
    MeasuredCurve,
    QualityFindings,
    SensitivityMap,
    empty_map,
)
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import QualityWish, Wishes
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.model_jobs import evaluate_job, quality_job, sensitivity_job
from kvsplice_gui.work.runner import Work

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card


@dataclass(frozen=True)
class CurveAsk:
    """A quality curve to measure."""

    capture: str
    model: str
    wish: QualityWish
    spec: CurveSpec


@dataclass(frozen=True)
class CardAsk:
    """A card to evaluate, or to map."""

    key: CardKey
    model: str
    wish: QualityWish
    facts: CaptureFacts


def _curve_of(wishes: Wishes, findings: Findings) -> CurveAsk | None:
    facts = _capture(findings)
    if facts is None:
        return None
    spec, quality = quality_readouts.curve_spec(wishes, facts), wishes.quality
    return CurveAsk(wishes.data.source, quality.model_of(facts), quality, spec)


def _card_of(wishes: Wishes, findings: Findings) -> CardAsk | None:
    facts = _capture(findings)
    if facts is None:
        return None
    key, quality = quality_readouts.card_key(wishes, facts), wishes.quality
    return CardAsk(key, quality.model_of(facts), quality, facts)


def _made(key: CardKey, quality: QualityFindings) -> Card | None:
    """Return the card of `key` where it was made already."""
    made = (one for one in (quality.evaluation, quality.sensitivity) if one is not None)
    return next((one.card for one in made if one.key == key), None)


def _with(findings: Findings, **changes: Any) -> Findings:  # noqa: ANN401 - of QualityFindings
    return replace(findings, quality=replace(findings.quality, **changes))


def _leaks(names: tuple[str, ...]) -> tuple[str, ...]:
    return (quality_words.leak_notice(names),) if names else ()


def _curve_opening(ask: CurveAsk) -> str:
    methods = ", ".join(method.label for method in ask.spec.methods)
    return f"Measuring quality of {methods} at k = {', '.join(map(str, ask.spec.ks))}"


def _curve_stepped(findings: Findings, step: Step[object]) -> Told:
    if not isinstance(step.found, MeasuredCurve):
        return Told(findings)
    quality, result = findings.quality, step.found.result
    failed = result.failed
    new = tuple(one for one in result.points if one not in quality.live_points)
    if not new and failed == quality.live_failed:
        return Told(findings)
    said = []
    if failed != quality.live_failed:
        said.append(f"{quality_words.audit_verdict(failed)}. The points are not valid.")
    words = quality_words
    describe = words.describe_invalid_point if failed else words.describe_point
    said += [describe(point) for point in new]
    points = (*quality.live_points, *new)
    live = _with(findings, live_points=points, live_failed=failed, live=step.found)
    return Told(live, tuple(said))


def _curve_finished(findings: Findings, ask: CurveAsk, found: MeasuredCurve) -> Told:
    result = found.result
    new = replace(findings.quality, live=found, live_wish=ask.wish).settled()
    done = (
        f"Quality at {len(result.points)} points in {formats.duration(result.elapsed_s)} on "
        f"{result.device}: {quality_words.audit_verdict(result.audit)}"
    )
    return Told(replace(findings, quality=new), (done, *_leaks(found.leaked)))


def _evaluation_work(ask: CardAsk, findings: Findings) -> Work:
    quality = findings.quality
    card, last = _made(ask.key, quality), quality.sensitivity
    mapped = last.result if last is not None and last.key == ask.key else None
    return lambda: evaluate_job(ask.key, ask.model, ask.wish, card, mapped)


def _evaluated(findings: Findings, _: CardAsk, found: Evaluation) -> Told:
    said = (quality_words.describe_evaluation(found.result), *_leaks(found.leaked))
    return Told(_with(findings, evaluation=found, last_audited="evaluation"), said)


def _map_work(ask: CardAsk, findings: Findings) -> Work:
    quality = findings.quality
    card, last = _made(ask.key, quality), quality.evaluation
    heads = last.result.heads if last is not None and last.key == ask.key else ()
    return lambda: sensitivity_job(ask.key, ask.model, ask.wish, card, heads)


def _map_begun(findings: Findings, ask: CardAsk) -> Findings:
    return _with(findings, live_map=empty_map(ask.facts, ask.key, ask.wish))


def _map_stepped(findings: Findings, step: Step[object]) -> Told:
    live = findings.quality.live_map
    if not isinstance(step.found, Cell) or live is None:
        return Told(findings)
    return Told(_with(findings, live_map=live.with_cell(step.found)))


def _mapped(findings: Findings, _: CardAsk, found: SensitivityMap) -> Told:
    cells = sum(cells.size for cells in found.kl.values())
    notice, _error = quality_words.map_notice(found, findings.quality.evaluation)
    said = f"Sensitivity of {cells} heads measured: {found.title}. {notice}".rstrip()
    return Told(_with(findings, sensitivity=found, live_map=None), (said,))


def _settled(findings: Findings) -> Findings:
    quality = findings.quality
    is_live = quality.starting_over or quality.live_map is not None
    return replace(findings, quality=quality.settled()) if is_live else findings


def _why_not(_: Wishes, findings: Findings) -> str:
    return "" if _capture(findings) is not None else quality_readouts.NEEDS_CAPTURE


CURVE = Activity(
    key="curve",
    verb="Measuring quality",
    task_of=_curve_of,
    work=lambda ask, _: lambda: quality_job(ask.capture, ask.model, ask.wish.texts, ask.spec),
    finished=_curve_finished,
    opening=_curve_opening,
    begun=lambda findings, ask: _with(findings, live_wish=ask.wish, starting_over=True),
    stepped=_curve_stepped,
    settled=_settled,
    why_not=_why_not,
    docks=("quality",),
)
EVALUATION = Activity(
    key="evaluation",
    verb="Evaluating",
    task_of=_card_of,
    work=_evaluation_work,
    finished=_evaluated,
    why_not=_why_not,
    docks=("audit",),
)
MAP = Activity(
    key="map",
    verb="Mapping sensitivity",
    task_of=_card_of,
    work=_map_work,
    finished=_mapped,
    begun=_map_begun,
    stepped=_map_stepped,
    settled=_settled,
    why_not=_why_not,
    docks=("sensitivity",),
)
_UNDISTURBED = {CURVE.key, EVALUATION.key, MAP.key, FRONTIER.key, SOLVE.key}
"""Minutes of work that other vectors would cancel."""


class QualityDesk(QObject):
    """Quality in the window; the last result stays until a better one is whole."""

    def __init__(self, place: Workplace, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._controller = place.state, place.controller
        self._views, self._takeaway = place.views, place.takeaway
        self.curve = Desk(place, CURVE, self)
        self.evaluation = Desk(place, EVALUATION, self)
        self.map = Desk(place, MAP, self)
        self._presenter = QualityPresenter(place.state, place.views, self)
        self._awaited_cell: tuple[int, int] | None = None
        self._connect()

    def _connect(self) -> None:
        state, views, plot = self._state, self._views, self._views.quality
        attempt = self._takeaway.attempt
        views.quality_panel.changed.connect(
            lambda changes: attempt(lambda: state.wish_quality(**changes), "")
        )
        plot.k_chosen.connect(lambda k: state.wish(k=k))
        plot.log_changed.connect(lambda log: state.wish_view(log_quality=log))
        plot.measure_changed.connect(lambda measure: state.wish_view(quality_measure=measure))
        views.sensitivity.side_changed.connect(lambda side: state.wish_view(sensitivity_side=side))
        for cells in (views.sensitivity, views.heads, views.given):
            cells.cell_chosen.connect(self.choose_cell)
        self._controller.busy_changed.connect(self._on_busy_changed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        roles = ("good", "warning", "error", "muted")
        colours = {role: getattr(theme, role) for role in roles}
        for table in (self._views.audit, self._views.heads, self._views.evaluation):
            table.model.set_colours(colours)
        self._views.continuation.set_theme(theme)

    @pyqtSlot(int, int)
    def choose_cell(self, layer: int, head: int) -> None:
        """Open a layer and head everywhere; while something is measured, when that is done."""
        if self._controller.busy.key in _UNDISTURBED:
            self._awaited_cell = (layer, head)
            self._controller.said.emit(
                f"Layer {layer}, head {head} is opened when the measuring is done."
            )
            return
        dataset = self._state.findings.dataset
        if dataset is not None:
            changes = quality_readouts.cell_choice(dataset.tensors, dataset.wish, layer, head)
            self._state.wish_data(**changes)

    def save_card(self) -> None:
        """Save the evaluated card of the method in focus at the chosen k."""
        wishes, findings = self._state.wishes, self._state.findings

        def save() -> None:
            found = quality_exports.evaluated_card(wishes, findings)
            name = f"card_{wishes.method.key}_k{wishes.k}.safetensors"
            path = self._takeaway.ask_save(name, "Card (*.safetensors)")
            if path is not None:
                self._takeaway.work(lambda: quality_exports.save_card_job(found, path))

        self._takeaway.attempt(save, "")

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
        if curve is not None:
            save = quality_exports.save_curve
            self._takeaway.save(name, kinds, lambda path: save(curve, path, leaked))

    @pyqtSlot(object)
    def _on_busy_changed(self, busy: Busy) -> None:
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
