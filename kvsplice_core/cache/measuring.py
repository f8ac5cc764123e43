"""Measuring real caches: the bytes they hold, and what decoding with them costs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from kvsplice_core.base.progress import Step
from kvsplice_core.cache.closed_form import break_even_tokens, card_bytes, dense_bytes
from kvsplice_core.cache.compressed import CacheMode, CompressedCache, cache_for
from kvsplice_core.cache.decoding import DecodeTimer, held_bytes, read
from kvsplice_core.cache.folded import why_not_folded
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.cache.verdict import verdict_on
from kvsplice_core.codec.card import Card
from kvsplice_core.language.models import LanguageModel
from kvsplice_core.tasks.measure import (
    COMPRESSED,
    DENSE,
    FOLDED,
    DecodeCost,
    MeasuredMemory,
    MeasureSpec,
    MemoryPoint,
)

_SHARE_OF_BYTES = 0.3

MakeCache = Callable[[], CompressedCache]


def measure_memory(
    language: LanguageModel, card: Card, spec: MeasureSpec | None = None
) -> Generator[Step[MemoryPoint], None, MeasuredMemory]:
    """Count the bytes of real caches as tokens grow, then time decoding with each of them.

    Dense, compressed and (where the decoder can be folded) folded decoding take turns in one run,
    so that whatever else the machine does falls on all of them.

    Parameters
    ----------
    language : LanguageModel
        Reads random tokens; its dtype is the caches'.
    card : Card
        What to compress.
    spec : MeasureSpec, optional
        Lengths, turns, batch.

    Returns
    -------
    MeasuredMemory
        Bytes beside the closed form, seconds and peak memory of decoding, and a verdict.

    Raises
    ------
    LanguageModelError
        If the card does not fit the model.
    SpecError
        If a length is more than the model reads.
    """
    spec = spec or MeasureSpec()
    mode = CacheMode.WINDOW if spec.windowed else CacheMode.STRICT
    lengths, before = spec.lengths(language.context), spec.decode_length(language.context)

    def make() -> CompressedCache:
        return cache_for(language.model, card, mode=mode)

    points = yield from _count_bytes(language, card, spec, lengths, make)
    costs = yield from _time_decoding(language, spec, before, make)
    size = spec.batch, language.model.dtype.itemsize
    pays_from = break_even_tokens(card, *size, _window(spec), points[-1].compressed.side)
    reason = why_not_folded(make(), language.model)
    return MeasuredMemory(
        model=language.name,
        card=card.title,
        compresses=" and ".join(n for n, of in (("V", card.values), ("K", card.keys)) if of),
        dtype=str(language.model.dtype).removeprefix("torch."),
        device=str(language.device),
        points=points,
        break_even_tokens=pays_from,
        decode_tokens=before,
        batch=spec.batch,
        costs=costs,
        why_not_folded=reason,
        verdict=verdict_on(points, pays_from, costs, reason),
    )


def _window(spec: MeasureSpec) -> Window | None:
    return Window() if spec.windowed else None


def _some_tokens(language: LanguageModel, spec: MeasureSpec, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(spec.seed)
    vocabulary = language.model.config.get_text_config().vocab_size
    ids = torch.randint(vocabulary, (spec.batch, count), generator=generator)
    return ids.to(language.device)


def _count_bytes(
    language: LanguageModel,
    card: Card,
    spec: MeasureSpec,
    lengths: tuple[int, ...],
    make: MakeCache,
) -> Generator[Step[MemoryPoint], None, tuple[MemoryPoint, ...]]:
    """Grow a dense and a compressed cache through the lengths."""
    dense, compressed = DynamicCache(), make()
    ids = _some_tokens(language, spec, lengths[-1])
    size = spec.batch, language.model.dtype.itemsize
    points: list[MemoryPoint] = []
    for length, before in zip(lengths, (0, *lengths), strict=False):
        for cache in (dense, compressed):
            read(language.model, ids[:, before:length], cache)
        points.append(
            MemoryPoint(
                length,
                dense=held_bytes(dense),
                compressed=held_bytes(compressed),
                formula_dense=dense_bytes(card, length, *size),
                formula=card_bytes(card, length, *size, _window(spec)),
            )
        )
        done = _SHARE_OF_BYTES * length / lengths[-1]
        yield Step(f"counted the bytes of {length} tokens", done, points[-1])
    return tuple(points)


def _time_decoding(
    language: LanguageModel, spec: MeasureSpec, before: int, make: MakeCache
) -> Generator[Step[MemoryPoint], None, tuple[DecodeCost, ...]]:
    """Decode behind `before` tokens with every cache in turns."""
    caches: dict[str, Any] = {DENSE: DynamicCache(), COMPRESSED: make()}
    if not why_not_folded(make(), language.model):
        caches[FOLDED] = make()
    ids = _some_tokens(language, spec, before + spec.steps)
    timers = [DecodeTimer(language.model, name, of, ids, spec.steps) for name, of in caches.items()]
    for turn in range(spec.turns + 1):
        for timer in timers:
            if turn == 0:
                timer.warm_up()
            else:
                timer.take_turn()
        done = _SHARE_OF_BYTES + (1 - _SHARE_OF_BYTES) * (turn + 1) / (spec.turns + 1)
        yield Step(f"decoded, turn {turn} of {spec.turns}", done)
    return tuple(timer.cost() for timer in timers)
