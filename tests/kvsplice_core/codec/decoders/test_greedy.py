import pytest
import torch

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.decoders.greedy import greedy_axes
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.pca import fit_pca
from tests.kvsplice_core.codec.decoders.makers import fitted, squared_error


def folded_rows(n=3_000, d=10, seed=0):
    """Return vectors whose two largest axes are products of the third and the fourth."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 2, generator=generator)
    a, b = z.T
    columns = [3 * a * b, 3 * (a * a - 1), 1.5 * a, 1.2 * b]
    rows = 0.05 * torch.randn(n, d, generator=generator)
    rows[:, :4] += torch.stack(columns, dim=1)
    return rows @ torch.linalg.qr(torch.randn(d, d, generator=generator))[0]


def test_the_planted_axes_are_found():
    rows = folded_rows()
    axes = greedy_axes(rows, fit_pca(rows), 2, 8)
    assert axes.tolist() == [2, 3]


def test_the_decoder_recovers_what_was_not_kept():
    rows = folded_rows()
    pca = fit_pca(rows)

    def error(axes):
        basis = pca.basis[:, axes]
        z = (rows - pca.mean) @ basis
        residuals = rows - pca.mean - z @ basis.T
        parts = (z[:2_000], residuals[:2_000]), (z[2_000:], residuals[2_000:])
        return squared_error(fitted(Decoding.QUADRATIC, parts), parts[1])

    assert error(greedy_axes(rows, pca, 2)) < 0.2 * error(torch.tensor([0, 1]))


@pytest.mark.parametrize("k", [1, 3, 6])
def test_without_a_bend_the_leading_axes_stay(k):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2_000, 6, generator=generator) * torch.tensor([6.0, 5, 4, 3, 2, 1])
    assert greedy_axes(rows, fit_pca(rows), k).tolist() == list(range(k))


def test_rescaled_vectors_give_the_same_axes():
    rows = folded_rows()
    axes = greedy_axes(1e-3 * rows, fit_pca(1e-3 * rows), 3)
    assert torch.equal(axes, greedy_axes(rows, fit_pca(rows), 3))


def test_axes_without_variance_do_no_harm():
    rows = folded_rows()
    rows = torch.cat([rows, torch.zeros(len(rows), 4)], dim=1)
    assert greedy_axes(rows, fit_pca(rows), 2, 14).tolist() == [2, 3]


@pytest.mark.parametrize(("k", "candidates"), [(0, 4), (5, 4), (2, 11)])
def test_numbers_out_of_range_are_refused(k, candidates):
    rows = folded_rows(100)
    with pytest.raises(SpecError, match="1 ≤ k ≤ candidates ≤ d"):
        greedy_axes(rows, fit_pca(rows), k, candidates)
    with pytest.raises(SpecError, match="ridge"):
        greedy_axes(rows, fit_pca(rows), 2, ridge=0)


def test_vectors_of_another_dimension_are_refused():
    rows = folded_rows(100)
    with pytest.raises(DataError):
        greedy_axes(rows[:, :-1], fit_pca(rows), 2)
