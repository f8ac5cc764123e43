"""``kvsplice diagnose``: what this machine offers, found out without loading torch or Qt."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.devices import default_threads, usable_cores
from kvsplice_core.cli.console import print_table
from kvsplice_core.cli.options import new_command
from kvsplice_core.version import __version__

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands

_LIBRARIES = ("torch", "numpy", "safetensors", "PyQt6", "pyqtgraph", "matplotlib", "rich")
_QT_NEEDS = (
    "libEGL.so.1",
    "libGL.so.1",
    "libglib-2.0.so.0",
    "libxkbcommon.so.0",
    "libfontconfig.so.1",
    "libdbus-1.so.3",
)


def add_to(commands: Commands) -> None:
    """Add the command."""
    new_command(commands, "diagnose", "Show versions, devices and what may be missing", _run)


def _run(_: argparse.Namespace) -> int:
    rows = [
        ("kvsplice", __version__),
        ("python", f"{platform.python_version()} ({sys.executable})"),
        ("system", platform.platform()),
        *((name, _version(name)) for name in _LIBRARIES),
        ("devices", _devices()),
        ("cores", f"{usable_cores()} usable, torch gets {default_threads()}"),
        ("memory", _memory()),
        ("display", _display()),
        ("Qt", _qt()),
    ]
    print_table(("what", "found"), rows)
    return 0


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"


def _devices() -> str:
    devices = ["cpu"]
    if Path("/proc/driver/nvidia/version").exists():
        works = "+cpu" not in _version("torch")
        devices.append("cuda" if works else "cuda (this torch was built without it)")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        devices.append("mps")
    return ", ".join(devices)


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{total / 2**30:.1f} GiB"


def _display() -> str:
    if sys.platform in ("darwin", "win32"):
        return "native"
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return f"{name}={os.environ[name]}"
    return "none (neither DISPLAY nor WAYLAND_DISPLAY is set)"


def _qt() -> str:
    # Only the package itself is looked up: looking up a module of it would import it.
    if find_spec("PyQt6") is None:
        return "missing"
    missing = [name for name in _QT_NEEDS if not _loads(name)] if sys.platform == "linux" else []
    return f"system libraries missing: {', '.join(missing)}" if missing else "found"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
