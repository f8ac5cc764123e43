"""``kvsplice capture``: write down what a model's cache holds while it reads text."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kvsplice_core.base.formats import format_bytes, three_digits
from kvsplice_core.cli.console import follow, prepare, say
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.capture import CaptureTask

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.data.capture import CaptureResult

_TERMINATED = 143  # 128 + SIGTERM


def add_to(commands: Commands) -> None:
    """Add the command."""
    task_command(
        commands, CaptureTask, "Write down what a model's cache holds while it reads text", _run
    )


def _run(arguments: argparse.Namespace) -> int:
    task: CaptureTask = task_of(arguments)
    check_file("--out", task.out, ".safetensors")
    prepare(task.threads)
    with _ended_by_terminate():
        _print(follow(task.work()))
    return 0


def _print(result: CaptureResult) -> None:
    facts, seconds = result.facts, result.elapsed_s
    count = len(facts.documents)
    pace = int(float(f"{facts.tokens / seconds:.3g}"))  # three digits, without an exponent
    say(f"saved {result.path}: {format_bytes(result.file_bytes)}")
    say(
        f"{facts.tokens} tokens of {count} document{'s' * (count != 1)} in "
        f"{three_digits(seconds)} s ({pace} tokens per second)"
    )


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """Let SIGTERM end the block like an exception, so that nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
