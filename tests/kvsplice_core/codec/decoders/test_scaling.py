import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.decoders.scaling import Scaling
from tests.kvsplice_core.codec.decoders.makers import random_latents


def test_training_latents_get_mean_0_and_spread_1():
    scaled = Scaling.of(random_latents() + 5, 4).apply(random_latents() + 5)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled.std(0, unbiased=False), torch.ones(4), atol=1e-4, rtol=0)


@given(far=st.floats(2, 1e30))
def test_no_latent_leaves_the_range_by_more_than_a_tenth(far):
    z = random_latents()
    scaling = Scaling.of(z, 4)
    inside = scaling.apply(z)
    away = scaling.apply(far * z)
    room = 0.1 * (inside.amax(0) - inside.amin(0)) + 1e-4
    assert bool((away <= inside.amax(0) + room).all())
    assert bool((away >= inside.amin(0) - room).all())


def test_only_the_leading_latents_count():
    z = random_latents()
    scaling = Scaling.of(z, 2)
    assert scaling.leading == 2
    assert torch.equal(scaling.apply(z), Scaling.of(z[:, :2], 2).apply(z[:, :2]))


def test_one_that_never_moves_becomes_0():
    z = random_latents()
    z[:, 1] = 1e4
    scaled = Scaling.of(z, 4).apply(z)
    assert float(scaled[:, 1].abs().max()) < 1e-2
