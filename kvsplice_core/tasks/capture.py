"""Writing down what a model's cache holds, as a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kvsplice_core.base.options import option, part, shared
from kvsplice_core.data.capture import CaptureSpec
from kvsplice_core.tasks.reading import model_option
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec


@dataclass(frozen=True)
class CaptureTask(Task):
    """What a model's cache holds while it reads text, written into a file."""

    command: ClassVar[str] = "capture"
    runner: ClassVar[str] = "language.tasks:capture_task"
    shows: ClassVar[str] = "print(result.path, result.facts.tokens)"

    model: str = model_option()
    out: str = option("Write to", "the .safetensors file to write", flag="--out", metavar="FILE")
    texts: tuple[str, ...] = option(
        "Text",
        "text files, one document each, or folders of .txt files",
        (),
        flag="--text",
        metavar="FILE",
        words=True,
        unset="the calibration books of gpt2-mini",
    )
    spec: CaptureSpec = part(CaptureSpec, "vectors")
    device: str = shared(CalibrationSpec, "device")
    threads: int | None = shared(CalibrationSpec, "threads")
