"""Attention over k-vectors: V's decoder folded into the output projection (W_O).

Attention is linear in V: with V̂ = z·D + c and weights that sum to one, W_O(P·V̂) is
(D·W_O)(P·z) + c·W_O. So attention sums the k numbers kept per token, no V̂ is ever restored, and
one up-projection follows (as in Palu, Chang et al. 2025, and DeepSeek-V2's absorbed MLA, 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cache.compressed import CompressedCache
from kvsplice_core.cache.latent_attention import latent_attention, why_no_latents
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.language.projections import (
    OutputProjection,
    attention_modules,
    output_projection,
)


@contextmanager
def folded(model: Any, cache: CompressedCache) -> Iterator[None]:  # noqa: ANN401
    """Run `model` on the latents of `cache` inside the block.

    Parameters
    ----------
    model : PreTrainedModel
        Its output projections and its attention function are replaced inside the block and put
        back after it.
    cache : CompressedCache
        Strict, every layer's V compressed by a linear decoder at one k.

    Raises
    ------
    SpecError
        If a decoder cannot be folded or the model's attention is no plain softmax.
    """
    if reason := why_not_folded(cache, model):
        raise SpecError(reason)
    projections = []
    for index, attention in attention_modules(model).items():
        codecs = cache.layers[index].value_side.codecs
        assert codecs is not None
        projections.append((output_projection(attention, codecs.dim), codecs))
    originals = [getattr(one.attention, one.name) for one, _ in projections]
    dtype = originals[0].weight.dtype
    for one, codecs in projections:
        setattr(one.attention, one.name, _fold(one, codecs).to(model.device, dtype))
    for layer in cache.layers:
        layer.gives_latents = True
    try:
        with latent_attention(model):
            yield
    finally:
        for layer in cache.layers:
            layer.gives_latents = False
        for (one, _), original in zip(projections, originals, strict=True):
            setattr(one.attention, one.name, original)


def why_not_folded(cache: CompressedCache, model: Any = None) -> str:  # noqa: ANN401
    """Return why V's decoder cannot be folded into W_O; empty where it can.

    The model's attention is looked at too where `model` is given.
    """
    for index, layer in enumerate(cache.layers):
        codecs = layer.value_side.codecs
        if codecs is None:
            return f"every layer's V must be compressed to be folded; layer {index} is dense"
        if layer.value_side.raw is not None:
            return "only a strict cache can be folded; a window keeps raw V beside the latents"
        if obstacle := _obstacle(codecs):
            return (
                "only a linear decoder of single heads can be folded into the output projection; "
                f"layer {index} {obstacle}"
            )
        if not codecs.is_uniform:
            return f"the heads of a layer must keep one k to be folded; layer {index} does not"
    return "" if model is None else why_no_latents(model)


def _obstacle(codecs: HeadCodecs) -> str:
    """Return what keeps a layer from being decoded linearly, head by head; empty if nothing."""
    if codecs.is_linear:
        return ""
    if codecs.span > 1:
        return "joins heads"
    if any(codec.quantizer is not None for codec in codecs.codecs):
        return "has a quantizer"
    nonlinear = any(codec.correction is not None for codec in codecs.codecs)
    return "has a nonlinear decoder" if nonlinear else "has a transform"


@torch.no_grad()
def _fold(one: OutputProjection, codecs: HeadCodecs) -> nn.Linear:
    """Return (D·W_O) and its bias as a layer from (query_heads · k) to hidden."""
    query_heads, _, hidden = one.weight.shape
    shared = query_heads // codecs.heads
    weights, offsets = [], []
    for head in range(query_heads):
        projection = codecs.of(head // shared).projection
        weights.append(projection.decoder.to(one.weight) @ one.weight[head])  # (k, hidden)
        offsets.append(projection.offset_out.to(one.weight) @ one.weight[head])  # (hidden,)
    layer = nn.Linear(query_heads * codecs.ks[0], hidden)
    layer.weight.copy_(torch.cat(weights).T)
    layer.bias.copy_(_sum(offsets) if one.bias is None else _sum(offsets) + one.bias)
    return layer.requires_grad_(False)


def _sum(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(0)
