"""Decoding over k-vectors gives what restoring V̂ gives, and leaves the model as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.folded import folded, why_not_folded
from kvsplice_core.codec.kinds import Method
from tests.kvsplice_core.cache.cards import (
    MODELS,
    attention,
    card_of,
    codec_of,
    composed_card,
    held_by,
    ids_of,
    logits_of,
    method_card,
)
from tests.kvsplice_core.makers import pooled
from tests.language_models import language_model, tiny_gpt2

CLOSE = {"rtol": 1e-3, "atol": 1e-3}


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("sides", ["v", "both"])
@pytest.mark.parametrize("piece", [None, 16, 1])
def test_folded_is_unfolded(language, sides, implementation, piece):
    ids, card = ids_of(language, 40), card_of(language, sides, 5)
    with attention(language, implementation):
        plain = logits_of(language, ids, cache_for(language.model, card))
        cache = cache_for(language.model, card)
        with folded(language.model, cache):
            ours = logits_of(language, ids, cache, piece)
    torch.testing.assert_close(ours, plain, **CLOSE)


def test_no_v_is_restored(language, monkeypatch):
    cache = cache_for(language.model, card_of(language, "v", 5))
    codecs = type(cache.layers[0].value_side.codecs)
    monkeypatch.setattr(codecs, "decode", lambda *_: pytest.fail("V̂ was restored"))
    with folded(language.model, cache):
        logits_of(language, ids_of(language, 20), cache, piece=7)


def test_a_cache_goes_on_unfolded(language):
    ids, card = ids_of(language, 40), card_of(language, "v", 5)
    plain = logits_of(language, ids, cache_for(language.model, card))
    cache = cache_for(language.model, card)
    with folded(language.model, cache):
        logits_of(language, ids[:, :30], cache, piece=10)
    torch.testing.assert_close(logits_of(language, ids[:, 30:], cache), plain[:, 30:], **CLOSE)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_left_padding(language, implementation):
    card = card_of(language, "v", 5)
    ids = ids_of(language, 30).repeat(2, 1)
    mask = torch.ones_like(ids)
    ids[1, :12] = 256
    mask[1, :12] = 0

    def read(cache):
        with torch.no_grad():
            for part in (slice(0, 28), slice(28, 29), slice(29, 30)):
                positions = (mask.cumsum(1) - 1).clamp_min(0)[:, part]
                out = language.model(
                    ids[:, part],
                    attention_mask=mask[:, : part.stop],
                    position_ids=positions,
                    past_key_values=cache,
                )
        return out.logits

    with attention(language, implementation):
        plain = read(cache_for(language.model, card))
        cache = cache_for(language.model, card)
        with folded(language.model, cache):
            torch.testing.assert_close(read(cache), plain, **CLOSE)


def test_pooled_codecs_fold():
    language = tiny_gpt2()
    held = held_by(language, ids_of(language, 60, document=0)).layers
    values = {
        i: pooled(codec_of(one.values[0].flatten(0, 1), Method.PCA, 5), 4)
        for i, one in enumerate(held)
    }
    card = replace(card_of(language, "v", 5), values=values)
    ids = ids_of(language, 30)
    cache = cache_for(language.model, card)
    with folded(language.model, cache):
        ours = logits_of(language, ids, cache, piece=9)
    torch.testing.assert_close(
        ours, logits_of(language, ids, cache_for(language.model, card)), **CLOSE
    )


def test_the_model_is_put_back_also_after_an_error(language):
    model, ids = language.model, ids_of(language, 20)
    with torch.no_grad():
        before = model(ids).logits
    state = {name: id(module) for name, module in model.named_modules()}
    cache = cache_for(model, card_of(language, "v", 5))
    with pytest.raises(RuntimeError, match="stop"), folded(model, cache):
        raise RuntimeError("stop")
    assert {name: id(module) for name, module in model.named_modules()} == state
    assert model.config._attn_implementation == "sdpa"
    with torch.no_grad():
        assert torch.equal(model(ids).logits, before)


def test_a_norm_between_attention_and_its_projection_is_refused():
    import transformers as tf

    sizes = {
        "vocab_size": 257, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64,
        "intermediate_size": 96, "num_key_value_heads": 2, "max_position_embeddings": 128,
        "bos_token_id": 256, "eos_token_id": 256, "pad_token_id": 256,
    }  # fmt: skip
    language = language_model(tf.BitNetForCausalLM, tf.BitNetConfig(**sizes), "bitnet")
    cache = cache_for(language.model, card_of(language, "v", 5))
    assert "norms between them (attn_sub_norm)" in why_not_folded(cache, language.model)
    with pytest.raises(SpecError, match="attn_sub_norm"), folded(language.model, cache):
        pass
    normed = language_model(tf.Qwen3ForCausalLM, tf.Qwen3Config(**sizes, head_dim=16), "qwen3")
    assert why_not_folded(cache, normed.model) == ""


def test_every_reason_against_it_is_told():
    language = tiny_gpt2()
    model, card = language.model, card_of(language, "v", 5)
    half = replace(card, values={0: card.values[0]})
    reasons = {
        "layer 1 is dense": cache_for(model, half),
        "a window keeps raw V": cache_for(model, card, mode="window"),
        "layer 0 has a transform": cache_for(model, method_card(language, Method.SPLINE, 5)),
        "layer 0 does not": cache_for(model, card.only(0, 0)),
        "layer 0 joins heads": cache_for(model, composed_card(language, "joined")),
        "layer 0 has a quantizer": cache_for(model, composed_card(language, "plain rounding")),
        "layer 0 has a nonlinear decoder": cache_for(model, composed_card(language, "quadratic")),
    }
    for words, cache in reasons.items():
        assert words in why_not_folded(cache)
        with pytest.raises(SpecError, match=words), folded(model, cache):
            pass
    assert why_not_folded(cache_for(model, card)) == ""
