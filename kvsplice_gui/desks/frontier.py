"""Joins the frontier's widgets, the work that measures it, and what is taken away of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.base import formats
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult, FrontierSpec
from kvsplice_gui.desks.activity import Activity, Desk, Told, Workplace
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.readouts import frontier_exports
from kvsplice_gui.state.findings import Findings, FrontierFindings, FrontierKey, MeasuredFrontier
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.model_jobs import frontier_job, model_frontier_job
from kvsplice_gui.work.runner import CALIBRATE, Work


@dataclass(frozen=True)
class FrontierAsk:
    """A frontier to measure; `facts` where through the model of the open capture."""

    key: FrontierKey
    spec: FrontierSpec
    facts: CaptureFacts | None


def _task_of(wishes: Wishes, findings: Findings) -> FrontierAsk | None:
    if findings.dataset is None:
        return None
    return FrontierAsk(
        frontier_readouts.key_of(wishes, findings),
        frontier_readouts.frontier_spec(wishes, findings),
        frontier_readouts.facts_of(findings),
    )


def _work(ask: FrontierAsk, _: Findings) -> Work:
    key, spec = ask.key, ask.spec
    if ask.facts is None or key.quality is None:
        return lambda: frontier_job(key.data, spec)
    quality, side = key.quality, frontier_readouts.side_of(key.quality, ask.facts)
    model = quality.model_of(ask.facts)
    return lambda: model_frontier_job(key.data.source, model, quality, side, key.data.budget, spec)


def _opening(ask: FrontierAsk) -> str:
    names = ", ".join(pipeline.label for pipeline in ask.spec.ordered_pipelines)
    bits = ", ".join(f"{one:g}" for one in ask.spec.bits)
    return f"Measuring the frontier of {names} at {bits} bits per value"


def _begun(findings: Findings, ask: FrontierAsk) -> Findings:
    return replace(findings, frontier=replace(findings.frontier, live=None, live_key=ask.key))


def _stepped(findings: Findings, step: Step[object]) -> Told:
    if not isinstance(step.found, FrontierResult):
        return Told(findings)
    return Told(replace(findings, frontier=replace(findings.frontier, live=step.found)))


def _finished(findings: Findings, ask: FrontierAsk, found: MeasuredFrontier) -> Told:
    result, last = found.result, findings.frontier
    new = FrontierFindings(result, ask.key, found.leaked, chosen=last.chosen)
    done = (
        f"Frontier of {result.title}: {len(result.points)} points in "
        f"{formats.duration(result.elapsed_s)}, {len(result.left_out)} left out"
    )
    kept = new if new.point is not None else replace(new, chosen=None)
    left_out = (f"Left out: {line}" for line in result.left_out)
    return Told(replace(findings, frontier=kept), (done, *left_out))


def _settled(findings: Findings) -> Findings:
    found = findings.frontier
    return findings if found.live_key is None else replace(findings, frontier=found.settled())


FRONTIER = Activity(
    key="frontier",
    verb="Measuring frontier",
    task_of=_task_of,
    work=_work,
    finished=_finished,
    opening=_opening,
    begun=_begun,
    stepped=_stepped,
    settled=_settled,
    why_not=lambda _, findings: "" if findings.dataset else frontier_readouts.NEEDS_DATA,
)


class FrontierDesk(Desk[FrontierAsk]):
    """The frontier in the window; a cancelled one keeps its points."""

    def __init__(self, place: Workplace, parent: QObject) -> None:
        super().__init__(place, FRONTIER, parent)
        self._state, self._views, self._layout = place.state, place.views, place.layout
        self._takeaway = place.takeaway
        self._is_choosing = False
        self._presenter = FrontierPresenter(place.state, place.views, self)
        self._connect()

    def _connect(self) -> None:
        state, views = self._state, self._views
        panel, plot, table = views.frontier_panel, views.frontier, views.frontier_table
        panel.changed.connect(self._on_panel_changed)
        plot.point_chosen.connect(self.choose)
        plot.point_hovered.connect(table.show_hovered)
        plot.log_changed.connect(lambda log: state.wish_frontier(log=log))
        table.record_chosen.connect(self.choose)
        table.point_hovered.connect(plot.show_hovered)
        views.frontier_view.budget_chosen.connect(lambda bits: state.wish_frontier(budget=bits))
        state.wishes_changed.connect(self._on_wishes_changed)

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
        result, leaked = self._state.findings.frontier.result, self._state.findings.frontier.leaked
        if result is not None:
            save = frontier_exports.save_frontier
            self._takeaway.save(name, kinds, lambda path: save(result, path, leaked))

    @pyqtSlot(object)
    def choose(self, point: FrontierPoint) -> None:
        """Set the whole pipeline to a point."""
        shown = self._state.findings.frontier.shown
        if shown is None:
            return
        dim, wishes = self._state.findings.dim, self._state.wishes
        changes = frontier_readouts.wish_of(point, shown, wishes, max(dim, 1))
        self._is_choosing = True
        try:
            self._state.wish(**changes)
        finally:
            self._is_choosing = False
        self._state.find_frontier(chosen=(point.pipeline, point.asked_bits))
        said = frontier_readouts.sentence(self._state.findings)
        if said:
            self._place.controller.said.emit(said)

    @pyqtSlot(dict)
    def _on_panel_changed(self, changes: dict[str, object]) -> None:
        """Take a wish; what cannot be is said beside the field, and the field goes back."""
        panel = self._views.frontier_panel
        try:
            self._state.wish_frontier(**changes)
        except SpecError as error:
            panel.show_wish(self._state.wishes.frontier)
            sentence = str(error)
            panel.show_problem(f"{sentence[:1].upper()}{sentence[1:]}.")

    @pyqtSlot(object)
    def _on_busy_changed(self, busy: Busy) -> None:
        super()._on_busy_changed(busy)
        self._views.frontier_panel.show_problem("")
        if busy == CALIBRATE and self._state.findings.frontier.chosen is not None:
            self._state.find_frontier(chosen=None)  # what is calibrated now is to be seen
        if busy.key == FRONTIER.key and not busy.is_cancelling:
            self.show()

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        """Let go of the chosen point when a hand sets the pipeline to something else."""
        if self._is_choosing or self._state.findings.frontier.chosen is None:
            return
        if _pipeline_of(old) != _pipeline_of(new):
            self._state.find_frontier(chosen=None)


def _pipeline_of(wishes: Wishes) -> object:
    return wishes.data, wishes.method, wishes.k, wishes.calibration.transform


_LOOKED_AT = ("data", "frontier", "quality", "pipeline_calibration")


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
        has_capture = frontier_readouts.facts_of(findings) is not None
        self._views.frontier_panel.show_source(has_capture=has_capture)

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
        view.set_marks(() if shown is None else shown.spec.budgets.amounts)
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
