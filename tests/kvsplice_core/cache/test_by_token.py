"""One pass in window mode reads what token by token would."""

from __future__ import annotations

import pytest
import torch
from transformers.cache_utils import DynamicCache

from kvsplice_core.cache.by_token import by_token
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.raw_tokens import Window
from tests.kvsplice_core.cache.cards import MODELS, SIDES, attention, card_of, ids_of, logits_of
from tests.kvsplice_core.language.families import tiny_gpt_oss

CLOSE = {"rtol": 1e-3, "atol": 1e-3}


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


@pytest.mark.grid
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("window", [Window(4, 10), Window(0, 1), Window(3, 64), Window(50, 2)])
@pytest.mark.parametrize("sides", SIDES)
def test_one_pass_equals_token_by_token(language, sides, window, implementation):
    ids, card = ids_of(language, 48), card_of(language, sides, 4)

    def fresh():
        return cache_for(language.model, card, mode="window", window=window)

    with attention(language, implementation):
        plain = logits_of(language, ids, fresh(), piece=1)
        for piece in (None, 16, 5):
            cache = fresh()
            with by_token(language.model, cache):
                torch.testing.assert_close(logits_of(language, ids, cache, piece), plain, **CLOSE)


@pytest.mark.parametrize("sides", SIDES)
def test_learnt_sinks_take_their_share(sides):
    language = tiny_gpt_oss()
    ids, card = ids_of(language, 48), card_of(language, sides, 4)
    caches = [cache_for(language.model, card, mode="window", window=Window(4, 10)) for _ in "ab"]
    plain = logits_of(language, ids, caches[0], piece=1)
    with by_token(language.model, caches[1]):
        torch.testing.assert_close(logits_of(language, ids, caches[1]), plain, **CLOSE)


def test_without_it_one_pass_differs(language):
    ids, card = ids_of(language, 48), card_of(language, "v", 4)
    caches = [
        cache_for(language.model, card, mode="window", window=Window(4, 10)) for _ in range(2)
    ]
    plain = logits_of(language, ids, caches[0], piece=1)
    whole = logits_of(language, ids, caches[1])
    assert (plain - whole).abs().max() > 0.05


def test_it_may_go_on_plainly_afterwards(language):
    ids, card = ids_of(language, 48), card_of(language, "both", 4)
    caches = [
        cache_for(language.model, card, mode="window", window=Window(4, 10)) for _ in range(2)
    ]
    with by_token(language.model, caches[0]):
        logits_of(language, ids[:, :40], caches[0])
    logits_of(language, ids[:, :40], caches[1], piece=1)
    ours, plain = (logits_of(language, ids[:, 40:], cache, piece=1) for cache in caches)
    torch.testing.assert_close(ours, plain, **CLOSE)
    assert caches[0].stored_bytes() == caches[1].stored_bytes()


def test_passes_with_another_cache_are_left_alone(language):
    ids, card = ids_of(language, 48), card_of(language, "both", 4)
    cache = cache_for(language.model, card, mode="window", window=Window(4, 10))
    plain = logits_of(language, ids, DynamicCache())
    with by_token(language.model, cache):
        logits_of(language, ids, cache)
        ours = logits_of(language, ids, DynamicCache())
    torch.testing.assert_close(ours, plain, **CLOSE)


def test_a_strict_cache_needs_nothing(language):
    ids, card = ids_of(language, 20), card_of(language, "v", 4)
    cache = cache_for(language.model, card)
    before = language.model.config._attn_implementation
    with by_token(language.model, cache):
        assert language.model.config._attn_implementation == before
        ours = logits_of(language, ids, cache)
    assert torch.equal(ours, logits_of(language, ids, cache_for(language.model, card)))
