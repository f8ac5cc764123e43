"""Checks of the places to write to, made before the long work starts."""

from __future__ import annotations

import os
from pathlib import Path

from kvsplice_core.errors import SpecError


def check_file(option: str, text: str, suffix: str) -> Path:
    """Return the file `option` names.

    Raises
    ------
    SpecError
        If it does not end in `suffix`, is a folder, or its folder cannot be written or made.
    """
    path = Path(text)
    if path.suffix.lower() != suffix:
        raise SpecError(f"{option} must name a file ending in {suffix}; got {text!r}")
    if path.is_dir():
        raise SpecError(f"{option} must name a file; {text!r} is a folder")
    _require_writable(option, path.parent)
    return path


def check_folder(option: str, text: str) -> Path:
    """Return the folder `option` names; it is made when first written.

    Raises
    ------
    SpecError
        If it is a file, or cannot be written or made.
    """
    _require_writable(option, Path(text))
    return Path(text)


def _require_writable(option: str, folder: Path) -> None:
    present = folder.absolute()
    while not present.exists():
        present = present.parent
    if not present.is_dir():
        raise SpecError(f"{option} must lie in a folder; {str(present)!r} is a file")
    if not os.access(present, os.W_OK | os.X_OK):
        raise SpecError(f"{option} must lie where one may write; {str(present)!r} is read-only")
