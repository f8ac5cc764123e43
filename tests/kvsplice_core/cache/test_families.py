"""The cache is right in other families too: sliding windows, norms of K, caps, other W_O."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import transformers as tf

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cache.by_token import by_token
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.folded import folded, why_not_folded
from kvsplice_core.cache.raw_tokens import Window
from tests.kvsplice_core.cache.cards import card_of, exact_card, ids_of, logits_of
from tests.language_models import language_model

SIZES = {
    "vocab_size": 257, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64,
    "intermediate_size": 96, "max_position_embeddings": 128, "bos_token_id": 256,
    "eos_token_id": 256, "pad_token_id": 256,
}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
SLIDING = GROUPED | {"head_dim": 32, "sliding_window": 16}
MIXED = SLIDING | {"layer_types": ["sliding_attention", "full_attention"]}
FAMILIES = {
    "mistral": (tf.MistralForCausalLM, tf.MistralConfig, GROUPED | {"sliding_window": 16}),
    "qwen2": (tf.Qwen2ForCausalLM, tf.Qwen2Config, GROUPED),
    "qwen3": (tf.Qwen3ForCausalLM, tf.Qwen3Config, GROUPED | {"head_dim": 32}),
    "gemma2": (tf.Gemma2ForCausalLM, tf.Gemma2Config, SLIDING | {"attn_implementation": "eager"}),
    "gemma3": (tf.Gemma3ForCausalLM, tf.Gemma3TextConfig, MIXED),
    "neox": (tf.GPTNeoXForCausalLM, tf.GPTNeoXConfig, SIZES),
    "phi3": (tf.Phi3ForCausalLM, tf.Phi3Config, GROUPED),
}


@cache
def model_of(family):
    kind, config, sizes = FAMILIES[family]
    return language_model(kind, config(**sizes), family)


@pytest.fixture(params=FAMILIES)
def language(request):
    return model_of(request.param)


@torch.no_grad()
def test_at_full_rank_it_is_the_model_itself(language):
    ids, card = ids_of(language, 60), exact_card(language)
    plain = language.model(ids).logits
    close = {"rtol": 1e-3, "atol": 1e-3 * float(plain.std())}
    for piece in (None, 7):
        ours = logits_of(language, ids, cache_for(language.model, card), piece)
        torch.testing.assert_close(ours, plain, **close)


def test_compressed_token_by_token_is_one_pass(language):
    ids, card = ids_of(language, 60), card_of(language, "both", 5)
    whole = logits_of(language, ids, cache_for(language.model, card))
    close = {"rtol": 1e-3, "atol": 1e-3 * float(whole.std())}
    single = logits_of(language, ids, cache_for(language.model, card), piece=1)
    torch.testing.assert_close(single, whole, **close)
    caches = [cache_for(language.model, card, mode="window", window=Window(2, 8)) for _ in "ab"]
    plain = logits_of(language, ids, caches[0], piece=1)
    with by_token(language.model, caches[1]):
        torch.testing.assert_close(logits_of(language, ids, caches[1]), plain, **close)


def test_folded_where_the_softmax_is_plain(language):
    ids, card = ids_of(language, 60), card_of(language, "v", 5)
    cache = cache_for(language.model, card)
    if language.name == "gemma2":
        assert why_not_folded(cache) == ""
        assert "caps its scores" in why_not_folded(cache, language.model)
        with pytest.raises(SpecError, match="caps its scores"), folded(language.model, cache):
            pass
        return
    plain = logits_of(language, ids, cache_for(language.model, card))
    with folded(language.model, cache):
        parts = [
            logits_of(language, ids[:, :50], cache),
            logits_of(language, ids[:, 50:], cache, 1),
        ]
        ours = torch.cat(parts, dim=1)
    close = {"rtol": 1e-3, "atol": 1e-3 * float(plain.std())}
    torch.testing.assert_close(ours, plain, **close)
