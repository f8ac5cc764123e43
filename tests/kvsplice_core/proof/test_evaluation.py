"""An evaluation is whole, refuses other models' cards, can be left; continuations part rightly."""

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import CompressedCache
from kvsplice_core.codec.card import full_rank
from kvsplice_core.proof.evaluation import PROMPT, continuation_of, evaluate, greedy
from kvsplice_core.proof.reading import CacheReader, dense_cache
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.kvsplice_core.proof.fakes import FAKES
from tests.language_models import CONTEXT, pca_card, some_documents, tiny_gpt2, tiny_llama

SMALL = EvalSpec(tokens=400, tensor_tokens=100, continuation_tokens=5)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
@pytest.mark.parametrize("mode", ["strict", "window"])
def test_an_evaluation_is_whole(make, mode):
    language = make()
    card = pca_card(language, 8, keys=True)
    steps = []
    result = run(
        evaluate(language, card, some_documents(3), replace(SMALL, mode=mode)), steps.append
    )
    assert result.is_valid
    assert [document.name for document in result.documents] == [f"document-{i}" for i in range(3)]
    assert len(result.heads) == 2 * language.shape.layers * language.shape.kv_heads
    assert result.continuation.tokens == 5
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_bytes_are_those_of_the_real_caches():
    language = tiny_llama()
    card = pca_card(language, 8)
    result = run(evaluate(language, card, some_documents(3), SMALL))
    held = result.tokens_held
    vectors = 2 * 2 * held  # layers, KV heads, tokens
    assert held == CONTEXT
    assert result.dense_bytes == 4 * vectors * (16 + 16)
    assert result.side_bytes == CacheReader(language).cache(card).stored_bytes().side > 0
    assert result.stored_bytes == 4 * vectors * (16 + 8) + result.side_bytes


def test_a_window_holds_only_its_newest_tokens_raw():
    language = tiny_llama()
    card = pca_card(language, 8)
    spec = replace(SMALL, mode="window", window=10)
    strict = run(evaluate(language, card, some_documents(3), SMALL))
    window = run(evaluate(language, card, some_documents(3), spec))
    assert window.stored_bytes - strict.stored_bytes == 4 * 2 * 2 * (10 + 4) * 16


@pytest.mark.grid(strength=0)
@pytest.mark.parametrize("name", FAKES)
def test_a_fake_makes_the_result_invalid(name):
    language = tiny_gpt2()
    card = pca_card(language, 8)
    result = run(evaluate(language, card, some_documents(3), SMALL, make_cache=FAKES[name]))
    assert not result.is_valid


def test_a_card_of_other_weights_is_refused():
    other = replace(tiny_gpt2(), sha256="0" * 64)
    with pytest.raises(LanguageModelError, match="only the weights it was made for") as refused:
        run(evaluate(other, pca_card(tiny_gpt2(), 8), some_documents(1), SMALL))
    assert "." not in str(refused.value)


def test_more_context_than_the_model_has_is_refused():
    language = tiny_gpt2()
    spec = replace(SMALL, context=CONTEXT + 1)
    with pytest.raises(SpecError, match="context must lie between"):
        run(evaluate(language, pca_card(language, 8), some_documents(1), spec))


def test_leaving_early_leaves_the_model_as_it_was(monkeypatch):
    language = tiny_gpt2()
    before = language.model.config._attn_implementation
    work = evaluate(language, pca_card(language, 8), some_documents(3), SMALL)
    while "errors of each head" not in next(work).text:
        assert language.model.config._attn_implementation == before
    work.close()
    assert language.model.config._attn_implementation == before


def test_every_text_gets_a_new_cache(monkeypatch):
    language, made = tiny_gpt2(), []

    def counted(model, card, *, mode, window):
        from kvsplice_core.cache.compressed import cache_for

        made.append(cache_for(model, card, mode=mode, window=window))
        return made[-1]

    run(evaluate(language, pca_card(language, 8), some_documents(3), SMALL, make_cache=counted))
    assert all(isinstance(cache, CompressedCache) for cache in made)
    assert all(0 < cache.get_seq_length() <= CONTEXT for cache in made)


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
