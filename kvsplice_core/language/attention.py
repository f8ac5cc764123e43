"""The one seam to a model's attention: see what it reads, or answer in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_NAME = "kvsplice"


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One layer's attention, just before it is computed.

    Parameters
    ----------
    layer : int
        Index of the layer.
    query : Tensor, shape (batch, query_heads, queries, head_dim)
    key, value : Tensor, shape (batch, kv_heads, tokens, head_dim)
        Exactly what attention reads.
    mask : Tensor or None, broadcastable to (batch, query_heads, queries, tokens)
        Added to the scores.
    scaling : float or None
        Factor of the scores.
    compute : callable
        The model's own attention: ``compute(value=…)`` with any argument replaced returns
        ``(output (batch, queries, query_heads, dim), weights or None)``.
    options : dict
        What else the model passes (soft cap, sliding window …).
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    scaling: float | None
    compute: Callable[..., tuple[Tensor, Tensor | None]]
    options: dict[str, Any] = field(default_factory=dict)

    def scores(self, key: Tensor, mask_from: int = 0) -> Tensor:
        """Return the masked scores of `key` (batch, kv_heads, tokens, head_dim).

        `mask_from` is the token the mask starts at, where `key` holds the last tokens only.
        """
        scale = self.query.shape[-1] ** -0.5 if self.scaling is None else self.scaling
        scores = self.query @ self.for_queries(key).transpose(-1, -2) * scale
        cap = self.options.get("softcap")
        if cap is not None:
            scores = cap * (scores / cap).tanh()
        return scores if self.mask is None else scores + self.mask[..., mask_from:]

    def weights(self) -> Tensor:
        """Return the attention weights, shape (batch, query_heads, queries, tokens)."""
        return self.softmax(self.scores(self.key))

    def softmax(self, scores: Tensor) -> Tensor:
        """Return the weights that scores (batch, query_heads, queries, tokens) mean."""
        sinks = self.options.get("s_aux")
        if sinks is None:
            return scores.softmax(-1)
        # A learnt sink for each head takes its share of attention and gives nothing (gpt-oss).
        column = sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:-1], 1)
        return torch.cat([scores, column.to(scores)], dim=-1).softmax(-1)[..., :-1]

    def for_queries(self, x: Tensor) -> Tensor:
        """Repeat the KV heads of (batch, kv_heads, tokens, dim) for the query heads they serve."""
        return x.repeat_interleave(self.query.shape[1] // x.shape[1], dim=1)


Answer = Callable[[AttentionCall], tuple[Tensor, Tensor | None]]

_handlers: WeakKeyDictionary[nn.Module, tuple[Answer, str]] = WeakKeyDictionary()


@contextmanager
def attention_through(model: nn.Module, answer: Answer) -> Iterator[None]:
    """Let `answer` compute every attention of `model` inside the block.

    The mask is always explicit here (additive, of the dtype of the queries). Contexts of one
    model do not nest.

    Parameters
    ----------
    model : PreTrainedModel
        A model that uses transformers' attention interface (``sdpa`` or ``eager``).
    answer : callable
        Gets an `AttentionCall`; most return ``call.compute()``.
    """
    _register()
    config: Any = model.config
    before = config._attn_implementation
    if before == _NAME:
        raise RuntimeError("attention_through does not nest")
    modules = list(model.modules())
    for module in modules:
        _handlers[module] = (answer, before)
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        for module in modules:
            _handlers.pop(module, None)


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(_NAME, _dispatch)
    AttentionMaskInterface.register(_NAME, eager_mask)


def _dispatch(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,  # noqa: ANN401 - whatever a model passes on
) -> tuple[Tensor, Tensor | None]:
    answer, implementation = _handlers[module]
    original = _original(module, implementation)

    def compute(**replaced: Tensor) -> tuple[Tensor, Tensor | None]:
        parts = {"query": query, "key": key, "value": value, **replaced}
        result: tuple[Tensor, Tensor | None] = original(
            module, **parts, attention_mask=attention_mask, scaling=scaling, **options
        )
        return result

    layer: Any = module.layer_idx
    return answer(
        AttentionCall(int(layer), query, key, value, attention_mask, scaling, compute, options)
    )


def _original(module: nn.Module, implementation: str) -> Callable[..., Any]:
    from transformers import AttentionInterface

    if implementation == "eager":
        function: Callable[..., Any] = sys.modules[type(module).__module__].eager_attention_forward
        return function
    found: Callable[..., Any] = AttentionInterface()[implementation]
    return found
