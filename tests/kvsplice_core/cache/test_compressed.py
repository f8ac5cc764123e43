"""What attention reads of a compressed cache, and what the cache holds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.cache.closed_form import card_bytes
from kvsplice_core.cache.compressed import CacheMode, cache_for
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.codec.card import exact_codec, random_basis, rank_one
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method
from kvsplice_core.language.attention import attention_through
from tests.kvsplice_core.cache.cards import (
    COMPOSED,
    MODELS,
    SIDES,
    attention,
    card_of,
    codec_of,
    composed_card,
    held_by,
    ids_of,
    logits_of,
    method_card,
    reconstructing_cache,
)
from tests.kvsplice_core.makers import pooled
from tests.language_models import language_model, tiny_gpt2, tiny_llama

CLOSE = {"rtol": 1e-3, "atol": 1e-3}


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


def read_by_attention(language, ids, cache):
    """Return K and V of every layer as attention got them in one pass."""
    seen = {}

    def answer(call):
        seen[call.layer] = (call.key.clone(), call.value.clone())
        return call.compute()

    with attention_through(language.model, answer):
        logits_of(language, ids, cache)
    return seen


@pytest.mark.grid
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("sides", SIDES)
def test_one_pass_is_chunks_is_token_by_token(language, sides, implementation):
    ids, card = ids_of(language, 50), card_of(language, sides, 5)
    with attention(language, implementation):
        whole, chunks, single = (
            logits_of(language, ids, cache_for(language.model, card), piece)
            for piece in (None, 16, 1)
        )
        dense = language.model(ids).logits
    torch.testing.assert_close(chunks, whole, **CLOSE)
    torch.testing.assert_close(single, whole, **CLOSE)
    assert (whole - dense).abs().max() > 0.1, "compression must show"


@pytest.mark.parametrize("method", list(Method))
def test_also_behind_transforms(method):
    language = tiny_gpt2()
    ids, card = ids_of(language, 40), method_card(language, method, 5)
    whole = logits_of(language, ids, cache_for(language.model, card))
    single = logits_of(language, ids, cache_for(language.model, card), piece=1)
    torch.testing.assert_close(single, whole, **CLOSE)


@pytest.mark.parametrize("sides", SIDES)
def test_attention_reads_the_reconstruction_on_prefill_too(language, sides):
    ids, card = ids_of(language, 30), card_of(language, sides, 5)
    seen = read_by_attention(language, ids, cache_for(language.model, card))
    # Layer 0 reads the text itself, so its K and V are those of the dense cache.
    dense = held_by(language, ids).layers[0]
    for side, got, raw in zip(
        (card.keys, card.values), seen[0], (dense.keys, dense.values), strict=True
    ):
        expected = side[0].reconstruct(raw) if side else raw
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
        if side:
            assert (got - raw).abs().max() > 0.1


def errors_of(language, ids, card):
    """Return the mean error of the logits."""
    dense = language.model(ids).logits
    return float((logits_of(language, ids, cache_for(language.model, card)) - dense).abs().mean())


def test_a_worse_card_is_worse(language):
    ids, card = ids_of(language, 60), card_of(language, "v", 8)
    good = errors_of(language, ids, card)
    assert good < 0.8 * errors_of(language, ids, card.replace_codecs(random_basis))
    assert good < 0.8 * errors_of(language, ids, card.replace_codecs(rank_one))


@pytest.mark.grid
@pytest.mark.parametrize("mode", list(CacheMode))
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_left_padding_changes_nothing(language, sides, mode, implementation):
    card, window = card_of(language, sides, 5), Window(sinks=0, newest=6)
    prompts = [ids_of(language, length, document=i)[0] for i, length in enumerate((21, 9))]
    ids = torch.full((2, 21), 256)
    ids[0], ids[1, 12:] = prompts
    mask = (torch.arange(21) >= torch.tensor([[0], [12]])).long()
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    with attention(language, implementation):
        cache = cache_for(language.model, card, mode=mode, window=window)
        both = language.model(
            ids, attention_mask=mask, position_ids=positions, past_key_values=cache
        ).logits
        alone = [
            logits_of(
                language,
                prompt[None],
                cache_for(language.model, card, mode=mode, window=window),
            )
            for prompt in prompts
        ]
    torch.testing.assert_close(both[:1], alone[0], **CLOSE)
    torch.testing.assert_close(both[1:, 12:], alone[1], **CLOSE)


@pytest.mark.grid
@pytest.mark.parametrize("piece", [None, 16, 1])
@pytest.mark.parametrize("sides", SIDES)
def test_a_window_is_the_first_tokens_and_the_newest(language, sides, piece):
    ids, card = ids_of(language, 45), card_of(language, sides, 3)
    window = Window(sinks=4, newest=10)
    cache = cache_for(language.model, card, mode="window", window=window)
    if piece is not None:
        logits_of(language, ids[:, :-piece], cache, piece)
    seen = read_by_attention(language, ids[:, -(piece or 45) :], cache)
    dense = held_by(language, ids).layers[0]
    raw = torch.zeros(45, dtype=torch.bool)
    raw[:4] = raw[-10:] = True
    for side, got, original in zip(
        (card.keys, card.values), seen[0], (dense.keys, dense.values), strict=True
    ):
        missed = (got - original).abs().amax((0, 1, 3))
        torch.testing.assert_close(got[:, :, raw], original[:, :, raw], rtol=1e-4, atol=1e-4)
        if side:
            assert (missed[~raw] > 1e-2).all()
            restored = side[0].reconstruct(original)
            torch.testing.assert_close(got[:, :, ~raw], restored[:, :, ~raw], rtol=1e-3, atol=1e-3)


def heads_of_different_k(language, sides):
    """Return a card whose heads keep 2, 3, 4 … numbers."""
    card = card_of(language, sides, 8)

    def narrowed(layers):
        return {
            layer: HeadCodecs(
                tuple(
                    replace(
                        codec,
                        projection=replace(
                            codec.projection,
                            encoder=codec.projection.encoder[:, : 2 + h].contiguous(),
                            decoder=codec.projection.decoder[: 2 + h].contiguous(),
                        ),
                    )
                    for h, codec in enumerate(codecs.codecs)
                ),
                codecs.heads,
            )
            for layer, codecs in layers.items()
        }

    return replace(card, values=narrowed(card.values), keys=narrowed(card.keys))


def pooled_card(language, sides):
    """Return a card with one codec for all heads of a layer."""
    held = held_by(language, ids_of(language, 60, document=0)).layers

    def made(name):
        return {
            layer: pooled(
                codec_of(getattr(one, name)[0].flatten(0, 1), Method.PCA, 5), one.keys.shape[1]
            )
            for layer, one in enumerate(held)
        }

    card = card_of(language, sides, 5)
    return replace(
        card,
        values=made("values") if card.values else {},
        keys=made("keys") if card.keys else {},
    )


def composed_by(name):
    """Return what makes a card of `COMPOSED`."""
    return lambda language, sides: composed_card(language, name, sides)


def mixed_card(language, sides):
    """Return a card with one quantized head beside exact ones."""
    return composed_card(language, "pooled companded", sides).only(0, 1)


CARDS = {
    **{name: composed_by(name) for name in COMPOSED},
    "one head beside exact ones": mixed_card,
}
every_card = pytest.mark.parametrize(
    "name",
    [
        name
        if name in ("joined levels", "one head beside exact ones")
        else pytest.param(name, marks=pytest.mark.slow)
        for name in CARDS
    ],
)


@cache
def half_gpt2(dtype):
    """Return the GPT-2 in half precision."""
    from transformers import GPT2Config, GPT2LMHeadModel

    language = tiny_gpt2()
    config = GPT2Config.from_dict(language.model.config.to_dict())
    half = language_model(GPT2LMHeadModel, config, "half")
    half.model.load_state_dict(language.model.state_dict())
    half.model.to(dtype)
    return half


@pytest.mark.grid
@every_card
@pytest.mark.parametrize("sides", SIDES)
def test_composed_cards_read_what_their_codecs_give_back(language, name, sides):
    ids, card = ids_of(language, 40), CARDS[name](language, sides)
    whole, by_piece, single = (
        logits_of(language, ids, cache_for(language.model, card), piece) for piece in (None, 16, 1)
    )
    with torch.no_grad():
        dense = language.model(ids).logits
    effect = float((whole - dense).abs().mean())
    assert effect > 1e-3, "compression must show"
    naive = logits_of(language, ids, reconstructing_cache(card), 16)
    for other in (by_piece, single, naive):
        # A number at the edge between two levels may fall on either side: rarely.
        assert float((other - whole).abs().mean()) < 1e-2 * effect
    seen = read_by_attention(language, ids, cache_for(language.model, card))[0]
    held = held_by(language, ids).layers[0]
    for side, got, raw in zip(
        (card.keys, card.values), seen, (held.keys, held.values), strict=True
    ):
        expected = side[0].reconstruct(raw) if side else raw
        missed = (got - expected).abs().mean()
        assert float(missed) < 1e-3 * float(raw.std())


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.parametrize("batch", [1, 3])
def test_composed_cards_store_the_bytes_they_count(name, batch):
    language = tiny_gpt2()
    card, tokens, window = CARDS[name](language, "both"), 50, Window(sinks=4, newest=10)
    for raw in (None, window):
        mode = "strict" if raw is None else "window"
        cache = cache_for(language.model, card, mode=mode, window=raw)
        logits_of(language, ids_of(language, tokens).expand(batch, -1), cache, piece=20)
        held, expected = cache.stored_bytes(), card_bytes(card, tokens, batch, 4, raw)
        assert (held.keys, held.values, held.raw, held.side, held.other) == (
            expected.keys, expected.values, expected.raw, expected.side, 0
        )  # fmt: skip
        per_token = sum(one.bytes_per_token(4) for one in card.values.values())
        assert held.values == batch * tokens * per_token


def test_packed_bytes_are_those_counted_by_hand():
    language = tiny_gpt2()
    hand = {
        "joined levels": lambda one: 2 + -(-int(one.quantizer.bits.sum()) // 8),
        "blocks of int4": lambda one: 2 * (2 + 32 * 4 // 8),
        "plain rounding": lambda one: 4 * (2 + 2 + 16 * 4 // 8),
        "joined quadratic int8": lambda one: 2 + 9,
    }
    for name, count in hand.items():
        card = composed_card(language, name, "v")
        cache = cache_for(language.model, card)
        logits_of(language, ids_of(language, 30), cache)
        for layer, codecs in card.values.items():
            kept = cache.layers[layer].values
            assert kept.dtype == torch.uint8
            assert kept.nbytes == 30 * count(codecs.of(0))


@every_card
def test_a_window_of_everything_is_the_dense_cache(language, name):
    ids, card = ids_of(language, 30), CARDS[name](language, "both")
    cache = cache_for(language.model, card, mode="window", window=Window(sinks=0, newest=30))
    with torch.no_grad():
        dense = language.model(ids).logits
    torch.testing.assert_close(logits_of(language, ids, cache, piece=7), dense, **CLOSE)


@pytest.mark.grid
@pytest.mark.parametrize("name", ["joined levels", "one head beside exact ones", "joined"])
@pytest.mark.parametrize("piece", [None, 16, 1])
def test_a_window_leaves_the_rest_to_the_codecs(language, name, piece):
    ids, card = ids_of(language, 45), CARDS[name](language, "both")
    cache = cache_for(language.model, card, mode="window", window=Window(sinks=4, newest=10))
    if piece is not None:
        logits_of(language, ids[:, :-piece], cache, piece)
    seen = read_by_attention(language, ids[:, -(piece or 45) :], cache)[0]
    held = held_by(language, ids).layers[0]
    for side, got, raw in zip(
        (card.keys, card.values), seen, (held.keys, held.values), strict=True
    ):
        expected = side[0].reconstruct(raw)
        expected[:, :, :4], expected[:, :, -10:] = raw[:, :, :4], raw[:, :, -10:]
        assert float((got - expected).abs().mean()) < 1e-3 * float(raw.std())
        assert float((got - raw)[:, :, 4:-10].abs().max()) > 1e-2


@pytest.mark.grid
@every_card
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_composed_cards_keep_the_dtype_of_half_precision_models(name, dtype):
    language, half = tiny_gpt2(), half_gpt2(dtype)
    ids, card = ids_of(language, 40), CARDS[name](language, "both")
    cache = cache_for(half.model, card)
    single = logits_of(half, ids, cache, piece=1)
    assert single.dtype == dtype
    assert cache.stored_bytes().values == card_bytes(card, 40, 1, 2).values
    full = logits_of(language, ids, cache_for(language.model, card))
    assert float((single.float() - full).abs().mean()) < 0.25 * float(full.std())


@pytest.mark.parametrize("make", [heads_of_different_k, pooled_card])
@pytest.mark.parametrize("sides", SIDES)
def test_other_layouts_read_token_by_token_too(language, make, sides):
    ids, card = ids_of(language, 40), make(language, sides)
    cache = cache_for(language.model, card)
    whole = logits_of(language, ids, cache)
    single = logits_of(language, ids, cache_for(language.model, card), piece=1)
    torch.testing.assert_close(single, whole, **CLOSE)
    seen = read_by_attention(language, ids, cache_for(language.model, card))[0]
    dense = held_by(language, ids).layers[0]
    for side, got, raw in zip(
        (card.keys, card.values), seen, (dense.keys, dense.values), strict=True
    ):
        for head in range(raw.shape[1]):
            expected = side[0].of(head).reconstruct(raw[:, head]) if side else raw[:, head]
            torch.testing.assert_close(got[:, head], expected, rtol=1e-4, atol=1e-4)


def test_a_dense_side_lets_go_of_what_its_first_tokens_were_a_view_of(language):
    cache = cache_for(language.model, card_of(language, "v", 4))
    logits_of(language, ids_of(language, 30), cache)
    assert cache.stored_bytes().other == 0


def test_layers_without_codecs_stay_dense():
    language = tiny_gpt2()
    card = card_of(language, "v", 4)
    card = replace(card, values={1: card.values[1]})
    ids = ids_of(language, 30)
    cache = cache_for(language.model, card)
    logits_of(language, ids, cache)
    dense = held_by(language, ids)
    assert torch.equal(cache.layers[0].values, dense.layers[0].values)
    assert cache.layers[1].values.shape[-1] == 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_models_keep_their_dtype(dtype):
    language, half = tiny_gpt2(), half_gpt2(dtype)
    ids, card = ids_of(language, 40), card_of(language, "both", 6)
    cache = cache_for(half.model, card)
    whole = logits_of(half, ids, cache)
    assert whole.dtype == cache.layers[0].values.dtype == cache.layers[0].keys.dtype == dtype
    assert cache.stored_bytes().values == 2 * 2 * 4 * 6 * 40
    full = logits_of(language, ids, cache_for(language.model, card))
    spread = float(full.std())
    assert float((whole.float() - full).abs().mean()) < 0.2 * spread
    single = logits_of(half, ids, cache_for(half.model, card), piece=1)
    assert float((whole - single).float().abs().mean()) < 0.1 * spread


@pytest.mark.grid
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sides", SIDES)
def test_stored_bytes_are_those_counted_by_hand(language, sides, batch):
    k, tokens, window = 5, 50, Window(sinks=4, newest=10)
    card, facts = card_of(language, sides, k), language.facts
    cache = cache_for(language.model, card, mode="window", window=window)
    logits_of(language, ids_of(language, tokens).expand(batch, -1), cache, piece=20)
    held, heads = cache.stored_bytes(), facts.layers * facts.kv_heads
    kept = {"K": 5 if card.keys else 16, "V": 5 if card.values else 16}
    compressed = bool(card.keys) + bool(card.values)
    assert held.keys == heads * kept["K"] * tokens * batch * 4
    assert held.values == heads * kept["V"] * tokens * batch * 4
    assert held.raw == compressed * heads * 16 * (4 + 10) * batch * 4
    # PCA: its axes once, for both ways, and its mean.
    assert held.side == compressed * heads * (16 * k + 16) * 4
    assert held.total == held.keys + held.values + held.raw + held.side


def test_an_empty_cache_holds_its_codecs_only(language):
    held = cache_for(language.model, card_of(language, "v", 5)).stored_bytes()
    assert held.total == held.side > 0


def test_cards_of_another_shape_are_refused():
    card = card_of(tiny_llama(), "v", 4)
    with pytest.raises(LanguageModelError, match="2 layers of 2 heads of 16; the model has 2 of 4"):
        cache_for(tiny_gpt2().model, card)


def test_keys_before_rotary_are_refused():
    language = tiny_llama()
    card = replace(card_of(language, "both", 4), keys_before_rotary=True)
    with pytest.raises(LanguageModelError, match="holds K after its rotary"):
        cache_for(language.model, card)
    cache_for(language.model, replace(card, keys={}))


def test_an_unknown_mode_is_refused(language):
    with pytest.raises(ValueError, match="loose"):
        cache_for(language.model, card_of(language, "v", 4), mode="loose")


def test_one_head_alone_differs_only_there(language):
    card = card_of(language, "v", 2).only(1, 1)
    ids = ids_of(language, 30)
    seen = read_by_attention(language, ids, cache_for(language.model, card))
    dense = held_by(language, ids)
    for layer, (_, value) in seen.items():
        missed = (value - dense.layers[layer].values).abs().amax((0, 2, 3))
        for head, worst in enumerate(missed.tolist()):
            assert (worst > 1e-2) == ((layer, head) == (1, 1))
    assert exact_codec(16).k == 16
