"""A watch compares what a cache returns with the card's reconstruction of what it was given."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.progress import run
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.scoring import BaseLogProbs, score_text
from kvsplice_core.proof.watching import ReadErrors, larger, relative_error
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.language_models import pca_card, some_documents, tiny_llama

numbers = st.floats(0, 1e6) | st.just(math.nan)


@pytest.mark.parametrize(("mode", "raw"), [("strict", 0), ("window", 4)])
def test_every_scored_pass_is_compared(mode, raw):
    language, watch = tiny_llama(), ReadErrors()
    windows = text_windows(language, some_documents(2), 300)
    reader = CacheReader.of(language, EvalSpec(mode=mode, window=9)).watched_by(watch)
    run(score_text(reader, pca_card(language, 6, keys=True), windows, BaseLogProbs(language)))
    assert watch.vectors == 2 * 2 * sum(window.tokens - raw for window in windows)
    assert watch.error < 1e-5


def test_watching_changes_no_prediction():
    language = tiny_llama()
    ids = text_windows(language, some_documents(1), 80)[0].ids
    card, reader = pca_card(language, 6, keys=True), CacheReader(language)
    watched = reader.watched_by(ReadErrors())
    assert torch.equal(reader.log_probs(card, ids), watched.log_probs(card, ids))


@given(numbers, numbers)
def test_the_larger_number_or_none(a, b):
    found = larger(a, b)
    assert math.isnan(found) if math.isnan(a) or math.isnan(b) else found == max(a, b)


def test_relative_errors():
    x = torch.ones(2, 3)
    assert relative_error(x, x) == 0.0
    assert relative_error(1.1 * x, x) == pytest.approx(0.1)
    assert relative_error(x, torch.ones(3, 2)) == math.inf
    assert math.isnan(relative_error(x * torch.nan, x))
