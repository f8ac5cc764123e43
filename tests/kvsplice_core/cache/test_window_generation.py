"""Below k = d too, a window gives a prompt the same text however it is decoded or padded."""

from __future__ import annotations

import copy

import pytest
import torch

from kvsplice_core.cache.by_token import by_token
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.raw_tokens import Window
from tests.kvsplice_core.cache.cards import MODELS, SIDES, attention, card_of, ids_of, logits_of

NEW = 16
WINDOW = Window(sinks=4, newest=5)
PLAIN = {"max_new_tokens": NEW, "min_new_tokens": NEW, "pad_token_id": 256, "do_sample": False}
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
PADS = (0, 12)


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


def fresh(language, sides="both", mask=None):
    card = card_of(language, sides, 4)
    return cache_for(language.model, card, mode="window", window=WINDOW, attention_mask=mask)


def generated(language, cache, ids, mask=None, **options):
    mask = torch.ones_like(ids) if mask is None else mask
    options = PLAIN | options
    torch.manual_seed(3)
    return language.model.generate(ids, attention_mask=mask, past_key_values=cache, **options)


def repeating(language, seed):
    """Return a prompt that lets a look-up guess."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 250, (1, 6), generator=generator).repeat(1, 5)


def rough_copy(model):
    assistant = copy.deepcopy(model)
    torch.manual_seed(3)
    for parameter in assistant.parameters():
        parameter.add_(0.05 * parameter.std() * torch.randn_like(parameter))
    return assistant


def guessing(language):
    return {
        "prompt lookup": {"prompt_lookup_num_tokens": 4},
        "long prompt lookup": {"prompt_lookup_num_tokens": 9},
        "assistant": {"assistant_model": rough_copy(language.model)},
        "itself": {"assistant_model": language.model},
    }


@pytest.mark.grid
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sides", SIDES)
def test_by_token_guesses_change_nothing(language, sides, seed):
    ids = repeating(language, seed)
    cache = fresh(language, sides)
    with by_token(language.model, cache):
        plain = generated(language, cache, ids)
    for name, way in guessing(language).items():
        cache = fresh(language, sides)
        with by_token(language.model, cache):
            assert torch.equal(generated(language, cache, ids, **way), plain), name


def read_singly(language, ids):
    """Return a cache that read all but the last token of a prompt one by one."""
    cache = fresh(language)
    logits_of(language, ids[:, :-1], cache, piece=1)
    return cache


def test_by_token_greedy_is_greedy_behind_a_prompt_read_singly(language):
    ids, cache = repeating(language, 0), fresh(language)
    plain = generated(language, read_singly(language, ids), ids)
    with by_token(language.model, cache):
        assert torch.equal(generated(language, cache, ids), plain)


@pytest.mark.parametrize("way", [{"num_beams": 3}, {"do_sample": True, "top_k": 20}])
def test_by_token_beams_and_samples_too(language, way):
    ids, cache = repeating(language, 1), fresh(language)
    singly = read_singly(language, ids)
    singly.batch_repeat_interleave(way.get("num_beams", 1))
    plain = generated(language, singly, ids, **way)
    with by_token(language.model, cache):
        assert torch.equal(generated(language, cache, ids, **way), plain)


def test_after_a_rejected_guess_the_window_is_the_newest_tokens(language):
    """Guesses are taken back without a trace, when the tokens left are read one by one."""
    ids, guess = ids_of(language, 40), ids_of(language, 9, document=1)
    guessed, plain = fresh(language), fresh(language)
    guessed.activate_past_recording()
    for cache in (guessed, plain):
        logits_of(language, ids[:, :25], cache, piece=1)
    logits_of(language, guess, guessed)
    guessed.crop(-9)
    ours, single = (logits_of(language, ids[:, 25:], each, piece=1) for each in (guessed, plain))
    torch.testing.assert_close(ours, single, **CLOSE)


def padded(language):
    """Return two prompts of unlike lengths, padded on the left, with their mask."""
    prompts = [ids_of(language, 21 - pad, document=i) for i, pad in enumerate(PADS)]
    ids = torch.full((2, 21), 256)
    for row, (pad, prompt) in enumerate(zip(PADS, prompts, strict=True)):
        ids[row, pad:] = prompt
    mask = (torch.arange(21) >= torch.tensor(PADS)[:, None]).long()
    return ids, mask, prompts


@torch.no_grad()
def padded_logits(language, ids, mask, cache, piece):
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    parts = []
    for end in range(piece, 21 + piece, piece):
        new = slice(end - piece, min(end, 21))
        parts.append(
            language.model(
                ids[:, new],
                attention_mask=mask[:, : new.stop],
                position_ids=positions[:, new],
                past_key_values=cache,
            ).logits
        )
    return torch.cat(parts, dim=1)


@pytest.mark.grid
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("piece", [21, 1])
@pytest.mark.parametrize("sides", SIDES)
def test_a_padded_row_reads_what_the_prompt_alone_reads(language, sides, piece, implementation):
    ids, mask, prompts = padded(language)
    with attention(language, implementation):
        both = padded_logits(language, ids, mask, fresh(language, sides, mask), piece)
        blind = padded_logits(language, ids, mask, fresh(language, sides), piece)
        alone = [logits_of(language, each, fresh(language, sides), piece) for each in prompts]
    for row, pad in enumerate(PADS):
        torch.testing.assert_close(both[row : row + 1, pad:], alone[row], **CLOSE)
    assert (blind[1:, 12:] - alone[1]).abs().max() > 0.05, "padding must matter without the mask"


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_padded_batch_continues_as_each_prompt_alone(language, beams, exact):
    ids, mask, prompts = padded(language)

    def continued(ids, mask):
        cache = fresh(language, mask=mask)
        if not exact:
            return generated(language, cache, ids, mask, num_beams=beams)
        with by_token(language.model, cache):
            return generated(language, cache, ids, mask, num_beams=beams)

    both = continued(ids, mask)
    for row, prompt in enumerate(prompts):
        alone = continued(prompt, None)
        assert torch.equal(both[row, 21:], alone[0, prompt.shape[1] :])
