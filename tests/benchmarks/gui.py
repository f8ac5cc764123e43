"""Measures of the window: its start, its patience while it calibrates, and a dragged k."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import Measure

TICK_MS = 5
TICK_BOUND_MS = 25.0
DRAG_BOUND_MS = 16.0
START_BOUND_S = 1.0
DRAGS = 120
STARTS = 5


def measures() -> Iterator[Measure]:
    """Measure the window in a process of its own: Qt and torch start from nothing."""
    yield _bounded("process start to window shown", _start_s(), START_BOUND_S, "s")
    tick, drag = _window_ms()
    yield _bounded("event-loop tick p95 while calibrating", tick, TICK_BOUND_MS, "ms")
    yield _bounded("k drag to all plots redrawn p95", drag, DRAG_BOUND_MS, "ms")


def _bounded(name: str, ours: float, bound: float, unit: str) -> Measure:
    """Compare with the bound it must keep, which stands in for a reference."""
    return Measure(name, ours, bound, bound / ours, unit)


def _environment(folder: str) -> dict[str, str]:
    return {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_LOGGING_RULES": "default.warning=false",
        "KVSPLICE_SETTINGS": folder,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def _run(code: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=_environment(folder),
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout


def _start_s() -> float:
    code = (
        "import time; from kvsplice_gui import app; application, window = app.build('light')\n"
        "window.show(); application.processEvents(); print(time.time(), flush=True)\n"
        "window.close()"
    )
    times = []
    for _ in range(STARTS):
        before = time.time()
        times.append(float(_run(code)) - before)
    return min(times)


def _window_ms() -> tuple[float, float]:
    root = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    code += "from tests.benchmarks.gui import in_process; in_process()"
    tick, drag = _run(code).split()
    return float(tick), float(drag)


def in_process() -> None:
    """Print both p95 in ms; run in a process of its own."""
    from kvsplice_gui import app

    application, window = app.build("light", restore=False)
    window.resize(1440, 900)
    window.show()
    window.state.wish(epochs=12)

    def until(done: Callable[[], bool]) -> None:
        while not done():
            application.processEvents()
            time.sleep(0.001)

    window.open_source("smollm2-v")
    until(lambda: not window.controller.busy)
    ticks = _ticks(window, until)
    sys.stdout.write(f"{_p95(ticks)} {_p95(_drags(application, window))}\n")
    window.close()


def _ticks(window, until) -> list[float]:
    from PyQt6.QtCore import QTimer

    stamps: list[float] = []
    timer = QTimer(window)
    timer.timeout.connect(lambda: stamps.append(time.perf_counter()))
    window.controller.calibrate()
    timer.start(TICK_MS)
    until(lambda: not window.controller.busy)
    timer.stop()
    return [1e3 * gap for gap in np.diff(stamps)]


def _drags(application, window) -> list[float]:
    ks = window.state.findings.result.ks
    there_and_back = [*ks, *ks[-2:0:-1]]  # a hand passes every k on its way
    times = []
    for i in range(DRAGS):
        before = time.perf_counter()
        window.state.wish(k=there_and_back[i % len(there_and_back)])
        application.processEvents()
        times.append(1e3 * (time.perf_counter() - before))
    return times[len(there_and_back) :]  # the first round fills caches


def _p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))
