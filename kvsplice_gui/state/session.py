"""Wishes as JSON and back, for the next start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.base.options import entries, from_settings, settings
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.wishes import MemoryWish, Wishes, memory_spec

Kind = TypeVar("Kind", bound=Wishes)


def session_of(wishes: Wishes) -> dict[str, Any]:
    """Return the wishes as plain JSON values."""
    return settings(wishes)


def wishes_of(session: Mapping[str, Any]) -> Wishes:
    """Return the wishes a session holds; the defaults where it is foreign or of another version."""
    return read(Wishes, session)


def read(kind: type[Kind], session: Mapping[str, Any]) -> Kind:
    """Return the wishes of a kind that a session holds; the defaults where it is foreign."""
    try:
        wishes = from_settings(kind, _nested(session))
        wishes.require_valid()
    except KVSpliceError:
        return kind()
    try:
        memory_spec(wishes, wishes.k)
    except KVSpliceError:  # a config.json that has gone takes only the memory wishes with it
        return replace(wishes, memory=MemoryWish())
    return wishes


def _nested(session: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a session with the fields of its calibration in one place; once they stood apart."""
    names = {entry.name for entry in entries(CalibrationSpec)}
    apart = {name: session[name] for name in names.intersection(session)}
    return {**session, "calibration": apart} if apart else session
