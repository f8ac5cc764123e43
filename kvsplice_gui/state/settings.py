"""What is remembered between starts; the only place that makes a QSettings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QByteArray, QSettings

NAME = "KVSplice"
FOLDER_VARIABLE = "KVSPLICE_SETTINGS"
RECENT_LIMIT = 10

_RECENT = "recent_files"
_SESSION = "session"
_MODELS = "recent_models"
_CAPTURE_FOLDER = "capture_folder"


def open_settings() -> QSettings:
    """Return the application's settings.

    They lie where the platform keeps them, or in the folder named by the environment variable
    ``KVSPLICE_SETTINGS``, as an ini file.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return QSettings(str(Path(folder) / f"{NAME}.ini"), QSettings.Format.IniFormat)
    return QSettings(NAME, NAME)


def recent_files() -> list[Path]:
    """Return the files opened last, the newest first; only those that still exist."""
    return [path for path in _stored_recent_files() if path.is_file()]


def add_recent_file(path: str | Path) -> None:
    """Put `path` in front of the recent files."""
    added = Path(path).absolute()
    others = [known for known in recent_files() if known != added]
    _store_json(_RECENT, [str(known) for known in [added, *others][:RECENT_LIMIT]])


def clear_recent_files() -> None:
    """Forget every recent file."""
    open_settings().remove(_RECENT)


def recent_models() -> list[str]:
    """Return the models captured from last, the newest first."""
    names = _load_json(_MODELS)
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def add_recent_model(name: str) -> None:
    """Put `name` in front of the recent models."""
    others = [known for known in recent_models() if known != name]
    _store_json(_MODELS, [name, *others][:RECENT_LIMIT])


def capture_folder() -> Path | None:
    """Return the folder of the last capture, or None if there is none any more."""
    name = _load_json(_CAPTURE_FOLDER)
    return Path(name) if isinstance(name, str) and Path(name).is_dir() else None


def save_capture_folder(folder: Path) -> None:
    """Remember the folder of a capture."""
    _store_json(_CAPTURE_FOLDER, str(folder))


def save_bytes(key: str, value: QByteArray) -> None:
    """Store what ``saveGeometry`` or ``saveState`` gave under `key`."""
    open_settings().setValue(f"window/{key}", value)


def load_bytes(key: str) -> QByteArray:
    """Return what was stored under `key`; empty when nothing was."""
    value = open_settings().value(f"window/{key}")
    return value if isinstance(value, QByteArray) else QByteArray()


def save_session(session: dict[str, Any]) -> None:
    """Store what the next start restores; `session` must be writable as JSON."""
    _store_json(_SESSION, session)


def load_session() -> dict[str, Any]:
    """Return the stored session; empty when there is none or it cannot be read."""
    session = _load_json(_SESSION)
    return session if isinstance(session, dict) else {}


def _stored_recent_files() -> list[Path]:
    names = _load_json(_RECENT)
    if not isinstance(names, list):
        return []
    return [Path(name) for name in names if isinstance(name, str)]


def _store_json(key: str, value: object) -> None:
    # QSettings gives a list of one back as a string and numbers as text; JSON keeps the types.
    open_settings().setValue(key, json.dumps(value))


def _load_json(key: str) -> object:
    text = open_settings().value(key)
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
