"""The version, and those of the libraries a result depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__version__ = "0.1.0"


def library_versions() -> dict[str, str]:
    """Return the versions of kvsplice, python and the numeric libraries, without importing them."""
    found = {"kvsplice": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "transformers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
