"""Scores are those of the predictions, and add up."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.progress import run
from kvsplice_core.codec.card import full_rank
from kvsplice_core.proof.reading import CacheReader, dense_log_probs
from kvsplice_core.proof.scoring import (
    BaseLogProbs,
    TextScores,
    added,
    compare,
    kl_of_rows,
    score_text,
)
from kvsplice_core.proof.windows import TextWindow, text_windows
from kvsplice_core.tasks.evaluate import DocumentScore
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama


def scored(language, card, windows, **reader):
    work = score_text(CacheReader(language, **reader), card, windows, BaseLogProbs(language))
    return run(work)


def log_probs(seed, rows=7, vocabulary=5):
    generator = torch.Generator().manual_seed(seed)
    return (5 * torch.randn(rows, vocabulary, generator=generator)).log_softmax(-1)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_kl_is_that_of_torch_and_never_negative(a, b):
    base, ours = log_probs(a), log_probs(b)
    wanted = torch.nn.functional.kl_div(ours, base, log_target=True, reduction="none").sum(-1)
    got = kl_of_rows(base, ours)
    assert torch.allclose(got.float(), wanted, atol=1e-5)
    assert (got >= 0).all()


def test_sums_of_a_window_by_hand():
    base = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log()
    ours = torch.tensor([[0.25, 0.75], [0.8, 0.2]]).log()
    score = compare(TextWindow("a", 0, torch.tensor([[0, 1, 0]])), base, ours)
    assert score.tokens == 2
    assert score.nll_base == pytest.approx(-torch.tensor([0.5, 0.9]).log().sum().item())
    assert score.nll == pytest.approx(-torch.tensor([0.75, 0.8]).log().sum().item())
    assert score.squared_dp == pytest.approx(0.25**2 + 0.1**2)
    assert score.agreements == 1


def test_scores_of_windows_add_up_to_those_of_documents():
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(3), 700)
    scores = scored(language, pca_card(language, 6), windows)
    assert len(scores.windows) == len(windows)
    assert len(scores.documents) == 3
    for document in scores.documents:
        assert document == added([w for w in scores.windows if w.name == document.name])
    assert scores.tokens == sum(window.tokens - 1 for window in windows)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
@pytest.mark.parametrize("mode", ["strict", "window"])
def test_full_rank_costs_nothing(make, mode):
    language = make()
    card = pca_card(language, 4, keys=True).replace_codecs(full_rank)
    scores = scored(language, card, text_windows(language, some_documents(2), 300), mode=mode)
    assert scores.kl < 1e-6
    assert abs(scores.delta_nll) < 1e-5
    assert sum(one.agreements for one in scores.documents) > 0.99 * scores.tokens


def test_the_base_is_the_model_itself():
    language = tiny_gpt2()
    window = text_windows(language, some_documents(1), 100)[0]
    loss = language.model(window.ids, labels=window.ids, use_cache=False).loss
    scores = scored(language, pca_card(language, 4), [window])
    assert scores.documents[0].nll_base / scores.tokens == pytest.approx(float(loss), rel=1e-5)


def test_less_kept_costs_more():
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(2), 400)
    costs = [scored(language, pca_card(language, k), windows).kl for k in (2, 6, 12)]
    assert costs == sorted(costs, reverse=True)


def test_the_base_is_computed_once_where_it_fits(monkeypatch):
    language, calls = tiny_gpt2(), []

    def counted(language, ids):
        calls.append(ids)
        return dense_log_probs(language, ids)

    monkeypatch.setattr("kvsplice_core.proof.scoring.dense_log_probs", counted)
    first, second = text_windows(language, some_documents(2), 200)
    base = BaseLogProbs(language, kept_bytes=dense_log_probs(language, first.ids).nbytes)
    assert torch.equal(base.of(first), base.of(first))
    assert torch.equal(base.of(second), base.of(second))
    assert len(calls) == 3


@pytest.mark.parametrize("count", range(8))
def test_halves_share_no_document_and_lose_none(count):
    documents = tuple(DocumentScore(str(i), 10, 1.0, 2.0, 1.0, 5, 0.1) for i in range(count))
    halves = TextScores(documents, ()).halves
    if count < 4:
        assert halves is None
        return
    sizes = [len(half.documents) for half in halves]
    assert max(sizes) - min(sizes) <= 1
    assert {d for half in halves for d in half.documents} == set(documents)
    assert sum(sizes) == count
    assert all(half.units == half.documents for half in halves)
