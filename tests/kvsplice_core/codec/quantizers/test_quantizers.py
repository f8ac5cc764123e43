"""One list of all quantizers through the same properties."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, DataError, SpecError
from kvsplice_core.codec.bound import gap_db, gaussian_surrogate
from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import Quantizer
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.codec.registry import load

K = 20
ROOMY = 16 * K
LEVELS = [
    QuantizerSpec(kind, gain=gain, rotate=rotate, codebook=codebook)
    for kind in (Quantization.LLOYD_MAX, Quantization.COMPANDED)
    for gain in (False, True)
    for rotate in (False, True)
    for codebook in ("gaussian", "empirical")
]
SPECS = [
    QuantizerSpec(Quantization.FP16),
    QuantizerSpec(Quantization.INT8),
    QuantizerSpec(Quantization.INT4),
    QuantizerSpec(Quantization.ROUNDING, group=7),
    QuantizerSpec(Quantization.ROUNDING, group=64, bits_per_number=3),
    QuantizerSpec(Quantization.ENTROPY_CODED),
    *LEVELS,
]


def draw(n: int = 300, seed: int = 0) -> Tensor:
    """Latents (n, K) of falling variance, with a mean and heavy tails."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, K, generator=generator) * torch.linspace(2, -2, K).exp() + 0.1
    return rows * (0.5 + torch.rand(n, 1, generator=generator))


@lru_cache
def fit(spec: QuantizerSpec, bits: int = ROOMY) -> Quantizer:
    return fresh(spec, draw(), bits)


def fresh(spec: QuantizerSpec, latents: Tensor, bits: int = ROOMY) -> Quantizer:
    return load(spec.kind).fit(latents, spec, bits)


def error(quantizer: Quantizer, x: Tensor) -> float:
    return float((quantizer.unpack(quantizer.pack(x)) - x).square().sum(1).mean())


each = pytest.mark.parametrize("spec", SPECS, ids=str)
FEWER = [spec for spec in LEVELS if not spec.rotate or spec.codebook == "gaussian"]
each_levels = pytest.mark.parametrize("spec", FEWER, ids=str)


@each
def test_shape_dtype_and_bytes(spec: QuantizerSpec) -> None:
    quantizer, x = fit(spec), draw(24, seed=1).reshape(2, 3, 4, K)
    stored = quantizer.pack(x)
    assert stored.dtype == torch.uint8
    assert stored.shape == (2, 3, 4, quantizer.bytes_per_vector)
    assert 8 * quantizer.bytes_per_vector <= ROOMY
    restored = quantizer.unpack(stored)
    assert restored.dtype == torch.float32
    assert restored.shape == x.shape
    assert float((restored - x).square().sum()) < 0.1 * float(x.square().sum())


@each
def test_each_vector_is_stored_alone(spec: QuantizerSpec) -> None:
    quantizer, x = fit(spec), draw(9, seed=1)
    order = torch.tensor([4, 0, 8])
    stored = quantizer.pack(x)
    restored = quantizer.unpack(stored)
    # a rotation sums in another order for other numbers of rows
    assert torch.allclose(restored[order], quantizer.unpack(quantizer.pack(x[order])), atol=1e-5)
    assert torch.allclose(restored[3], quantizer.unpack(stored[1:][2]), atol=1e-5)


@each
def test_no_vectors_give_no_bytes(spec: QuantizerSpec) -> None:
    quantizer = fit(spec)
    stored = quantizer.pack(torch.empty(0, K))
    assert stored.shape == (0, quantizer.bytes_per_vector)
    assert quantizer.unpack(stored).shape == (0, K)


@each
def test_extremes_stay_finite(spec: QuantizerSpec) -> None:
    quantizer = fit(spec)
    rows = torch.stack(
        [torch.zeros(K), torch.full((K,), 1e30), torch.full((K,), 1e-30), -draw(1)[0]]
    )
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        assert bool(quantizer.unpack(quantizer.pack(rows.to(dtype))).isfinite().all())


@each
def test_constant_components_come_back(spec: QuantizerSpec) -> None:
    latents = torch.zeros(50, K)
    latents[:, 3] = 2.5
    quantizer = fresh(spec, latents)
    assert torch.allclose(quantizer.unpack(quantizer.pack(latents)), latents, atol=2e-2)


@each
def test_restored_bit_for_bit(spec: QuantizerSpec) -> None:
    quantizer, x = fit(spec), draw(40, seed=2)
    settings = json.loads(json.dumps(quantizer.settings()))
    again = load(spec.kind).restore(quantizer.tensors(), settings, K)
    stored = quantizer.pack(x)
    assert torch.equal(stored, again.pack(x))
    assert torch.equal(quantizer.unpack(stored), again.unpack(stored))
    assert all(
        t.dtype in (torch.float32, torch.int64, torch.int8) for t in quantizer.tensors().values()
    )


@each
def test_map_changes_tensors_only(spec: QuantizerSpec) -> None:
    seen: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        seen.append(tensor)
        return tensor.clone()

    quantizer, x = fit(spec), draw(5)
    assert torch.equal(quantizer.map(keep).pack(x), quantizer.pack(x))
    assert len(seen) == len(quantizer.tensors())


@each
def test_fitting_is_deterministic(spec: QuantizerSpec) -> None:
    x = draw(30, seed=3)
    assert torch.equal(fresh(spec, draw()).pack(x), fit(spec).pack(x))


@each
def test_wrong_input_is_named(spec: QuantizerSpec) -> None:
    quantizer = fit(spec)
    with pytest.raises(DataError, match=f"last axis of {K}"):
        quantizer.pack(torch.ones(3, K + 1))
    with pytest.raises(DataError, match="must be uint8"):
        quantizer.unpack(torch.ones(3, quantizer.bytes_per_vector))
    with pytest.raises(DataError, match="finite latents"):
        fresh(spec, torch.full((3, K), torch.nan))
    with pytest.raises(SpecError, match="bits per vector; the budget is 7"):
        fit(spec, bits=7)


@each
def test_foreign_tensors_are_refused(spec: QuantizerSpec) -> None:
    quantizer = fit(spec)
    tensors = {**quantizer.tensors(), "foreign": torch.ones(1)}
    with pytest.raises(CodecFileError, match="foreign"):
        load(spec.kind).restore(tensors, quantizer.settings(), K)


@each_levels
def test_error_falls_with_bits_and_the_budget_holds(spec: QuantizerSpec) -> None:
    errors = []
    for bits in (33, 50, 90, 160):
        quantizer = fit(spec, bits)
        assert bits - 8 < 8 * quantizer.bytes_per_vector <= bits
        errors.append(error(quantizer, draw()))
    assert all(more < less for less, more in pairwise(errors))


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(72, 2), (95, 2), (96, 3), (112, 4), (136, 5), (191, 7), (192, 8), (999, 8)],
)
def test_rounding_takes_the_most_bits_that_fit(bits: int, expected: int) -> None:
    quantizer = fit(QuantizerSpec(Quantization.ROUNDING), bits)
    assert quantizer.settings()["bits"] == expected


def test_rounding_counts_its_scales() -> None:
    spec = QuantizerSpec(Quantization.ROUNDING, group=64, bits_per_number=2)
    quantizer = fresh(spec, torch.randn(4, 256), 10_000)
    assert 8 * quantizer.bytes_per_vector == 2.5 * 256


@each_levels
@pytest.mark.parametrize("bits", [40, 80])
def test_none_beats_the_bound_on_gaussian_data(spec: QuantizerSpec, bits: int) -> None:
    plain = draw(2000)
    train, test = gaussian_surrogate(plain, 4_000, 1), gaussian_surrogate(plain, 4_000, 2)
    quantizer = fresh(spec, train, bits)
    variances = torch.linalg.eigvalsh(test.double().T.cov()).clamp_min(0)
    assert gap_db(error(quantizer, test), variances, 8 * quantizer.bytes_per_vector) > 0.3


def test_weights_move_bits() -> None:
    spec = QuantizerSpec(Quantization.LLOYD_MAX, gain=False, codebook="gaussian")
    flat = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    plain = load(spec.kind).fit(flat, spec, 16)
    heavy = load(spec.kind).fit(flat, spec, 16, torch.tensor([1e4, 1.0, 1.0, 1.0]))
    assert plain.tensors()["bits"].tolist() == [4] * 4
    assert int(heavy.tensors()["bits"][0]) == 8


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bits", torch.full((K,), 9), "0 … 8"),
        ("bits", torch.ones(K), "0 … 8"),
        ("levels", torch.ones(1), "levels; got"),
        ("centre", torch.ones(K - 1), "bits each"),
        ("scale", torch.zeros(K), "above 0"),
    ],
)
def test_damaged_levels_are_refused(name: str, value: Tensor, message: str) -> None:
    quantizer = fit(QuantizerSpec())
    with pytest.raises(CodecFileError, match=message):
        load(QuantizerSpec().kind).restore(
            {**quantizer.tensors(), name: value}, quantizer.settings(), K
        )


@pytest.mark.parametrize("kind", [Quantization.INT4, Quantization.ROUNDING, Quantization.LLOYD_MAX])
def test_damaged_settings_are_refused(kind: Quantization) -> None:
    quantizer = fit(QuantizerSpec(kind))
    damaged = dict.fromkeys(quantizer.settings(), "no")
    with pytest.raises(CodecFileError, match="must be"):
        load(kind).restore(quantizer.tensors(), damaged, K)


@pytest.mark.parametrize(
    "change", [{"group": 0}, {"bits_per_number": 9}, {"seed": -1}, {"codebook": "x"}]
)
def test_specs_are_validated(change: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="must"):
        replace(QuantizerSpec(), **change)


def test_quantizers_are_found_by_key() -> None:
    assert [Quantization.of(q.key) for q in Quantization] == list(Quantization)
    with pytest.raises(SpecError, match="one of fp16"):
        Quantization.of("none")
