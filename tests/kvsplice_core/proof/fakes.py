"""Caches that only seem to compress; the audit must expose each."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.layers import CompressedLayer
from kvsplice_core.language.models import LanguageModel
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.tasks.evaluate import EvalSpec


class OriginalsAtTimes(CompressedLayer):
    """Compresses on write, but keeps originals beside and hands them out at times."""

    originals: tuple[Tensor, Tensor] | None = None
    updates = 0

    def lies(self, new: int) -> bool:
        """Whether an update of so many tokens hands out originals."""
        del new
        return True

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object):
        honest = super().update(key_states, value_states, *args, **kwargs)
        new = (key_states, value_states)
        if self.originals is not None:
            new = tuple(torch.cat(pair, dim=-2) for pair in zip(self.originals, new, strict=True))
        self.originals = new
        self.updates += 1
        return new if self.lies(key_states.shape[-2]) else honest


class OriginalsOnPrefill(OriginalsAtTimes):
    """Compresses from the second update on."""

    def lies(self, new: int) -> bool:
        return self.updates == 1


class OriginalsAfterwards(OriginalsAtTimes):
    """Compresses on the first update alone."""

    def lies(self, new: int) -> bool:
        return self.updates > 1


class OriginalsOnDecoding(OriginalsAtTimes):
    """Compresses unless a token comes by itself."""

    def lies(self, new: int) -> bool:
        return new == 1


def originals_beyond(tokens: int) -> Any:
    """Return what makes caches that compress no pass of more than `tokens` tokens."""

    class OriginalsOnLongPasses(OriginalsAtTimes):
        def lies(self, new: int) -> bool:
            return new > tokens

    return _with_layers(OriginalsOnLongPasses)


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


def plant(monkeypatch: Any, make_cache: Any) -> None:
    """Let every bench set up from now on read through caches that `make_cache` makes."""
    reader_of = CacheReader.of

    def planted(language: LanguageModel, spec: EvalSpec, _honest: object = None) -> CacheReader:
        return reader_of(language, spec, make_cache)

    monkeypatch.setattr(CacheReader, "of", planted)


def as_the_last_of(makers: list[Any]) -> Any:
    """Return what makes caches as the last of `makers` does, which may change in between."""

    def make(model, card, *, mode, window):
        return makers[-1](model, card, mode=mode, window=window)

    return make


originals_on_prefill = _with_layers(OriginalsOnPrefill)
never_read = _with_layers(OriginalsAtTimes)

FAKES = {
    "originals on prefill": originals_on_prefill,
    "originals after the prefill": _with_layers(OriginalsAfterwards),
    "originals on decoding": _with_layers(OriginalsOnDecoding),
    "originals on long passes": originals_beyond(50),
    "compressed but never read": never_read,
    "wrong layer order": wrong_order,
}
