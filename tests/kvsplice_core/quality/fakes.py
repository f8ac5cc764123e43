"""Caches that only seem to compress; the audit must expose each."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.cache import cache_for
from kvsplice_core.cache.layers import CompressedLayer


class OriginalsOnPrefill(CompressedLayer):
    """Hands out what it was given on the first update, and compresses from the second on."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object):
        first = self.get_seq_length() == 0
        read = super().update(key_states, value_states, *args, **kwargs)
        return (key_states, value_states) if first else read


class NeverRead(CompressedLayer):
    """Compresses on write, but hands out originals that it keeps beside."""

    originals: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object):
        super().update(key_states, value_states, *args, **kwargs)
        new = (key_states, value_states)
        if self.originals is not None:
            new = tuple(torch.cat(pair, dim=-2) for pair in zip(self.originals, new, strict=True))
        self.originals = new
        return new


def _with_layers(kind: type[CompressedLayer]) -> Any:
    def make(model, card, *, mode, window):
        cache = cache_for(model, card, mode=mode, window=window)
        for layer in cache.layers:
            layer.__class__ = kind
        return cache

    return make


def wrong_order(model, card, *, mode, window):
    """Put the codecs of layer i into layer L − 1 − i."""

    def turned(sides):
        return {card.model.layers - 1 - layer: codecs for layer, codecs in sides.items()}

    turned_card = replace(card, values=turned(card.values), keys=turned(card.keys))
    return cache_for(model, turned_card, mode=mode, window=window)


originals_on_prefill = _with_layers(OriginalsOnPrefill)
never_read = _with_layers(NeverRead)

FAKES = {
    "originals on prefill": originals_on_prefill,
    "compressed but never read": never_read,
    "wrong layer order": wrong_order,
}
