import pytest
import torch

from kvsplice_core.codec.kinds import Decoding
from tests.kvsplice_core.codec.decoders.makers import bend, fitted, planted, random_latents


@pytest.mark.parametrize(("budget", "leading"), [(1, 0), (3, 1), (18, 4), (24, 4), (25, 5)])
def test_the_budget_is_never_exceeded(budget, leading):
    correction = fitted(Decoding.QUADRATIC, planted(k=6), features=budget)
    if leading == 0:
        assert correction is None
    else:
        assert 0 < len(correction.weights) <= budget
        assert correction.settings()["leading"] <= leading


def test_products_are_kept_where_they_help():
    """What only the first two latents bend needs no product of the others."""

    def part(seed, n):
        z = random_latents(n, 8, seed)
        noise = torch.randn(n, 7, generator=torch.Generator().manual_seed(seed))
        return z, bend(z[:, :2]) + noise

    assert fitted(Decoding.QUADRATIC, (part(0, 150), part(1, 150))).settings() == {"leading": 2}


def test_the_order_of_latents_does_not_matter_where_all_are_used():
    training, validation = planted()
    order = torch.tensor([2, 0, 3, 1])
    ours = fitted(Decoding.QUADRATIC, tuple((z[:, order], r) for z, r in (training, validation)))
    theirs = fitted(Decoding.QUADRATIC, (training, validation))
    assert theirs.settings() == {"leading": 4}
    torch.testing.assert_close(
        ours.apply(validation[0][:, order]), theirs.apply(validation[0]), rtol=1e-3, atol=1e-3
    )
