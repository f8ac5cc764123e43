"""What attention really reads, taken where attention is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.proof.reading import CacheReader, read
from kvsplice_core.proof.watching import ReadErrors, record_updates

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card

_SINGLE = 3


def read_errors(reader: CacheReader, card: Card, ids: Tensor) -> ReadErrors:
    """Return how far attention's K and V are from the card's own reconstruction.

    The text goes through one cache in one pass, and through another as generation does: half of
    it, then nearly all of the rest, then single tokens. Raw K and V are taken where the model hands
    them to the cache, with the layer's number; what attention reads is taken where attention is
    computed. Each side of each layer must be the card's codec of that very layer, applied to the
    raw vectors; a side without codecs must be raw.

    Parameters
    ----------
    reader : CacheReader
    card : Card
    ids : Tensor, shape (1, tokens)

    Returns
    -------
    ReadErrors
        Its error is NaN where no token is read compressed.
    """
    found = ReadErrors()
    tokens = ids.shape[1]
    for lengths in ((tokens,), _as_generated(tokens)):
        _read_watched(reader, card, torch.split(ids, list(lengths), dim=1), found)
    if not found.vectors:
        found.error = float("nan")
    return found


def _as_generated(tokens: int) -> tuple[int, ...]:
    """Return lengths of passes: half, the rest less a few, then one by one."""
    single = min(_SINGLE, tokens // 4)
    half = tokens // 2
    return (half, tokens - half - single, *[1] * single)


def _read_watched(
    reader: CacheReader, card: Card, parts: Sequence[Tensor], found: ReadErrors
) -> None:
    cache = reader.cache(card)
    given = record_updates(cache)

    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        tokens = reader.compressed(call.key.shape[2], by_token=False)
        found.compare(call.layer, card, given, (call.key, call.value), tokens)
        return call.compute()

    with attention_through(reader.language.model, answer):
        for part in parts:
            read(reader.language, cache, part)
