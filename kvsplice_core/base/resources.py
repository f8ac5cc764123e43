"""Where the bundled files lie: in an installed wheel or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from kvsplice_core.base.errors import KVSpliceError

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_path(*parts: str) -> Path:
    """Return the path of a bundled file.

    Parameters
    ----------
    *parts : str
        Path below ``resources/``, for example ``"samples", "smollm2-v.safetensors"``.

    Raises
    ------
    KVSpliceError
        If the file is not there (a broken installation).
    """
    # The wheel carries the folder inside the package; a checkout has it at its top level.
    for root in (_PACKAGE / "_resources", _PACKAGE.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise KVSpliceError(f"the bundled file {'/'.join(parts)} is missing; reinstall kvsplice")
