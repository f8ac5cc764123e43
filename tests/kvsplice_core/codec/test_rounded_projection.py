"""A basis in a byte per number encodes and decodes nearly as the one it was made of."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.projection import Projection, RoundedProjection
from tests.kvsplice_core.makers import gaussian_rows

DIM = 8


def plain(k=4, seed=0):
    return fit_pca(gaussian_rows(200, DIM, seed)).projection(k)


def oblique(k=4, seed=0):
    """Return a bottleneck whose matrices are not each other's transpose."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.linspace(0.2, 5, DIM)
    axes, _ = torch.linalg.qr(torch.randn(DIM, DIM, generator=generator))
    encoder = (scales[:, None] * axes[:, :k]).contiguous()
    decoder = (axes[:, :k].T / scales).contiguous()
    return Projection(encoder, decoder, torch.ones(DIM), 2 * torch.ones(DIM))


@given(k=st.integers(1, DIM), seed=st.integers(0, 99))
def test_every_number_is_within_half_a_step(k, seed):
    before, after = plain(k, seed), RoundedProjection.of(plain(k, seed))
    units = after.tensors()["decoder_units"]
    missed = (after.decoder - before.decoder).abs()
    assert bool((missed <= 0.5001 * units[:, None]).all())
    torch.testing.assert_close(units, before.decoder.abs().amax(1) / 127)
    assert (after.k, after.encoder.shape) == (k, (DIM, k))


@pytest.mark.parametrize("make", [plain, oblique])
def test_encoding_again_what_was_missed_makes_up_for_the_rounding(make):
    rounded, rows = RoundedProjection.of(make()), gaussian_rows(200, DIM, 3)
    deviation = rows - rounded.offset_in
    latent = rounded.encode(rows)
    best = torch.linalg.lstsq(rounded.decoder.double().T, deviation.double().T).solution.T
    once = deviation @ rounded.encoder
    if make is plain:  # of orthonormal axes the nearest latent is the least-squares one
        assert float((latent - best).norm()) < 0.05 * float((once - best).norm())
    again = rounded.encode(rounded.offset_in + latent @ rounded.decoder)
    raw = (latent @ rounded.decoder) @ rounded.encoder
    assert float((again - latent).norm()) < 0.05 * float((raw - latent).norm())


@given(k=st.integers(1, DIM), seed=st.integers(0, 99))
def test_its_reconstruction_errs_hardly_more(k, seed):
    rows = gaussian_rows(200, DIM, seed)
    before, after = plain(k, seed), RoundedProjection.of(plain(k, seed))
    spread = (rows - rows.mean(0)).square().mean()
    errors = [
        float((one.decode(one.encode(rows)) - rows).square().mean() / spread)
        for one in (before, after)
    ]
    assert errors[1] <= 1.003 * errors[0] + 1e-5


def test_what_stands_twice_is_held_once():
    tensors = RoundedProjection.of(plain()).tensors()
    assert tensors["encoder_steps"] is tensors["decoder_steps"]
    assert tensors["encoder_units"] is tensors["decoder_units"]
    assert tensors["offset_in"] is tensors["offset_out"]
    tensors = RoundedProjection.of(oblique()).tensors()
    assert tensors["encoder_steps"] is not tensors["decoder_steps"]
    assert tensors["offset_in"] is not tensors["offset_out"]


@pytest.mark.parametrize("make", [plain, oblique])
def test_it_maps_and_names_its_tensors(make):
    rounded = RoundedProjection.of(make(3))
    tensors = rounded.tensors()
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert shapes == {
        **dict.fromkeys(("encoder_steps", "decoder_steps"), (3, DIM)),
        **dict.fromkeys(("encoder_units", "decoder_units"), (3,)),
        **dict.fromkeys(("offset_in", "offset_out"), (DIM,)),
    }
    assert {n for n, t in tensors.items() if t.dtype is torch.int8} == {
        "encoder_steps",
        "decoder_steps",
    }
    rows = gaussian_rows(20, DIM)
    for moved in (
        rounded.map(torch.clone),
        rounded.map(lambda t: t.to("cpu")),
        RoundedProjection(**tensors),
    ):
        assert isinstance(moved, RoundedProjection)
        assert moved.device == torch.device("cpu")
        assert torch.equal(moved.encode(rows), rounded.encode(rows))
        assert torch.equal(moved.decode(moved.encode(rows)), rounded.decode(rounded.encode(rows)))


def test_a_component_of_zeros_stays_one():
    nothing = Projection(
        torch.zeros(DIM, 2), torch.zeros(2, DIM), torch.zeros(DIM), torch.zeros(DIM)
    )
    rounded = RoundedProjection.of(nothing)
    assert torch.equal(rounded.decoder, nothing.decoder)
    assert bool(rounded.encode(torch.ones(3, DIM)).isfinite().all())


def test_it_has_nothing_else():
    with pytest.raises(AttributeError, match="colour"):
        _ = RoundedProjection.of(plain()).colour
