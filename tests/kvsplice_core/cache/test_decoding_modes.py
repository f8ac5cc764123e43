"""At k = d every way of decoding gives what the dense cache gives.

And with any card, what a cache of its reconstructions gives.
"""

from __future__ import annotations

import copy

import pytest
import torch
from transformers.cache_utils import DynamicCache

from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.folded import folded
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.codec.card import rank_one
from tests.kvsplice_core.cache.cards import (
    COMPOSED,
    MODELS,
    SIDES,
    attention,
    card_of,
    composed_card,
    every_composed,
    exact_card,
    ids_of,
    logits_of,
    reconstructing_cache,
)
from tests.language_models import tiny_gpt2

NEW = 16
PLAIN = {"max_new_tokens": NEW, "min_new_tokens": NEW, "pad_token_id": 256}
WAYS = {
    "greedy": {"do_sample": False},
    "sampling": {"do_sample": True, "temperature": 1.3, "top_k": 20},
    "beam": {"num_beams": 3, "do_sample": False},
    "beam, returned": {"num_beams": 4, "num_return_sequences": 3, "do_sample": False},
    "sampled beams": {"num_beams": 3, "do_sample": True, "num_return_sequences": 2},
    "returned samples": {"do_sample": True, "num_return_sequences": 3},
    "prompt lookup": {"prompt_lookup_num_tokens": 4, "do_sample": False},
}
MODES = {"strict": None, "window": Window(sinks=2, newest=8)}


def generated(language, cache, ids, **options):
    torch.manual_seed(7)
    options = PLAIN | options
    mask = options.pop("attention_mask", torch.ones_like(ids))
    return language.model.generate(ids, attention_mask=mask, past_key_values=cache, **options)


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


@pytest.mark.grid
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_decoding_equals_the_dense_cache(language, way, mode, implementation):
    ids = ids_of(language, 24)
    with attention(language, implementation):
        cache = cache_for(language.model, exact_card(language), mode=mode, window=MODES[mode])
        ours = generated(language, cache, ids, **WAYS[way])
        dense = generated(language, DynamicCache(), ids, **WAYS[way])
    assert ours.shape[1] == ids.shape[1] + NEW
    assert torch.equal(ours, dense)


@pytest.mark.grid
@pytest.mark.parametrize("sides", ["v", "k"])
@pytest.mark.parametrize("way", ["greedy", "beam, returned", "prompt lookup"])
def test_one_side_alone_too(language, way, sides):
    ids = ids_of(language, 24)
    cache = cache_for(language.model, exact_card(language, sides))
    ours = generated(language, cache, ids, **WAYS[way])
    assert torch.equal(ours, generated(language, DynamicCache(), ids, **WAYS[way]))


@pytest.mark.grid
@pytest.mark.parametrize("way", ["greedy", "beam", "returned samples", "prompt lookup"])
def test_these_tests_can_fail(language, way):
    ids = ids_of(language, 24)
    cache = cache_for(language.model, exact_card(language).replace_codecs(rank_one))
    ours = generated(language, cache, ids, **WAYS[way])
    assert not torch.equal(ours, generated(language, DynamicCache(), ids, **WAYS[way]))


@pytest.mark.parametrize("mode", MODES)
def test_an_assistant_may_guess(language, mode):
    assistant = copy.deepcopy(language.model)
    torch.manual_seed(3)
    for parameter in assistant.parameters():
        parameter.add_(0.05 * parameter.std() * torch.randn_like(parameter))
    ids = ids_of(language, 24)
    options = {"assistant_model": assistant, "do_sample": False}
    cache = cache_for(language.model, exact_card(language), mode=mode, window=MODES[mode])
    ours = generated(language, cache, ids, **options)
    assert torch.equal(ours, generated(language, DynamicCache(), ids, **options))
    # Guesses are taken back by cropping, so this is plain greedy decoding.
    assert torch.equal(ours, generated(language, DynamicCache(), ids, do_sample=False))


def padded(language):
    """Return prompts of unlike lengths, padded on the left, with their mask."""
    prompts = [ids_of(language, length, document=i)[0] for i, length in enumerate((9, 24, 15))]
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), 256)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = prompt
        mask[row, longest - len(prompt) :] = 1
    return ids, mask, prompts


@pytest.mark.grid
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["greedy", "beam, returned", "sampling"])
def test_a_batch_padded_on_the_left_equals_the_dense_cache(language, way, mode, implementation):
    ids, mask, _ = padded(language)
    with attention(language, implementation):
        cache = cache_for(language.model, exact_card(language), mode=mode, window=MODES[mode])
        options = {**WAYS[way], "attention_mask": mask}
        ours = generated(language, cache, ids, **options)
        assert torch.equal(ours, generated(language, DynamicCache(), ids, **options))


@pytest.mark.grid
@pytest.mark.parametrize("way", ["greedy", "sampling", "beam, returned", "prompt lookup"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_folded_decoding_equals_the_dense_cache(language, way, implementation):
    ids = ids_of(language, 24)
    with attention(language, implementation):
        cache = cache_for(language.model, exact_card(language, "v"))
        with folded(language.model, cache):
            ours = generated(language, cache, ids, **WAYS[way])
        assert torch.equal(ours, generated(language, DynamicCache(), ids, **WAYS[way]))


@pytest.mark.parametrize("sides", SIDES)
def test_guesses_change_nothing_at_low_k_either(language, sides):
    ids, card = ids_of(language, 24), card_of(language, sides, 5)
    ways = [WAYS["greedy"], WAYS["prompt lookup"], {"assistant_model": language.model}]
    plain, *guessed = (
        generated(language, cache_for(language.model, card), ids, **{"do_sample": False} | way)
        for way in ways
    )
    for ours in guessed:
        assert torch.equal(ours, plain)
    assert not torch.equal(plain, generated(language, DynamicCache(), ids, do_sample=False))


@pytest.mark.parametrize("sides", SIDES)
def test_cropped_and_read_again_is_read_once(language, sides):
    ids, card = ids_of(language, 40), card_of(language, sides, 5)
    whole = logits_of(language, ids, cache_for(language.model, card))
    cache = cache_for(language.model, card)
    logits_of(language, torch.cat([ids[:, :25], ids[:, :9]], 1), cache, piece=10)
    cache.crop(-9)
    assert cache.get_seq_length() == 25
    ours = logits_of(language, ids[:, 25:], cache, piece=4)
    torch.testing.assert_close(ours, whole[:, 25:], rtol=1e-3, atol=1e-3)


def read_with_changes(language, cache, change):
    """Read, change the cache, read on; return the logits of what is read last."""
    ids = ids_of(language, 40)
    logits_of(language, ids[:, :30], cache, piece=7)
    rows = change(cache)
    return logits_of(language, ids[:, 30:].expand(rows, -1), cache)


def cropped(cache):
    cache.crop(-5)
    return 1


def reset(cache):
    cache.reset()
    return 1


def repeated(cache):
    cache.batch_repeat_interleave(3)
    return 3


def selected(cache):
    cache.batch_repeat_interleave(3)
    cache.batch_select_indices(torch.tensor([2, 0]))
    return 2


def reordered(cache):
    cache.batch_repeat_interleave(2)
    cache.reorder_cache(torch.tensor([1, 1]))
    return 2


@pytest.mark.grid
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", [cropped, reset, repeated, selected, reordered])
def test_changes_of_the_cache_equal_those_of_the_dense_cache(language, change, mode):
    cache = cache_for(language.model, exact_card(language), mode=mode, window=MODES[mode])
    ours = read_with_changes(language, cache, change)
    dense = read_with_changes(language, DynamicCache(), change)
    torch.testing.assert_close(ours, dense, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_a_reordered_cache_are_the_rows_chosen(mode):
    language = tiny_gpt2()
    rows = torch.cat([ids_of(language, 30, document=i) for i in range(3)])
    cache = cache_for(language.model, exact_card(language), mode=mode, window=MODES[mode])
    logits_of(language, rows[:, :20], cache)
    cache.reorder_cache(torch.tensor([2, 2, 0]))
    ours = logits_of(language, rows[:, 20:], cache)
    other = torch.cat([rows[[2, 2, 0], :20], rows[:, 20:]], dim=1)
    dense = logits_of(language, other, DynamicCache())[:, 20:]
    torch.testing.assert_close(ours, dense, rtol=1e-3, atol=1e-3)


@pytest.mark.grid
@every_composed
@pytest.mark.parametrize("way", [way for way in WAYS if way != "prompt lookup"])
def test_composed_cards_decode_as_a_cache_of_their_reconstructions(name, way):
    language = tiny_gpt2()
    ids, card = ids_of(language, 24), composed_card(language, name)
    ours = generated(language, cache_for(language.model, card), ids, **WAYS[way])
    assert torch.equal(ours, generated(language, reconstructing_cache(card), ids, **WAYS[way]))


@pytest.mark.grid
@every_composed
@pytest.mark.parametrize("way", ["greedy", "beam, returned", "sampling"])
def test_composed_cards_decode_a_batch_padded_on_the_left(language, name, way):
    ids, mask, _ = padded(language)
    card, options = composed_card(language, name), {**WAYS[way], "attention_mask": mask}
    ours = generated(language, cache_for(language.model, card), ids, **options)
    assert torch.equal(ours, generated(language, reconstructing_cache(card), ids, **options))


@pytest.mark.grid(strength=1)
@every_composed
def test_guesses_change_nothing_with_composed_cards(language, name):
    ids, card = ids_of(language, 24), composed_card(language, name)
    plain, guessed = (
        generated(language, cache_for(language.model, card), ids, **WAYS[way])
        for way in ("greedy", "prompt lookup")
    )
    assert torch.equal(guessed, plain)


@pytest.mark.grid
@every_composed
@pytest.mark.parametrize("change", [cropped, reset, repeated, selected, reordered])
def test_changes_of_a_composed_cache_equal_those_of_its_reconstructions(language, name, change):
    card = composed_card(language, name)
    cache = cache_for(language.model, card)
    ours = read_with_changes(language, cache, change)
    expected = read_with_changes(language, reconstructing_cache(card), change)
    assert float((ours - expected).abs().mean()) < 1e-3 * float(expected.std())
    if COMPOSED[name].quantizer is not None:
        assert cache.layers[0].values.dtype == torch.uint8
