"""The most memory that lives at once while something runs, counted by torch's allocators."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_MARK = "kvsplice: the watched part starts"
_MEMORY = "[memory]"  # what the profiler calls an allocation or a release


class Watch:
    """What `watch_allocations` sees; `peak_bytes` is known after the block."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        self.peak_bytes = 0
        """The most that lived at once after `start`, above what lived at `start`."""

    def start(self) -> None:
        """Begin to count here; what lives now is the base line."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
        else:
            with torch.autograd.profiler.record_function(_MARK):
                pass

    def finish_on_gpu(self) -> None:
        """Read the statistics of the GPU's allocator."""
        self.peak_bytes = torch.cuda.max_memory_allocated(self._device) - self._before

    def finish_on_cpu(self, events: list[Any]) -> None:
        """Find the highest sum of allocations less releases after the mark."""
        events = sorted(events, key=lambda event: event.start_ns())
        started = max(event.start_ns() for event in events if event.name() == _MARK)
        living = 0
        for event in events:
            if event.name() == _MEMORY and event.start_ns() >= started:
                living += event.nbytes()
                self.peak_bytes = max(self.peak_bytes, living)


@contextmanager
def watch_allocations(device: torch.device) -> Iterator[Watch]:
    """Watch what the allocator of `device` hands out and takes back inside the block.

    On a GPU its own statistics are read. On the CPU every allocation and release of a tensor's
    memory is recorded by torch's profiler, also those inside an operator; what a library such as
    oneDNN allocates for itself is not seen. What may be released after `Watch.start` must be made
    inside the block, because the profiler does not know the size of anything older. Running is
    slower meanwhile: time it elsewhere.
    """
    watch = Watch(device)
    if device.type == "cuda":
        yield watch
        watch.finish_on_gpu()
        return
    # Kineto announces start and stop on stderr unless told to keep quiet.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    with torch.autograd.profiler.profile(use_kineto=False, profile_memory=True) as profile:
        yield watch
    results: Any = profile.kineto_results
    watch.finish_on_cpu(results.events())
