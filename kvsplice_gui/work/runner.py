"""From wishes to work: decides what to compute, runs it on the worker, records what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from kvsplice_core.base import formats
from kvsplice_core.base.progress import Step
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.tasks.sweep import SweepResult, SweepRow, SweepSpec, SweepStep
from kvsplice_gui.state import kinds
from kvsplice_gui.state.knot_edits import KnotEdits
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import DataWish, Wishes
from kvsplice_gui.work.busy import IDLE, Busy, Progress
from kvsplice_gui.work.jobs import Note, cut_short, load_job, merged, sweep_job
from kvsplice_gui.work.worker import Worker

PAUSE_MS = 600

Work = Callable[[], Generator[Any, None, Any]]
Missing = tuple[Busy, SweepSpec, Work]
CALIBRATE, REFIT = Busy("calibrate", "Calibrating"), Busy("refit", "Re-calibrating")
READ = Busy("read", "Reading")


class Controller(QObject):
    """Runs one piece of work at a time; the last good result stays until a better one is whole."""

    busy_changed = pyqtSignal(object)
    progressed = pyqtSignal(object)
    stepped = pyqtSignal(object)
    said = pyqtSignal(str)
    failed = pyqtSignal(object)
    cancelled = pyqtSignal(str)
    loaded = pyqtSignal()

    def __init__(self, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._worker = Worker(parent=self)
        self._finish: Callable[[Any], None] | None = None
        self._take_step: Callable[[Any], None] | None = None
        self._spec: SweepSpec | None = None
        self._busy = IDLE
        self._can_be_replaced = False
        self._started = 0.0
        self._is_giving_up = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._on_pause_timeout)
        state.wishes_changed.connect(self._on_wishes_changed)
        self._worker.stepped.connect(self._on_worker_stepped)
        self._worker.finished.connect(self._on_worker_finished)
        self._worker.failed.connect(self._on_worker_failed)
        self._worker.cancelled.connect(self._on_worker_cancelled)

    @property
    def busy(self) -> Busy:
        """What is going on; false when idle."""
        return self._busy

    # -- what a user asks for ---------------------------------------------------------------

    def open(self, source: str | Path, **choice: Any) -> None:  # noqa: ANN401 - DataWish's fields
        """Read another source; its first layer and head unless chosen."""
        path = Path(source)
        source = str(path.absolute()) if path.is_file() else str(source)
        wish = DataWish(source=source, budget=self._state.wishes.data.budget, **choice)
        if wish == self._state.wishes.data:
            self.reopen()
        else:
            self._state.wish(data=wish)

    def reopen(self) -> None:
        """Read the wished vectors again."""
        self._load()

    def calibrate(self) -> None:
        """Calibrate every wished method, the chosen k first."""
        findings = self._state.findings
        if findings.dataset is None or self._busy.key == READ.key:
            return
        dataset, spec = findings.dataset, self._state.wishes.sweep(findings.dim)
        calibration = spec.calibration
        self._state.find(live_rows=(), starting_over=True, asked=calibration)
        methods = ", ".join(method.label for method in spec.methods)
        unusual = "".join(f" · {word}" for word in kinds.words_of_sweep(spec))
        self.said.emit(
            f"Calibrating {methods} at {len(spec.ks)} k · recipe {calibration.recipe} · "
            f"{calibration.resolved_knots} knots{unusual} · {calibration.resolved_epochs} epochs · "
            f"seed {calibration.seed}"
        )
        self._run(CALIBRATE, lambda: sweep_job(dataset, spec), self._on_swept)
        self._spec = spec

    def cancel(self) -> None:
        """Stop what is running; the last result stays."""
        self._pause.stop()
        if self._worker.is_running:
            self._set_busy(replace(self._busy, is_cancelling=True))
            self._worker.cancel()

    def work(
        self,
        busy: Busy,
        work: Work,
        finish: Callable[[Any], None],
        take_step: Callable[[Any], None] | None = None,
    ) -> bool:
        """Run any other job, such as an export, in the background; never in place of one.

        Parameters
        ----------
        busy : Busy
            What is going on then.
        work : callable
            Makes the generator; called on the worker's thread.
        finish : callable
            Gets what the generator returns.
        take_step : callable, optional
            Gets what it yields, but for notes; steps with a text and a fraction are shown anyway.

        Returns
        -------
        bool
            Whether the job was started: not while another is running.
        """
        if self._busy and not self._can_be_replaced:
            self.said.emit(f"{self._busy.verb}: try again when that is done.")
            return False
        self._run(busy, work, finish, take_step)
        return True

    def shutdown(self) -> None:
        """Cancel and wait for the thread; call before the application ends."""
        self._pause.stop()
        self._worker.shutdown()

    # -- following the wishes -----------------------------------------------------------------

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        if new.data != old.data:
            if not self._is_giving_up:
                self._load()
        elif self._missing() is not None and _followed(new) != _followed(old):
            self._pause.start()

    @pyqtSlot()
    def _on_pause_timeout(self) -> None:
        if self._busy and not self._can_be_replaced:
            return  # looked at again when the present work is done
        missing = self._missing()
        if missing is not None:
            busy, spec, work = missing
            self._run(busy, work, self._on_updated, can_be_replaced=True)
            self._spec = spec

    def _missing(self) -> Missing | None:
        """Return the work that the present k and knots lack beside the last result."""
        result, dataset = self._state.findings.result, self._state.findings.dataset
        if result is None or dataset is None or not any(m.is_learnt for m in result.methods):
            return None
        return self._missing_knots(result) or self._missing_k(result)

    def _missing_knots(self, result: SweepResult) -> Missing | None:
        wishes, dataset = self._state.wishes, self._state.findings.dataset
        calibration = result.spec.calibration
        if dataset is None or Method.SPLINE not in result.methods:
            return None
        wished = replace(wishes.calibration, method=Method.SPLINE)
        kind = kinds.kind_of(replace(calibration, method=Method.SPLINE))
        if calibration.recipe is not wished.recipe or kind != kinds.kind_of(wished):
            return None  # another recipe or kind of spline starts over, when asked to
        if calibration.resolved_knots == wished.resolved_knots:
            return None
        ks = tuple(row.k for row in result.of(Method.SPLINE))
        before = (*result.spec.earlier_knots, calibration.resolved_knots)
        spec = SweepSpec(
            (Method.SPLINE,),
            ks,
            replace(calibration, knots=wished.resolved_knots),
            first_k=wishes.k,
            earlier_knots=before if calibration.recipe is Recipe.JOINT else (),
        )
        return REFIT, spec, lambda: sweep_job(dataset, spec, warm=result)

    def _missing_k(self, result: SweepResult) -> Missing | None:
        k, dataset = self._state.wishes.k, self._state.findings.dataset
        lacking = tuple(method for method in result.methods if result.row(method, k) is None)
        if dataset is None or not lacking or not 1 <= k <= result.data.dim:
            return None
        asked = result.spec
        spec = SweepSpec(lacking, (k,), asked.calibration, earlier_knots=asked.earlier_knots)
        return (
            Busy("extend", f"Adding k = {k}"),
            spec,
            lambda: sweep_job(dataset, spec, reuse=result),
        )

    def _load(self) -> None:
        wish, device = self._state.wishes.data, self._state.wishes.calibration.device
        if wish.source:
            self._keep_rows()
            self._run(READ, lambda: load_job(wish, device), self._on_loaded)

    # -- the worker's messages ----------------------------------------------------------------

    def _run(
        self,
        busy: Busy,
        work: Work,
        finish: Callable[[Any], None],
        take_step: Callable[[Any], None] | None = None,
        *,
        can_be_replaced: bool = False,
    ) -> None:
        self._finish, self._can_be_replaced = finish, can_be_replaced
        self._take_step, self._spec = take_step, None
        self._started = time.monotonic()
        if busy.key != CALIBRATE.key:
            self._state.find(live_rows=(), starting_over=False)
        self._set_busy(busy)
        self._worker.start(work)

    @pyqtSlot(int, object)
    def _on_worker_stepped(self, _run: int, step: Note | SweepStep | Step[object]) -> None:
        if isinstance(step, Note):
            self.progressed.emit(Progress(step.text))
        elif isinstance(step, SweepStep):
            self._on_sweep_step(step)
        else:
            self._on_other_step(step)

    def _on_other_step(self, step: Step[object]) -> None:
        if self._take_step is not None:
            self._take_step(step)
        self.progressed.emit(Progress(step.text, step.fraction, self._time_left(step.fraction)))

    def _on_sweep_step(self, step: SweepStep) -> None:
        if step.row is not None:
            self._state.find(live_rows=(*self._state.findings.live_rows, step.row))
            if step.row.method.is_learnt:
                self.said.emit(describe_row(step.row))
        if step.calibration is not None and step.calibration.loss is not None:
            self.stepped.emit(step.calibration)
        now, left = step.calibration, self._time_left(step.fraction)
        epoch = "" if now is None else f" · epoch {now.epoch}/{now.epochs}"
        stage = "" if now is None else f"{now.method.label} k = {now.k}{epoch}"
        self.progressed.emit(Progress(stage, step.fraction, left))

    def _time_left(self, fraction: float) -> str:
        if fraction <= 0.02:  # an estimate from less would jump about
            return "estimating the time left"
        elapsed = time.monotonic() - self._started
        return f"{formats.duration(elapsed * (1 / fraction - 1))} left"

    @pyqtSlot(int, object)
    def _on_worker_finished(self, _run: int, result: object) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(result)
        self._set_busy(IDLE)
        if self._missing() is not None:
            self._pause.start()

    @pyqtSlot(int, object)
    def _on_worker_failed(self, _run: int, error: object) -> None:
        self._give_up()
        self.said.emit(f"Failed: {getattr(error, 'sentence', error)}")
        self.failed.emit(error)

    @pyqtSlot(int)
    def _on_worker_cancelled(self, _run: int) -> None:
        rows = self._keep_rows()
        kept = f"the {rows} finished rows stay" if rows else "the last result stays"
        self._give_up()
        self.said.emit(f"Cancelled; {kept}.")
        self.cancelled.emit(f"Cancelled; {kept}.")

    def _give_up(self) -> None:
        """Go back to the last good data and result."""
        dataset = self._state.findings.dataset
        self._state.find(live_rows=(), starting_over=False)
        self._is_giving_up = True
        self._state.wish(data=DataWish() if dataset is None else dataset.wish)
        self._is_giving_up = False
        self._set_busy(IDLE)

    # -- results ------------------------------------------------------------------------------

    def _on_loaded(self, found: Any) -> None:  # noqa: ANN401 - what load_job returns
        dataset, result = found
        summary = dataset.values.summary
        dims = tuple(j for j in self._state.wishes.view.dims if j < summary.dim) or (0,)
        self._state.find_all(self._state.findings.opened(dataset, result))
        self._state.wish(k=min(self._state.wishes.k, summary.dim))
        self._state.wish_view(dims=dims)
        self.said.emit(
            f"Read {summary.title}: {formats.count(summary.vectors)} × {summary.dim} "
            f"(axes {summary.axes})"
        )
        self.loaded.emit()

    def _on_swept(self, result: SweepResult) -> None:
        self._replace(result)
        self.said.emit(f"Done in {formats.duration(result.elapsed_s)} on {result.device}.")

    def _replace(self, result: SweepResult) -> None:
        old = self._state.findings.result
        ghost = old if old is not None and any(m.is_learnt for m in old.methods) else None
        self._say_edits_go()
        self._state.find(
            result=result, ghost=ghost, live_rows=(), starting_over=False, knots=KnotEdits()
        )

    def _keep_rows(self) -> int:
        """Keep the finished rows of a sweep that was cancelled; return how many they are."""
        findings, spec = self._state.findings, self._spec
        old, rows = findings.result, findings.live_rows
        if old is None or spec is None or not any(row.method.is_learnt for row in rows):
            return 0
        seconds = time.monotonic() - self._started
        if findings.starting_over:
            self._replace(cut_short(old, spec, rows, seconds))
        elif spec.calibration == old.spec.calibration:  # other knots would stand among the old
            self._on_updated(cut_short(old, spec, rows, seconds))
        else:
            return 0
        return len(rows)

    def _on_updated(self, update: SweepResult) -> None:
        old = self._state.findings.result
        if old is None:
            return
        knots_changed = (
            old.spec.calibration.resolved_knots != update.spec.calibration.resolved_knots
        )
        ghost = old if knots_changed else self._state.findings.ghost
        knots = self._state.findings.knots
        if knots_changed:
            self._say_edits_go()
            knots = KnotEdits()
        self._state.find(result=merged(old, update), ghost=ghost, live_rows=(), knots=knots)

    def _say_edits_go(self) -> None:
        if self._state.findings.knots.is_edited:
            self.said.emit("The knots set by hand are replaced by the calibrated ones.")

    def _set_busy(self, busy: Busy) -> None:
        if busy != self._busy:
            self._busy = busy
            self.busy_changed.emit(busy)


def describe_row(row: SweepRow) -> str:
    """Return one finished row as a line of the log."""
    text = f"{row.method.label} k = {row.k}: MSE {formats.three_digits(row.scores.mse)}"
    if row.change is not None:
        change = row.change
        text += (
            f", {formats.with_interval(change.percent, change.low, change.high, formats.percent)}"
            f", {change.verdict}"
        )
    if row.kept is not row.method:
        text += ", kept: pca"
    start = ", warm start" if row.calibration.warm_start else ""
    return f"{text} ({formats.duration(row.calibration.elapsed_s)}{start})"


def _followed(wishes: Wishes) -> tuple[int, int]:
    """Return the k and knots, whose change is followed without being asked to."""
    return wishes.k, wishes.calibration.resolved_knots
