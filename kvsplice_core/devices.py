"""Choosing where to compute."""

from __future__ import annotations

import torch

from kvsplice_core.errors import SpecError


def available_devices() -> tuple[str, ...]:
    """Return the devices torch can use here, the fastest first; always ends in ``cpu``."""
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
    present = available_devices()
    if name == "auto":
        return torch.device(present[0])
    kind, _, index = name.partition(":")
    numbered = kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()
    if kind not in present or not (name == kind or numbered):
        raise SpecError(f"the device must be one of {', '.join(present)} here; got {name!r}")
    return torch.device(name)
