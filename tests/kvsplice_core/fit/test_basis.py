"""Axes in the metric of W_O lose least of what W_O reads."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.fit.basis import Metric, fit_basis
from tests.kvsplice_core.makers import gaussian_rows

DIM = 6
ROWS = gaussian_rows(400, DIM)


def weight(seed, hidden=9):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(DIM, hidden, generator=generator) * torch.logspace(0, -2, DIM)[:, None]


def missed(projection, through):
    """Return the mean squared error of the training rows behind a matrix."""
    rest = (ROWS - projection.decode(projection.encode(ROWS))) @ through
    return float(rest.double().square().sum(1).mean())


@given(seed=st.integers(0, 50), k=st.integers(1, DIM - 1))
def test_behind_w_o_no_basis_of_equal_k_is_better(seed, k):
    seen = weight(seed)
    ours = missed(fit_basis(ROWS, Metric.of_output(seen)).projection(k), seen)
    assert ours <= missed(fit_pca(ROWS).projection(k), seen) * (1 + 1e-3)
    other = Metric.of_output(weight(seed + 100))
    assert ours <= missed(fit_basis(ROWS, other).projection(k), seen) * (1 + 1e-3)


@given(seed=st.integers(0, 50), k=st.integers(1, DIM))
def test_coded_twice_is_coded_once(seed, k):
    projection = fit_basis(ROWS, Metric.of_output(weight(seed))).projection(k)
    once = projection.decode(projection.encode(ROWS))
    twice = projection.decode(projection.encode(once))
    torch.testing.assert_close(twice, once, rtol=1e-2, atol=1e-2)
    if k == DIM:
        torch.testing.assert_close(once, ROWS, rtol=1e-2, atol=1e-2)


@given(seed=st.integers(0, 50))
def test_the_metric_is_that_of_w_o_up_to_one_factor(seed):
    seen, metric = weight(seed), Metric.of_output(weight(seed))
    behind = (ROWS @ seen).double().square().sum(1)
    ours = (ROWS @ metric.root).double().square().sum(1)
    torch.testing.assert_close(ours / ours.mean(), behind / behind.mean(), rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(metric.root, metric.root.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(metric.root @ metric.inverse, torch.eye(DIM), rtol=0, atol=1e-3)
    assert float((metric.root @ metric.root).trace() / DIM) == pytest.approx(1, rel=1e-4)


def test_a_direction_w_o_does_not_see_still_comes_back_at_full_rank():
    blind = weight(1)
    blind[2] = 0
    projection = fit_basis(ROWS, Metric.of_output(blind)).projection(DIM)
    found = projection.decode(projection.encode(ROWS))
    torch.testing.assert_close(found, ROWS, rtol=1e-2, atol=2e-2)


def test_without_a_metric_it_is_pca():
    ours, plain = fit_basis(ROWS).projection(3), fit_pca(ROWS).projection(3)
    assert torch.equal(ours.encoder, plain.encoder)
