"""Measuring real caches, as a generator over the core; torch is imported when it runs."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kvsplice_core.errors import SpecError
from kvsplice_core.measured_memory import MeasuredMemory, MeasureSpec
from kvsplice_gui.capture_wish import short_name
from kvsplice_gui.held_model import held_model
from kvsplice_gui.jobs import Note
from kvsplice_gui.quality.jobs import card_job, scaled
from kvsplice_gui.quality.state import CardKey

if TYPE_CHECKING:
    from kvsplice_core.card import Card

DTYPES = {2: "bfloat16", 4: "float32"}
"""What a model is computed in, by the bytes of a number of its K and V."""

_CARD_SHARE = 0.6


@dataclass(frozen=True)
class MeasureWish:
    """Which cache to measure.

    Parameters
    ----------
    key : CardKey
        The codecs in it.
    model : str
        ``gpt2-mini``, a folder or a hub id.
    element_bytes : int
        Bytes of a number of K and V: 2 or 4.
    tokens : int
        Longest sequence, as far as the model reads.
    batch : int
        Sequences at once.

    Raises
    ------
    SpecError
        If no model keeps numbers of that size.
    """

    key: CardKey
    model: str
    element_bytes: int
    tokens: int
    batch: int

    def __post_init__(self) -> None:
        if self.element_bytes not in DTYPES:
            raise SpecError(
                "a real cache is measured with K and V of 2 or 4 bytes a number; "
                f"got {self.element_bytes}"
            )


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured, the card it is of, and how it was asked for."""

    result: MeasuredMemory
    card: Card
    wish: MeasureWish


def measure_job(wish: MeasureWish, card: Card | None = None) -> Generator[Any, None, Measurement]:
    """Calibrate every head, unless `card` is given; then count real bytes and time decoding."""
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.cache.measuring import measure_memory
    from kvsplice_core.threads import limit_threads

    limit_threads()
    start = 0.0 if card is not None else _CARD_SHARE
    card = card or (yield from scaled(card_job(wish.key), 0.0, _CARD_SHARE))
    yield Note(f"Loading {short_name(wish.model)}…")
    dtype = DTYPES[wish.element_bytes]
    language = held_model(wish.model, wish.key.calibration.device, dtype)
    spec = MeasureSpec.up_to(min(wish.tokens, language.context), batch=wish.batch)
    work = measure_memory(language, card, spec)
    result: MeasuredMemory = yield from scaled(work, start, 1.0)
    return Measurement(result, card, wish)
