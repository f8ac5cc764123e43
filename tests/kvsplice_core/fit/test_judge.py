"""Intervals hold what they claim; what rounding alone makes is a tie, whatever the arithmetic."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, calibrate, run
from kvsplice_core.base.estimates import NO_CHANGE, Verdict
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.projection import Projection
from kvsplice_core.fit.judge import compare, judge, rounding_error
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.fit.training import fit_transformed_pca
from tests.kvsplice_core.makers import bent_rows, gaussian_rows, values_of

SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6])
OFFSETS = st.sampled_from([0.0, 7.0, -500.0])


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
    change = judge(errors, errors, 0.0).change
    assert (change.percent, change.low, change.high) == (0, 0, 0)
    assert change.verdict is Verdict.TIE


@given(tokens=st.integers(2, 500), seed=st.integers(0, 99), factor=st.floats(0.1, 3))
def test_a_factor_on_every_error_is_found_exactly(tokens, seed, factor):
    errors = errors_of(tokens, seed)
    change = judge(factor * errors, errors, 0.0).change
    for number in (change.percent, change.low, change.high):
        assert number == pytest.approx(100 * (factor - 1), abs=1e-9)
    if abs(factor - 1) > 1e-6:
        assert change.verdict is (Verdict.GAIN if factor < 1 else Verdict.LOSS)


def test_no_error_on_both_sides_is_a_tie():
    nothing = np.zeros(300)
    change = judge(nothing, nothing, 0.0).change
    assert (change.percent, change.low, change.high) == (0, 0, 0)
    assert change.verdict is Verdict.TIE


def test_a_clear_gain_is_found_and_noise_is_not():
    reference = errors_of(4000, 0)
    noise = errors_of(4000, 1)
    assert judge(0.5 * noise, reference, 0.0).is_gain
    assert judge(2 * noise, reference, 0.0).verdict is Verdict.LOSS


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(correlation):
    # Both have the same expectation, so the truth is 0; 64 blocks of correlated tokens.
    held = 0
    for seed in range(60):
        pair = [errors_of(2048, 2 * seed + i, correlation) for i in range(2)]
        held += judge(*pair, 0.0).verdict is Verdict.TIE
    # 95 % promised: 57 of 60; under 50 has a chance below 10⁻³ even at 92 %.
    assert held >= 50


def test_rows_of_a_token_stay_together():
    # Twelve heads of a token err alike: counted as twelve tokens they would feign certainty.
    errors = np.repeat(errors_of(400, 3, 0.9), 12)
    reference = np.repeat(errors_of(400, 4, 0.9), 12)
    pooled = judge(errors, reference, 0.0, rows_per_token=12).change
    single = judge(errors[::12], reference[::12], 0.0).change
    assert pooled.percent == pytest.approx(single.percent)
    assert pooled.low == pytest.approx(single.low)
    assert pooled.high == pytest.approx(single.high)


def test_the_seed_decides_the_draws():
    errors, reference = errors_of(500, 0), errors_of(500, 1)
    first, again, other = (judge(errors, reference, 0.0, seed=s).change for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.percent == other.percent


def vectors(dim, seed, offset, scale):
    """Return training and test rows, curved or Gaussian in turn."""
    rows = (bent_rows if seed % 2 else gaussian_rows)(600, dim, seed)
    return ((rows + offset) * scale).split(400)


def one_by_one(projection):
    """Return the reconstruction of a bottleneck that adds one product after the other."""

    def reconstruct(x):
        deviation = x - projection.offset_in
        latent = sum(deviation[:, i : i + 1] * row for i, row in enumerate(projection.encoder))
        back = sum(latent[:, j : j + 1] * row for j, row in enumerate(projection.decoder))
        return back + projection.offset_out

    return reconstruct


def permuted(projection, order):
    """Return the bottleneck of vectors whose dimensions stand in another order."""
    decoder, first, last = (
        table[..., order]
        for table in (projection.decoder, projection.offset_in, projection.offset_out)
    )
    return Projection(projection.encoder[order], decoder, first, last)


def in_fp64(codec):
    """Return the reconstruction of a codec without a quantizer, computed in fp64."""
    transform, projection = (
        part.map(torch.Tensor.double) for part in (codec.transform, codec.projection)
    )

    def reconstruct(x):
        latent = projection.encode(transform.forward(x.double()))
        return transform.inverse(projection.decode(latent))

    return reconstruct


@given(
    dim=st.sampled_from([2, 6, 33]),
    k=st.integers(1, 33),
    seed=st.integers(0, 20),
    offset=OFFSETS,
    scale=SCALES,
)
@example(dim=6, k=6, seed=0, offset=-500.0, scale=1e-6)
@example(dim=33, k=33, seed=1, offset=0.0, scale=1e6)
def test_one_codec_in_any_order_and_precision_is_a_tie(dim, k, seed, offset, scale):
    train, test = vectors(dim, seed, offset, scale)
    codec = linear_codec(fit_pca(train).projection(min(k, dim)))
    order = torch.randperm(dim, generator=torch.Generator().manual_seed(seed))
    turned, back = permuted(codec.projection, order), order.argsort()
    again = permuted(fit_pca(train[:, order]).projection(codec.k), back)
    for other in (
        one_by_one(codec.projection),
        lambda x: turned.decode(turned.encode(x[:, order]))[:, back],
        in_fp64(codec),
        in_fp64(linear_codec(fit_pca(train.double()).projection(codec.k))),
        linear_codec(again).reconstruct,
    ):
        for pair in ((codec.reconstruct, other), (other, codec.reconstruct)):
            assert compare(test, *pair).change == NO_CHANGE


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("k", [2, 6])
@pytest.mark.parametrize("method", list(Method))
def test_a_transform_in_another_precision_is_a_tie(method, k, scale):
    train, test = vectors(6, 1, 0.0, scale)
    options = {"knots": 8, "epochs": 4, "device": "cpu", "method": method, "k": 2}
    transform = run(calibrate(values_of(train), CalibrationSpec(**options))).codec.transform
    codec = Codec(transform, fit_transformed_pca(transform, train).projection(k))
    assert compare(test, codec.reconstruct, in_fp64(codec)).change == NO_CHANGE


@given(seed=st.integers(0, 20), scale=SCALES, loss=st.floats(1.001, 2))
def test_the_floor_hides_nothing_that_can_be_told(seed, scale, loss):
    # A thousandth more error is far above what rounding makes where anything is left out.
    train, test = vectors(6, seed, 0.0, scale)
    codec = linear_codec(fit_pca(train).projection(2))

    def worse(x):
        return x + loss * (codec.reconstruct(x) - x)

    assert compare(test, worse, codec.reconstruct).verdict is Verdict.LOSS
    assert compare(test, codec.reconstruct, worse).verdict is Verdict.GAIN


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_vectors_that_come_back_in_a_coarser_dtype_have_a_higher_floor(dtype):
    x = gaussian_rows(300, 6)
    unit = torch.finfo(dtype).eps / 2
    expected = (4 * 6 + 16) * unit**2 * float(x.double().square().mean())
    assert rounding_error(x.to(dtype)) == pytest.approx(expected, rel=0.01)
    assert mean_squared_error(x, lambda rows: rows.to(dtype).float()) <= expected
