import pytest
import torch

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.decoders.monomials import count_all
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.registry import load
from tests.kvsplice_core.codec.decoders.makers import fitted, planted, squared_error


def curve(n, seed):
    """Return two latents, and residuals that are their product of degree five."""
    z = torch.rand(n, 2, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return z, (z[:, :1] ** 3 * z[:, 1:] ** 2 - z[:, 1:] ** 4) * torch.tensor([1.0, -2.0, 0.5])


@pytest.mark.parametrize(("degree", "share"), [(4, 1), (5, 1e-8), (7, 1e-8)])
def test_a_degree_that_suffices_is_exact(degree, share):
    parts = curve(400, 0), curve(200, 1)
    unseen = curve(200, 2)
    correction = fitted(Decoding.POLYNOMIAL, parts, degree=degree)
    assert squared_error(correction, unseen) < share * squared_error(None, unseen)
    assert (degree >= 5) == (squared_error(correction, unseen) < 1e-8 * squared_error(None, unseen))


@pytest.mark.parametrize("degree", [2, 3, 5, 7])
@pytest.mark.parametrize("budget", [1, 2, 9, 40, 300])
def test_the_budget_is_never_exceeded(degree, budget):
    correction = fitted(Decoding.POLYNOMIAL, planted(), degree=degree, features=budget)
    assert correction is None or len(correction.weights) <= budget
    assert (correction is None) == (budget < count_all(1, degree))


def test_a_lower_degree_is_kept_where_it_does_better():
    correction = fitted(Decoding.POLYNOMIAL, planted(n=120, noise=2.0), degree=4)
    assert correction.settings()["degree"] == 2


@pytest.mark.parametrize("kind", [Decoding.QUADRATIC, Decoding.POLYNOMIAL])
def test_a_damaged_header_does_not_fill_the_memory(kind):
    tensors = fitted(kind, planted()).tensors()
    with pytest.raises(CodecFileError, match="rows of weights"):
        load(kind).restore(tensors, {"leading": 40_000, "degree": 7}, 2**20, 7)
