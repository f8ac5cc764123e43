"""An evaluation is whole, refuses another model's card, and can be left at any step."""

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import CompressedCache
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.reading import CacheReader
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
