"""Axes come back exactly and are what their names say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.transforms.linear import linear_axes
from tests.kvsplice_core.makers import gaussian_rows


def weight_of(dim, hidden, seed=3):
    return torch.randn(dim, hidden, generator=torch.Generator().manual_seed(seed))


def covariance(rows):
    return rows.double().T.cov()


@given(
    kind=st.sampled_from(list(Axes)),
    dim=st.integers(2, 9),
    hidden=st.integers(1, 12),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
    seed=st.integers(0, 99),
)
def test_every_axes_come_back(kind, dim, hidden, scale, seed):
    rows = gaussian_rows(200, dim, seed).double() * scale
    axes = linear_axes(kind, rows, weight_of(dim, hidden, seed))
    assert axes.matrix.dtype == rows.dtype
    torch.testing.assert_close(axes.inverse(axes.forward(rows)), rows, rtol=1e-8, atol=1e-8 * scale)


@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-3, 1.0, 100.0]))
def test_whitened_vectors_have_unit_covariance(seed, scale):
    rows = gaussian_rows(300, 5, seed).double() * scale
    white = linear_axes(Axes.WHITENED, rows).forward(rows)
    torch.testing.assert_close(
        covariance(white), torch.eye(5, dtype=torch.float64), rtol=1e-5, atol=1e-5
    )


@given(seed=st.integers(0, 99))
def test_principal_axes_keep_lengths_and_part_the_variances(seed):
    rows = gaussian_rows(300, 5, seed).double()
    turned = linear_axes(Axes.PCA, rows).forward(rows)
    torch.testing.assert_close(turned.norm(dim=1), rows.norm(dim=1))
    found = covariance(turned)
    variances = found.diagonal()
    assert bool((variances.diff() <= 1e-9).all())
    assert float((found - variances.diag()).abs().max()) <= 1e-8 * float(variances[0])


@given(hidden=st.integers(1, 12), seed=st.integers(0, 99))
def test_distance_in_output_axes_is_the_error_behind_the_projection(hidden, seed):
    rows = gaussian_rows(300, 5, seed).double()
    weight = weight_of(5, hidden, seed).double()
    axes = linear_axes(Axes.OUTPUT, rows, weight)
    error = torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    ours, behind = axes.forward(error).norm(dim=1), (error @ weight).norm(dim=1)
    # What the projection erases keeps a thousandth of its largest gain.
    erased = 1e-3 * float(torch.linalg.matrix_norm(weight, 2))
    assert bool(((ours - behind).abs() <= 1.01 * erased * error.norm(dim=1)).all())
    found = covariance(axes.forward(rows))
    assert float((found - found.diagonal().diag()).abs().max()) <= 1e-6 * float(found.max())


@pytest.mark.parametrize("kind", [Axes.PCA, Axes.WHITENED])
def test_dimensions_that_never_change_come_back(kind):
    rows = gaussian_rows(200, 4).double()
    rows[:, 1], rows[:, 3] = 2.0, rows[:, 0]
    axes = linear_axes(kind, rows)
    torch.testing.assert_close(axes.inverse(axes.forward(rows)), rows)
    still = torch.ones(50, 4)
    axes = linear_axes(kind, still)
    torch.testing.assert_close(axes.inverse(axes.forward(still)), still)


def test_raw_axes_change_nothing():
    rows = gaussian_rows(10, 3)
    assert torch.equal(linear_axes(Axes.RAW, rows).forward(rows), rows)


def test_output_axes_need_a_weight_that_fits():
    rows = gaussian_rows(50, 4)
    with pytest.raises(SpecError, match="weight"):
        linear_axes(Axes.OUTPUT, rows)
    with pytest.raises(DataError, match=r"\(4, hidden\)"):
        linear_axes(Axes.OUTPUT, rows, torch.ones(5, 3))
    with pytest.raises(DataError, match="zero"):
        linear_axes(Axes.OUTPUT, rows, torch.zeros(4, 3))
