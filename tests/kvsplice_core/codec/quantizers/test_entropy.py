"""Entropy-coded steps: what they must reach, and what they must refuse."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.codec.bound import gap_db, gaussian_distortion
from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import Quantizer
from kvsplice_core.codec.quantizers.classes import fit_classes
from kvsplice_core.codec.quantizers.entropy_coded import EntropyCoded
from kvsplice_core.codec.quantizers.filling import fineness_ranges
from kvsplice_core.codec.quantizers.ranges import PRECISION, Decoder
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.codec.quantizers.steps import high_of
from kvsplice_core.codec.registry import load

SPEC = QuantizerSpec(Quantization.ENTROPY_CODED)
K = 96
_CLASSES = 4_096 // 80 + 5


def gaussian(n: int, seed: int) -> Tensor:
    """Rows (n, K) of falling variance."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, K, generator=generator) * torch.linspace(2, -1, K).exp()


def clustered(n: int, seed: int) -> Tensor:
    """Rows (n, K) of four kinds: each has a centre, and its own order of the deviations."""
    generator = torch.Generator().manual_seed(99)
    order = torch.stack([torch.randperm(K, generator=generator) for _ in range(4)])
    centres = gaussian(4, 98)
    own = torch.randint(4, (n,), generator=generator.manual_seed(seed))
    return (centres[own] + gaussian(n, seed + 1)).gather(1, order[own])


@lru_cache
def fit(bits: int, data: str = "gaussian") -> Quantizer:
    rows = {"gaussian": gaussian, "clustered": clustered}[data](4_096, 1)
    return load(SPEC.kind).fit(rows, SPEC, bits)


def error(quantizer: Quantizer, x: Tensor) -> float:
    return float((quantizer.unpack(quantizer.pack(x)) - x).double().square().sum(1).mean())


def gap(quantizer: Quantizer, x: Tensor) -> float:
    variances = torch.linalg.eigvalsh(x.double().T.cov()).clamp_min(0)
    return gap_db(error(quantizer, x), variances, 8 * quantizer.bytes_per_vector)


@pytest.mark.parametrize(
    ("bits", "most"), [(K // 2, 2.4), (K, 2.0), (2 * K, 1.85), (3 * K, 1.7), (6 * K, 1.65)]
)
def test_gaussian_gap_is_that_of_a_trellis_with_its_overhead(bits: int, most: float) -> None:
    # class, size of step, and classes that few rows tell cost about 0.9 dB here; without the
    # trellis it is 2.05, 2.02, 2.16, 2.45 and 2.56 dB
    assert 0.6 < gap(fit(bits), gaussian(1_024, 5)) < most


def fineness(quantizer: Quantizer, x: Tensor) -> Tensor:
    """The sizes of step (n,) that vectors take, in eighths of an octave from the usual one."""
    assert isinstance(quantizer, EntropyCoded)
    decoder, share = Decoder(quantizer.pack(x)), (1 << PRECISION) // len(quantizer.means)
    own = decoder.slot // share
    decoder.take(own * share, torch.full_like(own, share))
    return high_of(torch.searchsorted(fineness_ranges(x.device)[0], decoder.slot, right=True) - 1)


@pytest.mark.parametrize("bits", [K, 4 * K, 10 * K])
def test_the_usual_step_is_what_vectors_take(bits: int) -> None:
    # the code of its size is shortest there; the loud classes must not move it
    assert abs(float(fineness(fit(bits), gaussian(256, 6)).float().mean())) < 3


def test_a_mixture_gets_below_the_bound_of_its_covariance() -> None:
    x = clustered(1_024, 7)
    quantizer = fit(3 * K, "clustered")
    assert gap(quantizer, x) < 0
    variances = torch.linspace(2, -1, K).exp().square()
    bits = 8 * quantizer.bytes_per_vector
    assert error(quantizer, x) > gaussian_distortion(variances, bits)


def test_error_falls_with_bits_and_the_budget_holds() -> None:
    x, errors = gaussian(256, 6), []
    for bits in (24, 100, 2 * K, 4 * K, 8 * K):
        quantizer = fit(bits)
        assert bits - 8 < 8 * quantizer.bytes_per_vector <= bits
        errors.append(error(quantizer, x))
    assert errors == sorted(errors, reverse=True)


def test_outliers_fit_too() -> None:
    rows = gaussian(64, 3) * torch.logspace(-3, 6, 64)[:, None]
    quantizer = fit(2 * K)
    stored = quantizer.pack(rows)
    assert bool(quantizer.unpack(stored).isfinite().all())
    for loudness in (20, 100, 1_000):
        loud = gaussian(64, 3) * loudness
        assert error(quantizer, loud) < 0.2 * float(loud.square().sum(1).mean())
    one = gaussian(1, 3)
    one[0, 5] = 6e4
    assert float((quantizer.unpack(quantizer.pack(one)) - one)[0, 5].abs()) < 2e4


def test_latents_far_from_zero_are_as_good_as_others() -> None:
    rows = gaussian(600, 1)
    near, far = (load(SPEC.kind).fit(rows + offset, SPEC, 2 * K) for offset in (0, 2.0**17))
    x = gaussian(64, 2)
    assert error(far, x + 2.0**17) < 1.2 * error(near, x)


def test_a_vector_that_holds_nan_comes_back_as_nan() -> None:
    rows, quantizer = gaussian(4, 3), fit(2 * K)
    rows[1, 7], rows[2, 0] = torch.nan, torch.inf  # infinity saturates
    restored = quantizer.unpack(quantizer.pack(rows))
    assert restored.isnan().all(1).tolist() == [False, True, False, False]
    least = load(SPEC.kind).fit(gaussian(600, 1), SPEC, 24)
    assert bool(least.unpack(least.pack(rows[1:2])).isnan().all())


def test_vectors_are_restored_alike_alone_and_among_others() -> None:
    quantizer = fit(2 * K)
    stored = quantizer.pack(gaussian(33, 3))
    alone = torch.cat([quantizer.unpack(one[None]) for one in stored])
    assert torch.equal(alone, quantizer.unpack(stored))


def test_any_bytes_can_be_read() -> None:
    generator = torch.Generator().manual_seed(0)
    for quantizer in (fit(2 * K), fit(2 * K, "clustered")):
        size = (50, quantizer.bytes_per_vector)
        noise = torch.randint(256, size, generator=generator, dtype=torch.uint8)
        assert bool(quantizer.unpack(noise).isfinite().all())


def test_a_single_component_and_no_vectors_work() -> None:
    rows = gaussian(256, 4)[:, :1]
    quantizer = load(SPEC.kind).fit(rows, SPEC, 32)
    assert error(quantizer, rows) < 1e-3 * float(rows.square().mean())
    stored = fit(2 * K).pack(torch.zeros(2, 0, K))
    assert stored.shape == (2, 0, 2 * K // 8)
    assert fit(2 * K).unpack(stored).shape == (2, 0, K)


def test_packing_is_repeatable() -> None:
    rows = gaussian(64, 8)
    assert torch.equal(fit(2 * K).pack(rows), fit(2 * K).pack(rows))


def test_weights_move_bits() -> None:
    rows, heavy = gaussian(600, 2), torch.ones(K)
    heavy[-1] = 1e4
    plain = load(SPEC.kind).fit(rows, SPEC, 2 * K)
    weighted = load(SPEC.kind).fit(rows, SPEC, 2 * K, heavy)
    missed = [(q.unpack(q.pack(rows)) - rows)[:, -1].square().mean() for q in (plain, weighted)]
    assert float(missed[1]) < 0.1 * float(missed[0])


def test_classes_find_what_the_data_has() -> None:
    rows = clustered(4_096, 3)
    classes = fit_classes(rows, 16, 0.01, seed=5)
    own = classes.of(rows, 0.01)
    left = classes.variances[own].log().mean()
    assert float(left) < float(rows.var(0).log().mean()) - 1
    assert len(classes.means) == 16
    assert len(fit_classes(rows[:600], 16, 0.01, seed=5).means) == 7 + 5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("means", torch.zeros(300, K, dtype=torch.int8), "do not fit"),
        ("means", torch.zeros(_CLASSES, K), "int8"),
        ("step", torch.zeros(K), "above 0"),
        ("step", torch.full((K,), torch.inf), "finite"),
        ("centre", torch.zeros(K, dtype=torch.int64), "finite"),
        ("unit", torch.ones(K - 1), "do not fit"),
    ],
)
def test_damaged_parts_are_refused(name: str, value: Tensor, message: str) -> None:
    quantizer = fit(2 * K)
    assert isinstance(quantizer, EntropyCoded)
    tensors = {**quantizer.tensors(), name: value}
    with pytest.raises(CodecFileError, match=message):
        load(SPEC.kind).restore(tensors, quantizer.settings(), K)
    with pytest.raises(CodecFileError, match="bytes must be"):
        load(SPEC.kind).restore(quantizer.tensors(), {"bytes": "no"}, K)


def test_too_small_a_budget_is_named() -> None:
    with pytest.raises(SpecError, match="needs 24 bits per vector; the budget is 23"):
        load(SPEC.kind).fit(gaussian(10, 0), SPEC, 23)
