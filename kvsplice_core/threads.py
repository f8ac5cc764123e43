"""How many CPU threads an application gives to torch; imports torch only when it limits them."""

from __future__ import annotations

import os


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
