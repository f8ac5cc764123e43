"""The audit lets the honest cache pass and exposes every planted fake."""

import math
from dataclasses import replace

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.proof import audit as auditing
from kvsplice_core.proof import controls as judging
from kvsplice_core.proof.audit import audit, audit_texts
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.scoring import BaseLogProbs, score_text
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.kvsplice_core.cache.cards import composed_card
from tests.kvsplice_core.proof.fakes import FAKES, originals_beyond
from tests.kvsplice_core.proof.models import long_gpt2
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

KEYS = ["identity", "rank-one", "random-basis", "chunks", "reads"]
models = pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
modes = pytest.mark.parametrize("mode", ["strict", "window"])


def audited(language, card, mode, make_cache=cache_for, documents=None):
    windows = text_windows(language, documents or some_documents(3), 1_000)
    reader = CacheReader.of(language, EvalSpec(mode=mode), make_cache)
    return run(audit(reader, card, windows)).controls


def failed(controls):
    return [control.key for control in controls if not control.passed]


@pytest.mark.grid
@models
@modes
@pytest.mark.parametrize("sides", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("k", [1, 4, 10, 16])
def test_the_honest_cache_passes(make, mode, sides, k):
    values, keys = sides
    language = make()
    controls = audited(language, pca_card(language, k, values=values, keys=keys), mode)
    assert [control.key for control in controls] == KEYS
    assert failed(controls) == []


@pytest.mark.grid
@models
@modes
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("name", FAKES)
def test_a_fake_is_exposed(make, mode, keys, name):
    language = make()
    controls = audited(language, pca_card(language, 8, keys=keys), mode, FAKES[name])
    assert "reads" in failed(controls)


_MORE = ("blocks of int4", "plain rounding", "pooled companded")
QUANTIZED = ("joined levels", *(pytest.param(name, marks=pytest.mark.slow) for name in _MORE))


@pytest.mark.grid(strength=1)
@models
@modes
@pytest.mark.parametrize("sides", ["v", "both"])
@pytest.mark.parametrize("name", QUANTIZED)
def test_an_honest_cache_of_bytes_passes(make, mode, sides, name):
    language = make()
    controls = audited(language, composed_card(language, name, sides), mode)
    assert [control.key for control in controls] == KEYS
    assert failed(controls) == []


@pytest.mark.grid(strength=0)
@modes
@pytest.mark.parametrize("name", FAKES)
def test_a_fake_is_exposed_with_a_quantized_joined_card_too(mode, name):
    language = tiny_gpt2()
    card = composed_card(language, "joined levels")
    assert "reads" in failed(audited(language, card, mode, FAKES[name]))


@pytest.mark.grid(strength=1)
@modes
@pytest.mark.parametrize("keys", [False, True])
def test_originals_on_passes_longer_than_the_audits_own_texts_are_exposed(mode, keys):
    language = long_gpt2()
    card = pca_card(tiny_gpt2(), 8, keys=keys)
    card = replace(card, model=language.facts)
    windows = text_windows(language, some_documents(3, 400), 1_000)
    longest = max(text.tokens for text in audit_texts(windows))
    assert max(window.tokens for window in windows) > 200 > longest
    reader = CacheReader.of(language, EvalSpec(mode=mode), originals_beyond(200))
    honest = CacheReader.of(language, EvalSpec(mode=mode))
    assert {"chunks", "reads"} <= set(failed(run(audit(reader, card, windows)).controls))
    assert failed(run(audit(honest, card, windows)).controls) == []


@modes
def test_one_dishonest_pass_of_the_scoring_is_exposed(mode):
    language, card = tiny_gpt2(), pca_card(tiny_gpt2(), 8)
    windows = text_windows(language, some_documents(3), 1_000)
    spec = EvalSpec(mode=mode)
    audited = run(audit(CacheReader.of(language, spec), card, windows))
    for make, keys in ((cache_for, []), (FAKES["originals on prefill"], ["reads"])):
        watch = ReadErrors()
        reader = CacheReader.of(language, spec, make).watched_by(watch)
        run(score_text(reader, card, windows[:1], BaseLogProbs(language)))
        assert failed(audited.with_scored(watch)) == keys


@pytest.mark.grid(strength=1)
@models
@modes
def test_originals_on_prefill_also_show_in_the_chunks(make, mode):
    language = make()
    controls = audited(language, pca_card(language, 4), mode, FAKES["originals on prefill"])
    assert "chunks" in failed(controls)


@pytest.mark.grid(strength=1)
@models
@modes
def test_what_is_never_read_also_shows_at_k_1(make, mode):
    language = make()
    controls = audited(language, pca_card(language, 8), mode, FAKES["compressed but never read"])
    assert {"rank-one", "random-basis"} <= set(failed(controls))


@pytest.mark.parametrize(("window", "named"), [(1, False), (64, False), (120, True)])
def test_a_smaller_window_of_the_audit_is_named(window, named):
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(2), 1_000)
    reader = CacheReader.of(language, EvalSpec(mode="window", window=window))
    controls = run(audit(reader, pca_card(language, 8), windows)).controls
    claims = [control.claim for control in controls if "newest 32 tokens raw" in control.claim]
    assert len(claims) == (len(KEYS) - 1 if named else 0)


@pytest.mark.parametrize("window", [1, 64, 120])
def test_any_window_leaves_something_to_audit(window):
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(2), 1_000)
    reader = CacheReader.of(language, EvalSpec(mode="window", window=window))
    assert failed(run(audit(reader, pca_card(language, 8), windows)).controls) == []


def test_text_too_short_to_read_compressed_proves_nothing():
    language = tiny_gpt2()
    windows = [window.first(3) for window in text_windows(language, some_documents(1), 100)]
    reader = CacheReader(language, "window")
    assert "reads" in failed(run(audit(reader, pca_card(language, 8), windows)).controls)


def test_a_measure_that_is_no_number_fails():
    card = pca_card(tiny_gpt2(), 8)
    controls = [
        judging.identity(math.nan),
        judging.rank_one(math.nan, 0.1, card),
        judging.rank_one(0.1, math.nan, card),
        judging.random_basis(math.nan, 0.1, 0.5),
        judging.chunks("", math.nan, 0.0),
        judging.reads(ReadErrors(math.nan, 3)),
        judging.reads(ReadErrors(0.0, 3), ReadErrors(math.nan, 3)),
    ]
    assert len(failed(controls)) == len(controls)


def test_the_audit_yields_as_many_steps_as_it_says():
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(1), 100)
    assert len(list(audit(CacheReader(language), pca_card(language, 8), windows))) == auditing.STEPS


def test_little_text_of_few_documents_is_read():
    language = tiny_gpt2()
    texts = audit_texts(text_windows(language, some_documents(6), 3_000))
    assert len({text.index for text in texts}) == len(texts) == auditing.TEXTS
    assert sum(text.tokens for text in texts) <= auditing.TOKENS
