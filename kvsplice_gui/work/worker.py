"""One thread that runs any of the core's generators and reports to the GUI's thread."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from PyQt6.QtCore import QObject, QThread, pyqtSignal, pyqtSlot

from kvsplice_gui.look.errors import report_of
from kvsplice_gui.work.throttle import Throttle, carries_news

Work = Generator[Any, None, Any]
MakeWork = Callable[[], Work]

EXIT_WAIT_MS = 10_000


@dataclass(frozen=True, eq=False)
class _Job:
    run: int
    make_work: MakeWork
    cancel: threading.Event = field(default_factory=threading.Event)


class _Runner(QObject):
    """The side that lives in the thread; `stop` ends whatever runs and whatever waits."""

    stepped = pyqtSignal(int, object)
    finished = pyqtSignal(int, object)
    failed = pyqtSignal(int, object)
    cancelled = pyqtSignal(int)

    def __init__(self, important: Callable[[object], bool]) -> None:
        super().__init__()
        self.stop = threading.Event()
        self._important = important

    @pyqtSlot(object)
    def on_worker_requested(self, job: _Job) -> None:
        try:
            self._run(job)
        except Exception as error:  # noqa: BLE001  # whatever it is, a person must see it
            self.failed.emit(job.run, report_of(error))

    def _run(self, job: _Job) -> None:
        if self._must_end(job):
            self.cancelled.emit(job.run)
            return
        work = job.make_work()
        throttle = Throttle(self._important)
        while not self._must_end(job):
            try:
                step = next(work)
            except StopIteration as end:
                for dropped in throttle.take_dropped():
                    self.stepped.emit(job.run, dropped)
                self.finished.emit(job.run, end.value)
                return
            if throttle.admits(step):
                self.stepped.emit(job.run, step)
        work.close()
        self.cancelled.emit(job.run)

    def _must_end(self, job: _Job) -> bool:
        return job.cancel.is_set() or self.stop.is_set()


class Worker(QObject):
    """Runs one generator at a time on one long-lived thread.

    Every signal carries the run's number as `start` returned it. After `started` come any number
    of `stepped` and then exactly one of `finished`, `failed` and `cancelled`, unless a newer run
    is started meanwhile: from then on nothing of the older one arrives. After `cancel` no step
    and no result arrives any more.

    Parameters
    ----------
    important : callable
        Steps that are never dropped to keep to 30 a second.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    started, cancelled : signal (int)
    stepped : signal (int, object)
        The step the generator yielded.
    finished : signal (int, object)
        What the generator returned.
    failed : signal (int, ErrorReport)
    """

    started = pyqtSignal(int)
    stepped = pyqtSignal(int, object)
    finished = pyqtSignal(int, object)
    failed = pyqtSignal(int, object)
    cancelled = pyqtSignal(int)

    _requested = pyqtSignal(object)

    def __init__(
        self,
        important: Callable[[object], bool] = carries_news,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._job: _Job | None = None
        self._runs = 0
        # No parent: a worker destroyed in mid-run must not take its thread along.
        self._thread = QThread()
        self._runner = _Runner(important)
        self._runner.moveToThread(self._thread)
        self._requested.connect(self._runner.on_worker_requested)
        self._runner.stepped.connect(self._on_runner_stepped)
        self._runner.finished.connect(self._on_runner_finished)
        self._runner.failed.connect(self._on_runner_failed)
        self._runner.cancelled.connect(self._on_runner_cancelled)
        # Not the signal `destroyed`: a slot of Python may be collected before it is called.
        weakref.finalize(self, _ask_to_end, self._thread, self._runner).atexit = False

    @property
    def is_running(self) -> bool:
        """Whether a run has started and not yet ended."""
        return self._job is not None

    @property
    def is_cancelling(self) -> bool:
        """Whether the present run was asked to stop and has not yet."""
        return self._job is not None and self._job.cancel.is_set()

    def start(self, make_work: MakeWork) -> int:
        """Run what `make_work` makes; it is called on the thread. Return the run's number.

        A run in work is cancelled first.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        if self._runner.stop.is_set():
            raise RuntimeError("a worker that was shut down cannot start a run")
        self.cancel()
        self._runs += 1
        self._job = job = _Job(self._runs, make_work)
        self._ensure_thread()
        self.started.emit(job.run)
        self._requested.emit(job)
        return job.run

    def cancel(self) -> None:
        """Ask the present run to stop at its next step."""
        if self._job is not None:
            self._job.cancel.set()

    def shutdown(self, timeout_ms: int = EXIT_WAIT_MS) -> bool:
        """Cancel, end the thread and wait; False if it is still busy after `timeout_ms`."""
        self.cancel()
        self._job = None
        _ask_to_end(self._thread, self._runner)
        ended = self._thread.wait(timeout_ms)
        if ended:
            _running.pop(self._thread, None)
        return ended

    def _ensure_thread(self) -> None:
        if not self._thread.isRunning():
            _keep_until_ended(self._thread, self._runner)
            self._thread.start()

    def _is_present(self, run: int) -> bool:
        return self._job is not None and self._job.run == run

    @pyqtSlot(int, object)
    def _on_runner_stepped(self, run: int, step: object) -> None:
        if self._is_present(run) and not self.is_cancelling:
            self.stepped.emit(run, step)

    @pyqtSlot(int, object)
    def _on_runner_finished(self, run: int, result: object) -> None:
        # A result that was on its way when cancel was called is not wanted any more.
        if self.is_cancelling:
            self._on_runner_cancelled(run)
        elif self._is_present(run):
            self._job = None
            self.finished.emit(run, result)

    @pyqtSlot(int, object)
    def _on_runner_failed(self, run: int, error: object) -> None:
        if self._is_present(run):
            self._job = None
            self.failed.emit(run, error)

    @pyqtSlot(int)
    def _on_runner_cancelled(self, run: int) -> None:
        if self._is_present(run):
            self._job = None
            self.cancelled.emit(run)


# A QThread destroyed while it runs aborts the process, so each stays here until it has ended.
_running: dict[QThread, _Runner] = {}


def _keep_until_ended(thread: QThread, runner: _Runner) -> None:
    for ended in [known for known in _running if known.isFinished()]:
        del _running[ended]
    _running[thread] = runner


def _ask_to_end(thread: QThread, runner: _Runner, *_: object) -> None:
    runner.stop.set()
    # Workers destroyed while the interpreter ends come after their threads are gone.
    if thread in _running:
        thread.quit()


@atexit.register
def _end_all() -> None:
    for thread, runner in list(_running.items()):
        _ask_to_end(thread, runner)
        if thread.wait(EXIT_WAIT_MS):
            del _running[thread]
