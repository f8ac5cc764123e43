"""Updating a saved codec, as a generator over the core; torch is imported when it runs."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from kvsplice_core.updates import Adapted, UpdateSpec, UpdateStep
from kvsplice_gui.jobs import Dataset, Note


@dataclass(frozen=True)
class UpdateWish:
    """Which codec to update, and how much it shall forget (0 … 1)."""

    path: str
    forget: float = 0.0


def update_job(
    dataset: Dataset, wish: UpdateWish, spec: UpdateSpec
) -> Generator[Note | UpdateStep, None, Adapted]:
    """Read a codec and go on with it on the open vectors."""
    yield Note(f"Reading {Path(wish.path).name}…")
    from kvsplice_core.adapting import adapt
    from kvsplice_core.codec_file import load_codec, load_history

    codec, history = load_codec(wish.path), load_history(wish.path)
    return (yield from adapt(codec, history, dataset.values, spec))


def save_adapted(adapted: Adapted, path: Path) -> None:
    """Save an updated codec with its history, so that it can be updated again."""
    from kvsplice_core.codec_file import save_codec

    save_codec(adapted.codec, path, adapted.history)
