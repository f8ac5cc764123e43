"""A cache that keeps nothing and hands over what the model gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from kvsplice_core.language.attention import AttentionCall
from kvsplice_core.language.models import LanguageModel

Record = Callable[[int, Tensor, Tensor], None]
"""Gets the layer, K and V, both (batch, kv_heads, tokens, head_dim)."""


class RecordingLayer(DynamicLayer):  # type: ignore[misc]  # transformers has no types here
    """Hands new K and V to `record` and returns them as they are; stores nothing."""

    def __init__(self, layer: int, record: Record) -> None:
        super().__init__()
        self._layer = layer
        self._record = record

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Take in K and V of a whole window."""
        del args, kwargs
        self._record(self._layer, key_states, value_states)
        return key_states, value_states


@torch.inference_mode()
def read_window(
    language: LanguageModel, tokens: Tensor, record: Record, *, first_position: int = 0
) -> None:
    """Let the model read `tokens` (n,) by themselves, with `record` in the place of its cache.

    No logits are computed.
    """
    layers = [RecordingLayer(i, record) for i in range(language.shape.layers)]
    options: dict[str, Any] = {}
    if first_position:
        positions = torch.arange(first_position, first_position + len(tokens))
        options["position_ids"] = positions[None].to(language.device)
    ids = tokens[None].to(language.device)
    cache = Cache(layers=layers)
    language.model.base_model(input_ids=ids, past_key_values=cache, use_cache=True, **options)


def attention_received(call: AttentionCall, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared attention each key token receives, shape (tokens, kv_heads), fp32.

    The mean goes over the queries that can see the token, and over the query heads of its group;
    `weights` are the call's own where they are at hand.
    """
    weights = call.weights() if weights is None else weights
    squares = weights[0].float().square()  # (query_heads, queries, tokens)
    kv_heads, tokens = call.key.shape[1:3]
    by_group = squares.reshape(kv_heads, -1, *squares.shape[1:]).mean(1).sum(1)
    seen = torch.full((tokens,), squares.shape[1], device=squares.device)
    if call.mask is not None:
        lowest = torch.finfo(call.mask.dtype).min
        seen = (call.mask[0, 0, :, :tokens] > lowest / 2).sum(0).clamp_min(1)
    received: Tensor = by_group / seen  # (kv_heads, tokens)
    return received.T
