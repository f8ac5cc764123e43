"""What attention really reads, set beside what the card says it should."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.quality.reading import CacheReader, read

if TYPE_CHECKING:
    from kvsplice_core.card import Card


@dataclass(eq=False)
class _Seen:
    """K and V of every layer as the model gave them, and the largest error of what came back."""

    keys: dict[int, list[Tensor]] = field(default_factory=dict)
    values: dict[int, list[Tensor]] = field(default_factory=dict)
    error: float = 0.0
    tokens: int = 0


def read_error(reader: CacheReader, card: Card, ids: Tensor) -> tuple[float, int]:
    """Return how far attention's K and V are from the card's own reconstruction.

    The text goes through the cache in two passes, so that the first update is looked at as well
    as a later one. Raw K and V are taken where the model hands them to the cache, with the
    layer's number; what attention reads is taken where attention is computed. Each side of each
    layer must be the card's codec of that very layer, applied to the raw vectors; a side without
    codecs must be raw.

    Parameters
    ----------
    reader : CacheReader
    card : Card
    ids : Tensor, shape (1, tokens)

    Returns
    -------
    tuple of float and int
        The largest relative error of a layer (NaN where nothing is read compressed), and how many
        tokens were compared in all passes.
    """
    cache, seen = reader.cache(card), _Seen()
    _record_updates(cache, seen)

    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        _compare(call, card, seen, _compressed(reader, call.key.shape[2]))
        return call.compute()

    half = max(1, ids.shape[1] // 2)
    with attention_through(reader.language.model, answer):
        for part in torch.split(ids, [half, ids.shape[1] - half], dim=1):
            if part.shape[1]:
                read(reader.language, cache, part)
    return (seen.error if seen.tokens else float("nan")), seen.tokens


def _record_updates(cache: Any, seen: _Seen) -> None:  # noqa: ANN401
    original = cache.update

    def update(key: Tensor, value: Tensor, layer: int, *args: object, **kwargs: object) -> object:
        seen.keys.setdefault(layer, []).append(key.clone())
        seen.values.setdefault(layer, []).append(value.clone())
        return original(key, value, layer, *args, **kwargs)

    cache.update = update


def _compressed(reader: CacheReader, tokens: int) -> slice:
    """Return the tokens that must be read compressed when a pass ends at `tokens`."""
    if reader.mode == "strict":
        return slice(0, tokens)
    return slice(reader.window.sinks, max(reader.window.sinks, tokens - reader.window.newest))


@torch.no_grad()
def _compare(call: AttentionCall, card: Card, seen: _Seen, tokens: slice) -> None:
    def place(tensor: Tensor) -> Tensor:
        return tensor.to(call.value.device)

    sides = ((card.keys, seen.keys, call.key), (card.values, seen.values, call.value))
    for codecs_of, given, got in sides:
        raw = torch.cat(given[call.layer], dim=-2)[:, :, tokens]
        if not raw.shape[2]:
            continue
        codecs = codecs_of.get(call.layer)
        wanted = raw if codecs is None else codecs.map(place).reconstruct(raw)
        seen.tokens += raw.shape[2]
        seen.error = _larger(seen.error, _relative_error(got[:, :, tokens], wanted))


def _relative_error(got: Tensor, wanted: Tensor) -> float:
    if got.shape != wanted.shape:
        return float("inf")
    missed, size = (got.float() - wanted.float()).norm(), wanted.float().norm()
    return float(missed / size.clamp_min(torch.finfo(torch.float32).tiny))


def _larger(a: float, b: float) -> float:
    return b if b != b or b > a else a  # NaN stays: it must fail
