"""The bound against closed forms, and the surrogate against its moments."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.bound import (
    gap_db,
    gaussian_distortion,
    gaussian_distortions,
    gaussian_surrogate,
)


@given(variance=st.floats(1e-3, 1e3), dim=st.integers(1, 20), bits=st.floats(0, 8, allow_nan=False))
def test_white_data_loses_six_decibels_a_bit(variance: float, dim: int, bits: float) -> None:
    bound = gaussian_distortion(torch.full((dim,), variance), bits * dim)
    assert bound == pytest.approx(dim * variance * 2 ** (-2 * bits), rel=1e-6)


@pytest.mark.parametrize(("bits", "expected"), [(0, 5.0), (0.5, 3.0), (1, 2.0), (2, 1.0), (3, 0.5)])
def test_two_components_fill_as_by_hand(bits: float, expected: float) -> None:
    assert gaussian_distortion(torch.tensor([1.0, 4.0]), bits) == pytest.approx(expected)


@given(
    logs=st.lists(st.floats(-9, 9), min_size=1, max_size=12), rate=st.floats(0, 60, allow_nan=False)
)
def test_water_level_gives_the_rate_back(logs: list[float], rate: float) -> None:
    variances = torch.tensor(logs, dtype=torch.float64).exp()
    bound = gaussian_distortion(variances, rate)
    low, high = 0.0, float(variances.max())
    for _ in range(200):
        level = (low + high) / 2
        spent = float((variances / level).log2().clamp_min(0).sum()) / 2
        low, high = (level, high) if spent > rate else (low, level)
    assert bound == pytest.approx(float(variances.clamp_max(high).sum()), rel=1e-9)


def test_many_rates_fall_and_start_at_the_variance() -> None:
    variances = torch.tensor([3.0, 1.0, 0.0, 0.5])
    bounds = gaussian_distortions(variances, [0, 1, 2, 5, 40])
    assert bounds[0] == pytest.approx(4.5)
    assert all(a > b for a, b in pairwise(bounds))


def test_constant_vectors_cost_nothing() -> None:
    assert gaussian_distortion(torch.zeros(4), 3) == 0


def test_gap_of_twice_the_bound_is_three_decibels() -> None:
    variances = torch.tensor([2.0, 1.0])
    twice = 2 * gaussian_distortion(variances, 3)
    assert gap_db(twice, variances, 3) == pytest.approx(10 * math.log10(2))


@pytest.mark.parametrize(
    "variances", [torch.tensor([-1.0]), torch.tensor([math.nan]), torch.ones(0)]
)
def test_variances_must_be_usable(variances: torch.Tensor) -> None:
    with pytest.raises(DataError, match="the bound needs"):
        gaussian_distortion(variances, 1)


def test_a_rate_must_not_be_negative() -> None:
    with pytest.raises(SpecError, match="≥ 0 bits"):
        gaussian_distortion(torch.ones(2), -1)


def test_a_gap_needs_an_error() -> None:
    with pytest.raises(DataError, match="positive"):
        gap_db(0.0, torch.ones(2), 1)


def test_surrogate_has_mean_and_covariance_but_no_tails() -> None:
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(4000, 3, generator=generator).pow(3) @ torch.tensor(
        [[1.0, 0.5, 0], [0, 1, 0], [0.2, 0, 0.1]]
    )
    drawn = gaussian_surrogate(rows + 2, 200_000, seed=1)
    assert torch.allclose(drawn.mean(0), rows.mean(0) + 2, atol=0.1)
    assert torch.allclose(drawn.T.cov(), rows.T.cov(correction=0), rtol=0.05, atol=0.02)
    centred = drawn - drawn.mean(0)
    kurtosis = centred.pow(4).mean(0) / centred.square().mean(0).square()
    assert torch.allclose(kurtosis, torch.full((3,), 3.0), atol=0.1)
    assert torch.equal(drawn, gaussian_surrogate(rows + 2, 200_000, seed=1))


@pytest.mark.parametrize("rows", [torch.ones(1, 3), torch.ones(4), torch.full((3, 2), math.nan)])
def test_surrogate_needs_vectors(rows: torch.Tensor) -> None:
    with pytest.raises(DataError, match="a surrogate needs"):
        gaussian_surrogate(rows, 4, seed=0)


def test_surrogate_of_one_column_and_no_draw() -> None:
    assert gaussian_surrogate(torch.tensor([[1.0], [3.0]]), 7, seed=0).shape == (7, 1)
    with pytest.raises(SpecError, match="n of at least 1"):
        gaussian_surrogate(torch.ones(3, 2), 0, seed=0)
