"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvsplice_core.base.errors import KVSpliceError


@contextmanager
def atomic_path(path: str | Path, suffix: str | None = None) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`, moved over `path` when the block succeeds.

    The folder is made if it is missing. A block that raises leaves `path` as it was.

    Parameters
    ----------
    path : str or Path
        The file to write.
    suffix : str, optional
        Ending of the temporary file, that of `path` when omitted. One that no reader opens is for
        long writing: a killed process leaves the file behind.

    Raises
    ------
    KVSpliceError
        If the folder cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes 0600 files; what a person exports follows their umask like any other file.
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}-", suffix=suffix or target.suffix, dir=target.parent
        )
        os.close(handle)
    except OSError as error:
        raise KVSpliceError(f"cannot write {target}: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise KVSpliceError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
