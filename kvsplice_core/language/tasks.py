"""The work of tasks that read with a language model and need no codec."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.progress import Step
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.models import load_model
from kvsplice_core.language.texts import BundledText, documents_for

if TYPE_CHECKING:
    from kvsplice_core.data.capture import CaptureResult
    from kvsplice_core.tasks.capture import CaptureTask


def capture_task(task: CaptureTask) -> Generator[Step[None], None, CaptureResult]:
    """Capture into the task's file."""
    documents = documents_for(task.model, task.texts, BundledText.CALIBRATION)
    yield Step(f"loading {task.model}", 0.0)
    language = load_model(task.model, device=task.device)
    return (yield from capture_vectors(language, documents, task.spec, Path(task.out)))
