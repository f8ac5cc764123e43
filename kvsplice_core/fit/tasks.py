"""The work of tasks that need vectors alone."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from kvsplice_core.codec.codec_file import load_codec, load_history
from kvsplice_core.data.vectors import load
from kvsplice_core.fit.sweep import sweep
from kvsplice_core.fit.update import adapt

if TYPE_CHECKING:
    from kvsplice_core.base.progress import Step
    from kvsplice_core.tasks.sweep import SweepResult, SweepStep, SweepTask
    from kvsplice_core.tasks.update import Adapted, UpdateTask


def sweep_task(task: SweepTask) -> Generator[SweepStep, None, SweepResult]:
    """Sweep over the task's vectors; the usual k go as far as these do."""
    values = load(task.vectors)
    return (yield from sweep(values, task.spec.within(values.summary.dim)))


def update_task(task: UpdateTask) -> Generator[Step[None], None, Adapted]:
    """Go on with the task's codec on its vectors."""
    values = load(task.vectors)
    codec, history = load_codec(task.codec), load_history(task.codec)
    return (yield from adapt(codec, history, values, task.spec))
