"""Choosing where to compute, and on how many threads; torch is imported where it is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError

if TYPE_CHECKING:
    import torch


def available_devices() -> tuple[str, ...]:
    """Return the devices torch can use here, the fastest first; always ends in ``cpu``."""
    import torch

    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str) -> torch.device:
    """Return the torch device meant by `name`; ``auto`` is the fastest there is.

    Raises
    ------
    SpecError
        If that device is not available.
    """
    import torch

    present = available_devices()
    if name == "auto":
        return torch.device(present[0])
    kind, _, index = name.partition(":")
    numbered = kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()
    if kind not in present or not (name == kind or numbered):
        raise SpecError(f"the device must be one of {', '.join(present)} here; got {name!r}")
    return torch.device(name)


def prepare_environment() -> None:
    """Make idle OpenMP threads sleep; call it before torch is first imported.

    On a busy machine spinning threads slow small steps down a hundredfold. A value set by the
    user stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def usable_cores() -> int:
    """Return the CPU cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """Return the threads torch gets by default.

    That is ``OMP_NUM_THREADS`` where the user set it, else all usable cores but one, which stays
    free for the window.
    """
    wished = os.environ.get("OMP_NUM_THREADS", "")
    if wished.isdecimal() and int(wished) >= 1:
        return int(wished)
    return max(1, usable_cores() - 1)


def limit_threads(threads: int | None = None) -> int:
    """Give torch `threads` threads, the default when omitted, and return their number."""
    import torch

    number = default_threads() if threads is None else threads
    torch.set_num_threads(number)
    return number
