"""PCA equals its textbook form, in fp64 whatever the data's offset."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec import pca as module
from kvsplice_core.codec.pca import fit_pca
from tests.kvsplice_core.makers import gaussian_rows


def textbook(x, k):
    """Return variances, and the reconstruction at k, by the SVD of the centred data."""
    x = x.double().numpy()
    centred = x - x.mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    return singular**2 / (len(x) - 1), centred @ axes[:k].T @ axes[:k] + x.mean(0)


@given(dim=st.integers(2, 8), offset=st.sampled_from([0.0, 50.0, -1e4]), seed=st.integers(0, 99))
def test_it_equals_numpys_svd(dim, offset, seed):
    x = gaussian_rows(80, dim, seed).double() + offset
    pca = fit_pca(x)
    for k in range(1, dim + 1):
        variances, expected = textbook(x, k)
        projection = pca.projection(k)
        found = projection.decode(projection.encode(x))
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(pca.variances.numpy(), variances, rtol=1e-6, atol=1e-9)


def test_a_large_offset_costs_fp32_no_digits():
    x = gaussian_rows(5000, 4)
    # 2¹⁴ keeps the low bits of every number, so both sets hold the same deviations.
    x = (x * 64).round() / 64
    near, far = fit_pca(x), fit_pca(x + 2.0**14)
    torch.testing.assert_close(far.variances, near.variances, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(far.basis, near.basis, rtol=1e-5, atol=1e-6)


def test_a_first_chunk_far_from_the_rest_costs_no_digits(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_ROWS", 10)
    x = gaussian_rows(100, 4).double()
    x[:10] += 1000
    variances, _ = textbook(x, 4)
    np.testing.assert_allclose(fit_pca(x).variances.numpy(), variances, rtol=1e-7)


@given(dim=st.integers(2, 8), seed=st.integers(0, 99))
def test_mse_for_every_k_equals_explicit_reconstruction(dim, seed):
    train, test = gaussian_rows(60, dim, seed), gaussian_rows(40, dim, seed + 1)
    pca = fit_pca(train)
    found = pca.mse_for_every_k(test)
    assert found.dtype == torch.float64
    for k in range(1, dim + 1):
        projection = pca.projection(k)
        explicit = (projection.decode(projection.encode(test)) - test).double().square().mean()
        assert float(found[k - 1]) == pytest.approx(float(explicit), rel=1e-4, abs=1e-9)


@given(dim=st.integers(2, 8), seed=st.integers(0, 99))
def test_each_axis_points_where_its_largest_entry_is_positive(dim, seed):
    basis = fit_pca(gaussian_rows(60, dim, seed)).basis
    largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    assert bool((largest > 0).all())


@given(dim=st.integers(2, 8), seed=st.integers(0, 99))
def test_the_axes_are_orthonormal_and_sorted(dim, seed):
    pca = fit_pca(gaussian_rows(60, dim, seed).double())
    torch.testing.assert_close(pca.basis.T @ pca.basis, torch.eye(dim, dtype=torch.float64))
    assert bool((pca.variances[1:] <= pca.variances[:-1]).all())
    kept = pca.variance_kept()
    assert bool((kept[1:] >= kept[:-1]).all())
    assert float(kept[-1]) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_keeps_the_dtype_and_leaves_the_data_alone(dtype):
    x = gaussian_rows(60, 3).to(dtype)
    before = x.clone()
    pca = fit_pca(x)
    assert torch.equal(x, before)
    assert pca.mean.dtype == pca.basis.dtype == dtype
    assert pca.variances.dtype == torch.float64


def test_constant_vectors_have_no_variance_but_axes():
    pca = fit_pca(torch.full((20, 3), 4.5))
    assert pca.variances.tolist() == [0, 0, 0]
    assert bool(pca.variance_kept().isfinite().all())
    projection = pca.projection(1)
    torch.testing.assert_close(projection.decode(torch.zeros(1, 1)), torch.full((1, 3), 4.5))


@pytest.mark.parametrize("k", [-1, 0, 5])
def test_a_k_outside_the_dimension_is_refused(k):
    with pytest.raises(SpecError, match=rf"between 1 and the dimension 4; got {k}"):
        fit_pca(gaussian_rows(20, 4)).projection(k)


def test_map_reaches_every_tensor_of_a_projection():
    doubled = fit_pca(gaussian_rows(20, 4)).projection(2).map(torch.Tensor.double)
    assert {t.dtype for t in doubled.tensors().values()} == {torch.float64}
    assert doubled.k == 2
