"""Models, cards and prompts for the tests of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import pytest
import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from kvsplice_core.codec.card import Card, full_rank
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.grouping import Grouping
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.projection import Unprojected
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.transforms.identity import Identity
from kvsplice_core.language.models import LanguageModel
from tests.kvsplice_core.makers import corrected, quantized, transform_of
from tests.language_models import CONTEXT, pca_card, some_documents, tiny_gpt2, tiny_llama

MODELS = {"gpt2": tiny_gpt2, "llama": tiny_llama}
SIDES = {"v": {}, "k": {"values": False, "keys": True}, "both": {"keys": True}}


def card_of(language: LanguageModel, sides: str, k: int) -> Card:
    """Return a PCA card of V, K or both."""
    return pca_card(language, k, **SIDES[sides])


def exact_card(language: LanguageModel, sides: str = "both") -> Card:
    """Return a card at k = d, whose reconstruction is the identity up to rounding."""
    return card_of(language, sides, 4).replace_codecs(full_rank)


@contextmanager
def attention(language: LanguageModel, kind: str) -> Iterator[None]:
    """Run the shared model with ``sdpa`` or ``eager``."""
    config = language.model.config
    before = config._attn_implementation
    config._attn_implementation = kind
    try:
        yield
    finally:
        config._attn_implementation = before


def ids_of(language: LanguageModel, length: int = 40, document: int = 2) -> Tensor:
    """Return a prompt (1, length)."""
    text = some_documents()[document].text
    return torch.tensor([language.tokenizer(text)["input_ids"][:length]])


@torch.no_grad()
def logits_of(language: LanguageModel, ids: Tensor, cache, piece: int | None = None) -> Tensor:
    """Return the logits (batch, tokens, vocab) of a text read `piece` tokens at once."""
    pieces = torch.split(ids, piece or ids.shape[1], dim=1)
    return torch.cat([language.model(part, past_key_values=cache).logits for part in pieces], dim=1)


def held_by(language: LanguageModel, ids: Tensor) -> DynamicCache:
    """Return the dense cache of a text."""
    cache = DynamicCache()
    logits_of(language, ids, cache)
    return cache


def codec_of(rows: Tensor, method: Method, k: int) -> Codec:
    """Return a codec of any method for rows (n, d), its transform rough but seeded."""
    rows = rows.contiguous()
    transform = transform_of(method, rows, 0.3 if method is Method.SPLINE else 0.05)
    pca = fit_pca(transform.forward(rows))
    return Codec(transform, pca.projection(k))


def method_card(language: LanguageModel, method: Method, k: int, **sides: bool) -> Card:
    """Return a card of V (or K, or both) whose heads have transforms of `method`."""
    whole = held_by(language, ids_of(language, CONTEXT, document=0))

    def made(name: str) -> dict[int, HeadCodecs]:
        return {
            layer: HeadCodecs(
                tuple(codec_of(x, method, k) for x in getattr(held, name)[0]), held.keys.shape[1]
            )
            for layer, held in enumerate(whole.layers)
        }

    card = Card(
        language.facts,
        values=made("values"),
        provenance=Provenance(training={"method": method.key}),
    )
    return replace(card, keys=made("keys")) if sides.get("keys") else card


@dataclass(frozen=True)
class Composed:
    """A codec of more parts than a transform and PCA; k = d where none is given."""

    grouping: str = "each"
    quantizer: Quantization | None = None
    decoder: Decoding | None = None
    k: int | None = None
    has_basis: bool = True

    def fitted(self, rows: Tensor) -> Codec:
        """Return one of them, for rows (n, d)."""
        dim = rows.shape[1]
        basis = fit_pca(rows).projection(self.k or dim) if self.has_basis else Unprojected(dim)
        codec = Codec(Identity(dim), basis)
        if self.decoder is not None:
            codec = corrected(codec, rows, self.decoder)
        return codec if self.quantizer is None else quantized(codec, rows, self.quantizer)

    def layer(self, x: Tensor) -> HeadCodecs:
        """Return the codecs of a layer for its vectors (heads, tokens, d)."""
        grouping, heads = Grouping.of(self.grouping), len(x)
        span = grouping.span(heads)
        joined = x.transpose(0, 1).reshape(x.shape[1], heads // span, -1)
        if grouping.codecs(heads) == 1:
            return HeadCodecs((self.fitted(joined.flatten(0, 1)),), heads, span)
        return HeadCodecs(tuple(self.fitted(group) for group in joined.unbind(1)), heads, span)


COMPOSED = {
    "joined levels": Composed("joined", Quantization.LLOYD_MAX),
    "blocks of int4": Composed("blocks:2", Quantization.INT4),
    "plain rounding": Composed("each", Quantization.ROUNDING, has_basis=False),
    "pooled companded": Composed("pooled", Quantization.COMPANDED, k=12),
    "quadratic": Composed("each", decoder=Decoding.QUADRATIC, k=5),
    "pooled quadratic": Composed("pooled", decoder=Decoding.QUADRATIC, k=5),
    "joined quadratic int8": Composed("joined", Quantization.INT8, Decoding.QUADRATIC, k=9),
    "joined": Composed("joined", k=9),
}


every_composed = pytest.mark.parametrize(
    "name",
    [
        name
        if name in ("joined levels", "quadratic")
        else pytest.param(name, marks=pytest.mark.slow)
        for name in COMPOSED
    ],
)
"""Two of them always, the others where slow tests run."""


def composed_card(language: LanguageModel, name: str, sides: str = "both") -> Card:
    """Return a card of V, K or both whose layers have codecs of one of `COMPOSED`."""
    return _composed_card(language.name.removeprefix("tiny-"), name, sides)


@cache
def _composed_card(model: str, name: str, sides: str) -> Card:
    language = MODELS[model]()
    held = held_by(language, ids_of(language, CONTEXT, document=0)).layers

    def made(side: str) -> dict[int, HeadCodecs]:
        return {i: COMPOSED[name].layer(getattr(one, side)[0]) for i, one in enumerate(held)}

    kept = {"values": True, "keys": False} | SIDES[sides]
    return Card(language.facts, **{side: made(side) if kept[side] else {} for side in kept})


class Reconstructing(DynamicLayer):
    """Keeps what the codecs give back, in full: what a compressed layer must equal."""

    def __init__(self, keys: HeadCodecs | None, values: HeadCodecs | None) -> None:
        super().__init__()
        self.codecs = keys, values

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object):
        restored = (
            x if codecs is None else codecs.reconstruct(x)
            for codecs, x in zip(self.codecs, (key_states, value_states), strict=True)
        )
        return super().update(*restored, *args, **kwargs)


def reconstructing_cache(card: Card) -> Cache:
    """Return a cache of the usual kind of what the card gives back."""
    places = range(card.model.layers)
    return Cache(layers=[Reconstructing(card.keys.get(i), card.values.get(i)) for i in places])
