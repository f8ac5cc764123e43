"""Attention whose values are k-vectors: narrower than the keys, and fast for one new token.

The fused kernels want values as wide as keys. Where they are not, torch takes a path that copies
all keys to scale them, so that one new token would cost more than with dense values; here the one
query is scaled instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from kvsplice_core.language.projections import attention_modules

_NAME = "kvsplice-latents"
# q_norm, k_layernorm, qk_norm, query_norm, kv_a_layernorm …: of what attention reads.
_NORM_BEFORE = re.compile(r"(q|k|v|qk|kv|query|key|value)_")


def why_no_latents(model: Any) -> str:  # noqa: ANN401 - a PreTrainedModel
    """Return why the attention of `model` cannot take latents; empty where it can."""
    if getattr(model.config.get_text_config(), "attn_logit_softcapping", None) is not None:
        return "only attention with a plain softmax can be folded; this model caps its scores"
    if any(hasattr(module, "sinks") for module in model.modules()):
        return "only attention with a plain softmax can be folded; this model has learnt sinks"
    if norm := _norm_after_attention(model):
        return (
            "the output projection must follow attention directly to be folded; "
            f"this model norms between them ({norm})"
        )
    return ""


def _norm_after_attention(model: Any) -> str:  # noqa: ANN401
    """Return the name of a norm that belongs to attention but not to Q, K or V; empty if none."""
    for attention in attention_modules(model).values():
        for name, _ in attention.named_children():
            if "norm" in name.lower() and not _NORM_BEFORE.match(name):
                return name
    return ""


@contextmanager
def latent_attention(model: Any) -> Iterator[None]:  # noqa: ANN401 - a PreTrainedModel
    """Let every attention of `model` take values of any width inside the block."""
    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,  # noqa: ANN401 - whatever a model passes on
) -> tuple[Tensor, Tensor | None]:
    """Return (batch, queries, query_heads, k), and the weights where they were computed."""
    if query.shape[2] > 1 or options.get("position_bias") is not None:
        found: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
        return found
    return _attend_once(query, key, value, attention_mask, scaling)


def _attend_once(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None
) -> tuple[Tensor, Tensor]:
    """Attend with one query; the query heads of one KV head share its product."""
    batch, heads, _, dim = query.shape
    kv_heads = key.shape[1]
    scale = dim**-0.5 if scaling is None else scaling
    grouped = (query * scale).reshape(batch, kv_heads, heads // kv_heads, dim)
    scores = grouped @ key.mT  # (batch, kv_heads, group, tokens)
    if mask is not None:
        scores = _masked(scores, mask[..., : key.shape[2]])
    weights = scores.softmax(-1)
    output = weights @ value  # (batch, kv_heads, group, k)
    return output.reshape(batch, 1, heads, -1), weights.reshape(batch, heads, 1, -1)


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    if mask.shape[1] > 1:
        mask = mask.reshape(scores.shape)
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores + mask
