"""Scores equal their textbook forms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.fit import metrics
from kvsplice_core.fit.metrics import mean_squared_error, row_errors, score
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


def test_errors_in_another_unit_are_those_of_the_vectors_in_it():
    x, root = gaussian_rows(30, 4), torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    found = row_errors(x, lambda rows: 0.5 * rows, root)
    expected = (0.5 * x.double() @ root.double()).square().mean(1)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)
