"""Attention over values of another width equals the plain formula."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from kvsplice_core.cache.latent_attention import _attend, latent_attention
from tests.language_models import tiny_gpt2

BATCH, HEADS, TOKENS, DIM, K = 2, 4, 9, 16, 5


def parts(queries, kv_heads, seed=0):
    torch.manual_seed(seed)
    return (
        torch.randn(BATCH, queries, HEADS, DIM).transpose(1, 2),
        torch.randn(BATCH, kv_heads, TOKENS, DIM),
        torch.randn(BATCH, kv_heads, TOKENS, K),
    )


def masks(queries):
    seen = torch.ones(queries, TOKENS, dtype=torch.bool).tril(TOKENS - queries)
    one = seen.expand(BATCH, 1, -1, -1).clone()
    one[1, :, :, :3] = False  # padded on the left
    lowest = torch.finfo(torch.float32).min
    added = torch.zeros(one.shape).masked_fill(~one, lowest)
    return {
        "none": None,
        "bool": one,
        "added": added,
        "for each head": added.expand(-1, HEADS, -1, -1) - torch.rand(HEADS, 1, 1),
    }


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("scaling", [None, 0.5])
@pytest.mark.parametrize("mask", list(masks(1)))
@pytest.mark.parametrize("queries", [1, 3])
def test_it_is_the_plain_formula(queries, mask, scaling, kv_heads):
    query, key, value = parts(queries, kv_heads)
    masked = masks(queries)[mask]
    if masked is None and queries > 1:
        pytest.skip("several queries without a mask are causal")
    group = HEADS // kv_heads
    module = SimpleNamespace(num_key_value_groups=group, is_causal=True)
    got, _ = _attend(module, query, key, value, masked, scaling)
    scores = query @ key.repeat_interleave(group, 1).mT * (scaling or DIM**-0.5)
    if masked is not None and masked.dtype == torch.bool:
        scores = scores.masked_fill(~masked, float("-inf"))
    elif masked is not None:
        scores = scores + masked
    expected = scores.softmax(-1) @ value.repeat_interleave(group, 1)
    assert got.shape == (BATCH, queries, HEADS, K)
    torch.testing.assert_close(got, expected.transpose(1, 2), rtol=1e-4, atol=1e-5)


def stop_inside(model):
    with latent_attention(model):
        assert model.config._attn_implementation != "sdpa"
        raise RuntimeError("stop")


def test_the_model_s_own_attention_comes_back():
    model = tiny_gpt2().model
    with pytest.raises(RuntimeError, match="stop"):
        stop_inside(model)
    assert model.config._attn_implementation == "sdpa"
