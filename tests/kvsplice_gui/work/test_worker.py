import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PyQt6.QtCore import Qt, QThread, QTimer

from kvsplice_core.base.errors import DataError
from kvsplice_gui.work.worker import Worker

WAIT_MS = 5000


class Log:
    """Everything a worker said, in order."""

    def __init__(self, worker):
        self.events = []
        worker.started.connect(lambda run: self.events.append(("started", run)))
        worker.stepped.connect(lambda run, step: self.events.append(("stepped", run, step)))
        worker.finished.connect(lambda run, result: self.events.append(("finished", run, result)))
        worker.failed.connect(lambda run, error: self.events.append(("failed", run, error)))
        worker.cancelled.connect(lambda run: self.events.append(("cancelled", run)))

    def kinds(self, run):
        return [event[0] for event in self.events if event[1] == run]


@pytest.fixture
def worker(qtbot):
    made = Worker(important=lambda step: True)
    yield made
    assert made.shutdown(WAIT_MS)


@pytest.fixture
def log(worker):
    return Log(worker)


def counting(number):
    yield from range(number)
    return "done"


class Endless:
    """Yields until it is closed; `entered` is set when it runs."""

    def __init__(self):
        self.entered = threading.Event()
        self.closed = threading.Event()

    def __call__(self):
        try:
            while True:
                self.entered.set()
                yield "step"
        finally:
            self.closed.set()


def test_started_steps_and_the_result_arrive_in_order(worker, log, qtbot):
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        run = worker.start(lambda: counting(3))
        assert worker.is_running
    steps = [("stepped", run, i) for i in range(3)]
    assert log.events == [("started", run), *steps, ("finished", run, "done")]
    assert not worker.is_running


def test_work_is_made_and_run_on_the_thread(worker, qtbot):
    def where():
        yield
        return QThread.currentThread()

    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS) as caught:
        worker.start(where)
    assert caught.args[1] is not QThread.currentThread()


def test_run_numbers_grow(worker, qtbot):
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        first = worker.start(lambda: counting(1))
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        second = worker.start(lambda: counting(1))
    assert second > first


def test_the_last_step_is_shown_before_the_result(qtbot):
    worker = Worker(important=lambda step: False)
    log = Log(worker)
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        run = worker.start(lambda: counting(1000))
    assert worker.shutdown(WAIT_MS)
    assert log.events[-2:] == [("stepped", run, 999), ("finished", run, "done")]
    assert log.kinds(run).count("stepped") < 1000


def test_cancel_closes_the_generator(worker, log, qtbot):
    work = Endless()
    with qtbot.waitSignal(worker.cancelled, timeout=WAIT_MS):
        run = worker.start(work)
        assert work.entered.wait(5)
        worker.cancel()
        assert worker.is_cancelling
    assert work.closed.is_set()
    assert log.events[-1] == ("cancelled", run)
    assert not worker.is_running


def test_after_cancel_no_step_and_no_result_arrives(worker, log, qtbot):
    returned = threading.Event()

    def quick():
        yield 1
        returned.set()
        return "late"

    run = worker.start(quick)
    assert returned.wait(5)
    with qtbot.waitSignal(worker.cancelled, timeout=WAIT_MS):
        worker.cancel()
    assert log.kinds(run) == ["started", "cancelled"]


def test_cancel_without_a_run_does_nothing(worker, log):
    worker.cancel()
    assert not worker.is_cancelling
    assert log.events == []


def test_a_new_run_silences_the_older_one(worker, log, qtbot):
    work = Endless()
    first = worker.start(work)
    assert work.entered.wait(5)
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        second = worker.start(lambda: counting(2))
    assert work.closed.is_set()
    assert log.kinds(first) == ["started"]
    assert log.kinds(second) == ["started", "stepped", "stepped", "finished"]


def test_a_run_replaced_before_its_turn_is_never_made(worker, qtbot):
    entered, release, made = threading.Event(), threading.Event(), []

    def slow():
        entered.set()
        release.wait()
        yield

    worker.start(slow)
    assert entered.wait(5)
    worker.start(lambda: made.append("middle"))
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        worker.start(lambda: counting(1))
        release.set()
    assert made == []


def failing():
    yield 1
    raise DataError("vectors must be finite; got NaN", "row 7")


def test_an_error_arrives_with_its_traceback(worker, log, qtbot):
    with qtbot.waitSignal(worker.failed, timeout=WAIT_MS) as caught:
        run = worker.start(failing)
    report = caught.args[1]
    assert report.sentence == "vectors must be finite; got NaN"
    assert "row 7" in report.details
    assert "in failing" in report.details
    assert log.kinds(run) == ["started", "stepped", "failed"]
    assert not worker.is_running


def test_an_error_while_making_the_work_arrives_too(worker, qtbot):
    def broken():
        raise OSError("no such file")

    with qtbot.waitSignal(worker.failed, timeout=WAIT_MS) as caught:
        worker.start(broken)
    assert "no such file" in caught.args[1].sentence


def test_a_worker_works_on_after_an_error(worker, qtbot):
    with qtbot.waitSignal(worker.failed, timeout=WAIT_MS):
        worker.start(failing)
    with qtbot.waitSignal(worker.finished, timeout=WAIT_MS):
        worker.start(lambda: counting(1))


def test_shutdown_while_running_ends_cleanly_and_silently(qtbot):
    worker, work = Worker(), Endless()
    log = Log(worker)
    run = worker.start(work)
    assert work.entered.wait(5)
    assert worker.shutdown(WAIT_MS)
    qtbot.wait(1)
    assert work.closed.is_set()
    assert set(log.kinds(run)) <= {"started", "stepped"}
    with pytest.raises(RuntimeError, match="shut down"):
        worker.start(work)


def test_shutdown_before_any_run_and_twice(qtbot):
    worker = Worker()
    assert worker.shutdown(WAIT_MS)
    assert worker.shutdown(WAIT_MS)


def test_shutdown_says_when_the_work_does_not_end(qtbot):
    release, entered = threading.Event(), threading.Event()

    def stubborn():
        entered.set()
        release.wait()
        yield

    worker = Worker()
    worker.start(stubborn)
    assert entered.wait(5)
    assert not worker.shutdown(1)
    release.set()
    assert worker.shutdown(WAIT_MS)


LEFT_RUNNING = """
from PyQt6.QtCore import QCoreApplication, QObject, QTimer
from kvsplice_gui.work.worker import Worker

def endless():
    while True:
        yield 1

app = QCoreApplication([])
owner = QObject()
workers = [Worker(lambda step: False, owner), Worker(lambda step: False)]
for worker in workers:
    worker.start(endless)
QTimer.singleShot(50, app.quit)
app.exec()
{end}
"""


@pytest.mark.parametrize(
    "end", ["", "del worker, workers, owner", "owner.deleteLater(); app.processEvents()"]
)
def test_a_process_that_forgets_shutdown_does_not_abort(end):
    done = subprocess.run(
        [sys.executable, "-c", LEFT_RUNNING.format(end=end)],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")


def busy_python(stop):
    number = 0
    while not stop.is_set():
        for _ in range(2000):
            number = (number * 31 + 7) % 1_000_003
        yield number


def test_the_event_loop_ticks_while_busy_python_runs(qtbot):
    """Pure Python in the thread is the worst case: nothing in it lets go of the GIL by itself."""
    stop, worker, ticks = threading.Event(), Worker(), []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    worker.start(lambda: busy_python(stop))
    timer.start()
    qtbot.waitUntil(lambda: len(ticks) >= 40, timeout=WAIT_MS)
    timer.stop()
    stop.set()
    assert worker.shutdown(WAIT_MS)
    # 5 ms are asked for, 5 ms is Python's switch interval; the rest is for a loaded machine.
    assert np.median(np.diff(ticks)) < 0.1
