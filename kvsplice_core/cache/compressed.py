"""The cache of a model with the codecs of a card in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.cache.layers import CompressedLayer, Side
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.cache.reachable import reachable_bytes
from kvsplice_core.cache.sinks import left_pads
from kvsplice_core.codec.card import Card
from kvsplice_core.codec.heads import HeadCodecs


class CacheMode(StrEnum):
    """Which tokens attention reads compressed.

    ``STRICT``: every one, the current one too. ``WINDOW``: all but the first and the newest.
    """

    STRICT = "strict"
    WINDOW = "window"


@dataclass(frozen=True)
class StoredBytes:
    """What a cache holds now, counted from its tensors.

    Parameters
    ----------
    keys, values : int
        K and V as they are kept, the raw windows left out.
    raw : int
        Tokens kept raw beside their latents.
    side : int
        The codecs, once per model.
    other : int
        Memory behind any further tensor the cache can reach: normally none; after a crop, what
        the shortened tensors still keep alive until the next update.
    """

    keys: int
    values: int
    raw: int
    side: int
    other: int = 0

    @property
    def total(self) -> int:
        """Everything."""
        return self.keys + self.values + self.raw + self.side + self.other


class CompressedCache(Cache):  # type: ignore[misc]  # transformers has no types here
    """A cache for one generation; make a new one with `cache_for` for the next, or ``reset()``."""

    layers: list[CompressedLayer]

    def stored_bytes(self) -> StoredBytes:
        """Return the bytes it really holds, whatever part of it holds them."""
        keys = sum(_nbytes(layer.keys) for layer in self.layers)
        values = sum(_nbytes(layer.values) for layer in self.layers)
        sides = [side for layer in self.layers for side in (layer.key_side, layer.value_side)]
        raw = sum(side.raw.nbytes for side in sides if side.raw is not None)
        known = StoredBytes(keys, values, raw, sum(_side_bytes(side) for side in sides))
        return replace(known, other=max(0, reachable_bytes(self) - known.total))


def cache_for(
    model: Any,  # noqa: ANN401 - a PreTrainedModel; transformers has no types here
    card: Card,
    *,
    mode: CacheMode | str = CacheMode.STRICT,
    window: Window | None = None,
    attention_mask: Tensor | None = None,
) -> CompressedCache:
    """Return an empty cache that keeps what the card compresses as latents.

    Pass it as ``past_key_values`` to the model or to ``generate``; not together with
    ``cache_implementation``.

    Parameters
    ----------
    model : PreTrainedModel
        The model the card was made for.
    card : Card
        Codecs of V, of K, or of both; layers without one stay dense.
    mode : CacheMode
        ``strict`` or ``window``.
    window : Window, optional
        For ``window``: how many tokens stay raw; the first 4 and the newest 64 when omitted.
    attention_mask : Tensor, optional, shape (batch, tokens)
        For ``window`` and prompts padded on the left: the mask given to the model, by which the
        first tokens that stay raw are each row's own. Without it they are the first columns, so a
        padded row would keep its padding raw and read otherwise than the same prompt alone.

    Raises
    ------
    LanguageModelError
        If the card is for a model of another shape, or for K before its rotary embedding.
    SpecError
        If `attention_mask` has padding elsewhere than on the left; and at the first update, if the
        batch has not its rows or a multiple of them.

    Notes
    -----
    A window is counted from the newest token of a pass. So with ``window``, guesses verified in
    one pass (prompt lookup, an assistant) read a few more tokens compressed than they would one by
    one: the text is valid, but not always the one of greedy decoding. Inside
    ``with by_token(model, cache):`` (`kvsplice_core.cache.by_token`) both are the same. A strict
    cache needs no such thing.

    Examples
    --------
    >>> cache = cache_for(model, card)  # doctest: +SKIP
    >>> model.generate(**inputs, past_key_values=cache)  # doctest: +SKIP
    """
    require_fitting_card(model, card)
    raw = (window or Window()) if CacheMode(mode) is CacheMode.WINDOW else None
    pads = None if attention_mask is None else left_pads(attention_mask)

    def placed(codecs: HeadCodecs | None) -> HeadCodecs | None:
        return None if codecs is None else codecs.packed(model.device)

    layers = [
        CompressedLayer(placed(card.keys.get(i)), placed(card.values.get(i)), raw, pads)
        for i in range(card.model.layers)
    ]
    return CompressedCache(layers=layers)


def require_fitting_card(model: Any, card: Card) -> None:  # noqa: ANN401
    """Raise LanguageModelError unless the card's layers, heads and head_dim are the model's."""
    from kvsplice_core.data.model_shape import shape_of_config

    shape = shape_of_config(model.config.to_dict(), card.model.name)
    wanted = (card.model.layers, card.model.kv_heads, card.model.head_dim)
    got = (shape.layers, shape.kv_heads, shape.head_dim)
    if wanted != got:
        raise LanguageModelError(
            f"the card is for {wanted[0]} layers of {wanted[1]} heads of {wanted[2]}; "
            f"the model has {got[0]} of {got[1]} of {got[2]}"
        )
    if card.keys and card.keys_before_rotary:
        raise LanguageModelError(
            "a cache holds K after its rotary embedding; this card was made for K before it"
        )


def _nbytes(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.nbytes


def _side_bytes(side: Side) -> int:
    return 0 if side.codecs is None else side.codecs.nbytes()
