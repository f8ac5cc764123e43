"""The work of tasks that measure real caches."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import torch

from kvsplice_core.base.progress import Step
from kvsplice_core.cache.measuring import measure_memory
from kvsplice_core.codec.card_file import load_card
from kvsplice_core.language.models import load_model

if TYPE_CHECKING:
    from kvsplice_core.tasks.measure import MeasuredMemory, MeasureTask, MemoryPoint

_TORCH_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def measure_task(task: MeasureTask) -> Generator[Step[MemoryPoint], None, MeasuredMemory]:
    """Measure the task's card in its model's cache."""
    card = load_card(task.card)
    yield Step(f"loading {task.model}", 0.0)
    language = load_model(task.model, device=task.device, dtype=_TORCH_DTYPES[task.dtype])
    return (yield from measure_memory(language, card, task.spec))
