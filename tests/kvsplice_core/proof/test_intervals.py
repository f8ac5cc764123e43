"""Intervals hold the mean, count every token the same, and pair what belongs together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.proof.intervals import paired_difference, quality_of
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.evaluate import DocumentScore

counts = st.integers(1, 2_000)
sums = st.floats(0, 1e4)
documents = st.builds(
    DocumentScore, st.just("d"), counts, sums, sums, sums, st.integers(0, 1), st.floats(0, 1)
)


def scores(*found):
    return TextScores(tuple(found), tuple(found))


def document(nll, tokens=10, base=10.0):
    return DocumentScore("d", tokens, base, nll, 1.0, 5, 0.1)


@given(st.lists(documents, min_size=1, max_size=9))
def test_every_interval_holds_its_mean(found):
    quality = quality_of(scores(*found))
    for name in vars(quality):
        estimate = getattr(quality, name)
        assert estimate.low <= estimate.value <= estimate.high


def test_the_mean_is_a_ratio_of_sums():
    quality = quality_of(scores(document(30.0, tokens=10), document(10.0, tokens=90)))
    assert quality.nll.value == pytest.approx(0.4)
    assert quality.perplexity.value == pytest.approx(math.exp(0.4))


def test_the_same_seed_gives_the_same_interval():
    found = scores(*(document(float(i), tokens=10 + i) for i in range(6)))
    assert quality_of(found, 1) == quality_of(found, 1)
    assert quality_of(found, 1) != quality_of(found, 2)


def test_the_difference_is_paired():
    # Documents differ by far more than the cost: unpaired, the interval would be as wide.
    found = scores(*(document(100.0 * i + 1.0, base=100.0 * i) for i in range(1, 8)))
    quality = quality_of(found)
    assert quality.nll.high - quality.nll.low > 10
    assert quality.delta_nll.high - quality.delta_nll.low < 1e-9


def test_two_cards_are_compared_document_by_document():
    theirs = scores(*(document(100.0 * i) for i in range(1, 8)))
    ours = scores(*(document(100.0 * i - 2.0) for i in range(1, 8)))
    change = paired_difference(ours, theirs)
    assert (change.low, change.value, change.high) == pytest.approx((-0.2, -0.2, -0.2))


def test_of_one_document_the_windows_are_drawn():
    windows = tuple(document(float(nll)) for nll in (5, 10, 20))
    quality = quality_of(TextScores((document(35.0, tokens=30),), windows))
    assert quality.nll.value == pytest.approx(35 / 30)
    assert quality.nll.low < quality.nll.value < quality.nll.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(60):
        found = scores(*(document(float(nll)) for nll in rng.normal(20, 3, size=25)))
        nll = quality_of(found, seed).nll
        covered += nll.low <= 2.0 <= nll.high
    assert covered >= 50
