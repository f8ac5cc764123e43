"""Greedy continuations are the model's own, and the first divergence is where they part."""

import pytest
import torch

from kvsplice_core.codec.card import full_rank
from kvsplice_core.proof.continuation import PROMPT, continuation_of, greedy
from kvsplice_core.proof.reading import CacheReader, dense_cache
from kvsplice_core.proof.windows import text_windows
from tests.language_models import CONTEXT, pca_card, some_documents, tiny_gpt2, tiny_llama

models = pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])


def first_window(language):
    return text_windows(language, some_documents(1), 200)[0]


@models
def test_greedy_is_what_generate_gives(make):
    language = make()
    ids = first_window(language).ids[:, :20]
    wanted = language.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=12,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=256,
    )[0, 20:]
    assert greedy(language, dense_cache(), ids, 12) == wanted.tolist()


@models
@pytest.mark.parametrize("mode", ["strict", "window"])
def test_a_card_that_loses_nothing_says_the_same(make, mode):
    language = make()
    card = pca_card(language, 5).replace_codecs(full_rank)
    found = continuation_of(CacheReader(language, mode), card, first_window(language), 10)
    assert found.first_divergence is None
    assert found.base == found.compressed == found.shared


def test_continuations_part_at_the_first_divergence():
    language = tiny_llama()
    card, window = pca_card(language, 2, keys=True), first_window(language)
    found = continuation_of(CacheReader(language), card, window, 20)
    prompt = window.ids[:, :PROMPT]
    base = greedy(language, dense_cache(), prompt, 20)
    ours = greedy(language, CacheReader(language).cache(card), prompt, 20)
    assert base[: found.first_divergence] == ours[: found.first_divergence]
    assert base[found.first_divergence] != ours[found.first_divergence]
    assert found.shared == language.tokenizer.decode(base[: found.first_divergence])


@pytest.mark.parametrize("tokens", [CONTEXT - 3, CONTEXT, 5_000])
def test_prompt_and_continuation_stay_within_the_context(tokens):
    language = tiny_gpt2()
    found = continuation_of(
        CacheReader(language), pca_card(language, 8), first_window(language), tokens
    )
    assert 1 <= found.tokens <= CONTEXT - len(found.prompt)


def test_no_tokens_no_continuation():
    language = tiny_gpt2()
    reader = CacheReader(language)
    assert continuation_of(reader, pca_card(language, 8), first_window(language), 0) is None
