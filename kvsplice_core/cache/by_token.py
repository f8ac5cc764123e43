"""Reading a windowed cache token by token, but in one pass.

A window is counted from the token that reads: the query at position p sees the newest W tokens up
to p raw. A pass over many tokens at once has one V for all its queries, so the cache alone can
only count from the last of them. Here attention overlays, for every query, the tokens that query
would see raw if the text came token by token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.cache.compressed import CompressedCache
from kvsplice_core.cache.layers import CompressedLayer, Side
from kvsplice_core.language.attention import AttentionCall, attention_through


@contextmanager
def by_token(model: Any, cache: CompressedCache) -> Iterator[None]:  # noqa: ANN401
    """Let every query read what it would read token by token, however long a pass is.

    Inside the block ``model.generate`` gives one and the same text whether it decodes greedily,
    with prompt lookup or with an assistant. Passes of the model with another cache are left alone
    (a model may assist itself).

    Parameters
    ----------
    model : PreTrainedModel
    cache : CompressedCache
        In window mode; a strict one is read the same way by every query, and nothing is changed.
    """
    layers = cache.layers

    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = layers[call.layer]
        if not layer.is_read_next:
            return call.compute()  # it read another cache
        layer.is_read_next = False
        return _attend(call, layer)

    if not any(side.raw for layer in layers for side in (layer.key_side, layer.value_side)):
        yield  # strict: every query reads the same
        return
    for layer in layers:
        layer.reads_by_token, layer.is_read_next = True, False
    try:
        with attention_through(model, answer):
            yield
    finally:
        for layer in layers:
            layer.reads_by_token = False


def _attend(call: AttentionCall, layer: CompressedLayer) -> tuple[Tensor, Tensor]:
    queries, tokens = call.query.shape[2], call.key.shape[2]
    newest = _newest(layer)
    first = tokens - newest
    seen_raw = _seen_raw(queries, tokens, first, _window(layer), call.query.device)
    scores = call.scores(call.key)
    raw_key = _raw(layer.key_side, call.key)
    if raw_key is not None:
        raw_scores = call.scores(raw_key, mask_from=first)
        scores[..., first:] = torch.where(seen_raw, raw_scores, scores[..., first:])
    weights = call.softmax(scores)
    output = weights @ call.for_queries(call.value)
    raw_value = _raw(layer.value_side, call.value)
    if raw_value is not None:
        missed = call.for_queries(raw_value - call.value[:, :, first:])
        output = output + (weights[..., first:] * seen_raw) @ missed
    return output.transpose(1, 2), weights


def _seen_raw(queries: int, tokens: int, first: int, window: int, device: torch.device) -> Tensor:
    """Whether a query (rows) sees a token from `first` on (columns) raw."""
    place = torch.arange(tokens - queries, tokens, device=device)[:, None]
    token = torch.arange(first, tokens, device=device)[None]
    return token > place - window


def _newest(layer: CompressedLayer) -> int:
    raws = [side.raw for side in (layer.key_side, layer.value_side) if side.raw is not None]
    return max((raw.newest.shape[2] for raw in raws if raw.newest is not None), default=0)


def _window(layer: CompressedLayer) -> int:
    raws = [side.raw for side in (layer.key_side, layer.value_side) if side.raw is not None]
    return raws[0].window.newest if raws else 0


def _raw(side: Side, read: Tensor) -> Tensor | None:
    """Return the raw vectors of the newest tokens, or None where the side is dense."""
    if side.raw is None or side.raw.newest is None:
        return None
    return side.raw.newest.to(read)
