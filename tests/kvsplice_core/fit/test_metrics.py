"""Scores equal their textbook forms; intervals hold what they claim."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.estimates import Verdict
from kvsplice_core.fit import metrics
from kvsplice_core.fit.metrics import change_against, mean_squared_error, rounding_error, score
from tests.kvsplice_core.makers import gaussian_rows


@given(dim=st.integers(2, 6), offset=st.sampled_from([0.0, 3.0, -500.0]), seed=st.integers(0, 99))
def test_scores_equal_numpy(dim, offset, seed):
    x = gaussian_rows(50, dim, seed) + offset
    back = x + 0.3 * gaussian_rows(50, dim, seed + 1)
    mean = gaussian_rows(30, dim, seed + 2).mean(0) + offset
    found = score(x, lambda _: back, mean, k=2)
    a, b, centre = (t.double().numpy() for t in (x, back, mean))
    scores = found.scores
    assert scores.mse == pytest.approx(((a - b) ** 2).mean(), rel=1e-9)
    assert scores.nmse == pytest.approx(((a - b) ** 2).mean() / ((a - centre) ** 2).mean())
    assert scores.pearson == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-6)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    assert scores.cosine == pytest.approx(((a * b).sum(1) / norms).mean(), rel=1e-9)
    assert scores.compression_ratio == dim / 2
    np.testing.assert_allclose(found.row_errors, ((a - b) ** 2).mean(1), rtol=1e-9)
    assert mean_squared_error(x, lambda _: back) == pytest.approx(scores.mse, rel=1e-5)


def test_working_in_chunks_changes_nothing(monkeypatch):
    x, mean = gaussian_rows(100, 4), torch.zeros(4)
    whole = score(x, lambda rows: rows * 0.9, mean, k=1)
    monkeypatch.setattr(metrics, "_CHUNK_ROWS", 7)
    pieces = score(x, lambda rows: rows * 0.9, mean, k=1)
    np.testing.assert_allclose(pieces.row_errors, whole.row_errors)
    assert pieces.scores.pearson == pytest.approx(whole.scores.pearson)
    assert pieces.scores.nmse == pytest.approx(whole.scores.nmse)


def test_a_perfect_reconstruction_scores_perfectly():
    x = gaussian_rows(50, 3)
    scores = score(x, lambda rows: rows, x.mean(0), k=3).scores
    assert scores.mse == scores.nmse == 0
    assert scores.pearson == pytest.approx(1)
    assert scores.cosine == pytest.approx(1)


def test_constant_and_zero_vectors_give_finite_scores():
    x = torch.zeros(20, 3)
    scores = score(x, lambda rows: rows, x.mean(0), k=1).scores
    assert all(np.isfinite([scores.mse, scores.nmse, scores.pearson, scores.cosine]))


def errors_of(tokens, seed, correlation=0.0):
    """Return positive errors, alike among neighbours."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(tokens)
    for i in range(1, tokens):
        noise[i] = correlation * noise[i - 1] + np.sqrt(1 - correlation**2) * noise[i]
    return np.exp(0.5 * noise)


@given(tokens=st.integers(1, 500), seed=st.integers(0, 99))
def test_equal_codecs_tie(tokens, seed):
    errors = errors_of(tokens, seed)
    change = change_against(errors, errors)
    assert (change.percent, change.low, change.high) == (0, 0, 0)
    assert change.verdict is Verdict.TIE


@given(tokens=st.integers(2, 500), seed=st.integers(0, 99), factor=st.floats(0.1, 3))
def test_a_factor_on_every_error_is_found_exactly(tokens, seed, factor):
    errors = errors_of(tokens, seed)
    change = change_against(factor * errors, errors)
    for number in (change.percent, change.low, change.high):
        assert number == pytest.approx(100 * (factor - 1), abs=1e-9)
    if abs(factor - 1) > 1e-6:
        assert change.verdict is (Verdict.GAIN if factor < 1 else Verdict.LOSS)


def test_no_error_on_both_sides_is_a_tie():
    nothing = np.zeros(300)
    change = change_against(nothing, nothing)
    assert (change.percent, change.low, change.high) == (0, 0, 0)
    assert change.verdict is Verdict.TIE


def test_what_only_rounding_lost_is_a_tie():
    x = gaussian_rows(300, 4) + 7
    floor = rounding_error(x)
    assert floor == pytest.approx(1e-10 * float(x.double().square().mean()), rel=1e-6)
    theirs = np.full(300, 0.1 * floor)
    assert change_against(5 * theirs, theirs, rounding=floor).verdict is Verdict.TIE
    assert change_against(50 * theirs, theirs, rounding=floor).verdict is Verdict.LOSS


def test_a_clear_gain_is_found_and_noise_is_not():
    reference = errors_of(4000, 0)
    noise = errors_of(4000, 1)
    assert change_against(0.5 * noise, reference).verdict is Verdict.GAIN
    assert change_against(2 * noise, reference).verdict is Verdict.LOSS


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(correlation):
    # Both have the same expectation, so the truth is 0; 64 blocks of correlated tokens.
    held = 0
    for seed in range(60):
        pair = [errors_of(2048, 2 * seed + i, correlation) for i in range(2)]
        held += change_against(*pair).verdict is Verdict.TIE
    # 95 % promised: 57 of 60; under 50 has a chance below 10⁻³ even at 92 %.
    assert held >= 50


def test_rows_of_a_token_stay_together():
    # Twelve heads of a token err alike: counted as twelve tokens they would feign certainty.
    errors = np.repeat(errors_of(400, 3, 0.9), 12)
    reference = np.repeat(errors_of(400, 4, 0.9), 12)
    pooled = change_against(errors, reference, rows_per_token=12)
    single = change_against(errors[::12], reference[::12])
    assert pooled.percent == pytest.approx(single.percent)
    assert pooled.low == pytest.approx(single.low)
    assert pooled.high == pytest.approx(single.high)


def test_the_seed_decides_the_draws():
    errors, reference = errors_of(500, 0), errors_of(500, 1)
    first, again, other = (change_against(errors, reference, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.percent == other.percent
