"""The language model that was used last: the next job takes it as it is; torch comes with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvsplice_core.language.models import LanguageModel


@dataclass(frozen=True)
class _Key:
    """What a model was loaded from and to; `changed` is the newest file of its folder."""

    name: str
    device: str
    dtype: str
    changed: int


_held: dict[_Key, LanguageModel] = {}


def held_model(name: str, device: str, dtype: str = "float32") -> LanguageModel:
    """Return a model, loaded only where it is not the last one; only one is ever held.

    Parameters
    ----------
    name : str
        ``gpt2-mini``, a folder or a hub id.
    device : str
        As `resolve_device` takes it.
    dtype : str
        What weights and cache are computed in.

    Raises
    ------
    LanguageModelError
        If it cannot be loaded.
    """
    import torch

    from kvsplice_core.base.devices import resolve_device
    from kvsplice_core.language.models import load_model

    place = str(resolve_device(device))
    key = _Key(name, place, dtype, _changed(name))
    language = _held.get(key)
    if language is None:
        _held.clear()  # first, so that never two are in memory
        language = load_model(name, device=place, dtype=getattr(torch, dtype))
        _held[key] = language
    return language


def _changed(name: str) -> int:
    """Return when the newest file of a model's folder was written, ns; 0 where it is no folder."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return 0
    return max(path.stat().st_mtime_ns for path in (folder, *folder.iterdir()))
