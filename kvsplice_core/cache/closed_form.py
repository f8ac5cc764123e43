"""What the caches of a card weigh in closed form: V, K or both, heads of any k, windows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace

from kvsplice_core.cache.formula import codec_numbers
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.codec.card import Card
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.transforms.spec import TransformSpec
from kvsplice_core.tasks.measure import HeldBytes

_FP32 = 4


def dense_bytes(card: Card, tokens: int, batch: int, element_bytes: int) -> HeldBytes:
    """Return the bytes of the uncompressed cache of the card's model."""
    model = card.model
    side = model.layers * model.kv_heads * model.head_dim * tokens * batch * element_bytes
    return HeldBytes(side, side)


def card_bytes(
    card: Card, tokens: int, batch: int, element_bytes: int, window: Window | None = None
) -> HeldBytes:
    """Return the bytes of the card's cache; numbers that are kept are as wide as dense ones.

    For one k in all layers and V alone this is what `cache_memory.weigh` says.
    """
    sides = (card.keys, card.values)
    keys, values = (tokens * batch * _bytes_per_token(card, side, element_bytes) for side in sides)
    raw = sum(_raw_per_token(side) for side in sides) * batch * element_bytes
    layers = [codecs for side in sides for codecs in side.values()]
    codecs = sum(_codec_bytes(codec) for layer in layers for codec in layer.codecs)
    return HeldBytes(keys, values, raw * _raw_tokens(tokens, window), codecs)


def break_even_tokens(
    card: Card,
    batch: int,
    element_bytes: int,
    window: Window | None = None,
    side: int | None = None,
) -> int | None:
    """Return the fewest tokens at which the card's cache is no larger than dense; None if never.

    `side` replaces the side information of the closed form by a measured one.
    """

    def excess(tokens: int) -> int:
        whole = card_bytes(card, tokens, batch, element_bytes, window)
        codecs = whole.side if side is None else side
        dense = dense_bytes(card, tokens, batch, element_bytes)
        return whole.total - whole.side + codecs - dense.total

    full = 1 if window is None else max(1, window.newest, window.sinks)
    saved = excess(full) - excess(full + 1)  # a token, once the window is full
    if saved <= 0:
        return None
    most = full + max(0, -(-excess(full) // saved))
    # The excess is concave in the tokens and starts above 0, so it crosses 0 once.
    return 1 + bisect_left(range(1, most + 1), True, key=lambda tokens: excess(tokens) <= 0)


def _bytes_per_token(card: Card, side: Mapping[int, HeadCodecs], element_bytes: int) -> int:
    dense = card.model.kv_heads * card.model.head_dim * element_bytes
    return sum(
        side[layer].bytes_per_token(element_bytes) if layer in side else dense
        for layer in range(card.model.layers)
    )


def _raw_per_token(side: Mapping[int, HeadCodecs]) -> int:
    return sum(codecs.heads * codecs.dim for codecs in side.values())


def _raw_tokens(tokens: int, window: Window | None) -> int:
    """Return how many tokens are raw; one that is first and newest is held twice."""
    if window is None:
        return 0
    return min(tokens, window.sinks) + min(tokens, window.newest)


def _codec_bytes(codec: Codec) -> int:
    """Weigh one codec; transforms and parts that no formula describes by what they hold."""
    if not codec.is_plain:
        once = replace(codec, projection=codec.projection.shared())
        return HeadCodecs((once,), heads=1).nbytes()
    if not codec.method.is_learnt:
        return _FP32 * codec_numbers(codec.method, codec.dim, codec.k, TransformSpec())
    bottleneck = 2 * codec.dim * codec.k + 2 * codec.dim
    tables = codec.transform.tensors().values()
    return _FP32 * (bottleneck + sum(table.numel() for table in tables))
