"""Levels against the literature and against their own conditions; bits against brute force."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from kvsplice_core.codec.quantizers.codebook import allot_bits
from kvsplice_core.codec.quantizers.levels import (
    Samples,
    empirical_levels,
    gaussian_distortion_of,
    gaussian_levels,
    midpoints,
)


@pytest.mark.parametrize(
    ("bits", "expected"), [(0, 1), (1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497)]
)
def test_gaussian_levels_are_max_s(bits: int, expected: float) -> None:
    assert gaussian_distortion_of(gaussian_levels(bits)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("bits", range(1, 9))
def test_companding_approaches_lloyd_max_from_above(bits: int) -> None:
    best, companded = (gaussian_distortion_of(gaussian_levels(bits, c)) for c in (False, True))
    assert best < companded < best * (1 + 1.25 / 2**bits)


@pytest.mark.parametrize("companded", [False, True])
@pytest.mark.parametrize("bits", [0, 1, 3, 6])
def test_own_levels_are_near_the_gaussian_ones(bits: int, companded: bool) -> None:
    x = torch.randn(16_000, 3, generator=torch.Generator().manual_seed(0))
    samples = Samples(x, torch.ones(len(x)))
    levels = empirical_levels(samples, bits, companded)
    assert levels.shape == (3, 2**bits)
    assert bool((levels.diff(dim=1) >= 0).all())
    expected = gaussian_distortion_of(gaussian_levels(bits, companded))
    assert torch.allclose(samples.distortion(levels).float(), torch.full((3,), expected), rtol=0.15)


def test_own_distortion_is_that_of_the_nearest_level() -> None:
    x = torch.rand(500, 2, generator=torch.Generator().manual_seed(1)).pow(3)
    samples = Samples(x, torch.ones(len(x)))
    levels = empirical_levels(samples, 2, companded=False)
    nearest = (x.T[:, :, None] - levels[:, None]).square().amin(2).mean(1)
    assert torch.allclose(samples.distortion(levels), nearest.double(), rtol=1e-6)


def test_own_levels_of_few_points_are_those_points() -> None:
    x = torch.tensor([[0.0], [1.0], [1.0], [5.0]]).repeat(20, 1)
    samples = Samples(x, torch.ones(len(x)))
    assert float(samples.distortion(empirical_levels(samples, 2, companded=False))[0]) < 1e-9


def test_midpoints_lie_between() -> None:
    assert midpoints(torch.tensor([0.0, 2.0, 6.0])).tolist() == [1.0, 4.0]


@pytest.mark.parametrize("total", [0, 1, 4, 9, 40])
def test_bits_cost_least_of_all_ways(total: int) -> None:
    shares = torch.tensor([gaussian_distortion_of(gaussian_levels(b)) for b in range(9)])
    costs = torch.tensor([9.0, 2.0, 0.3])[:, None] * shares
    bits = allot_bits(costs, total)
    assert int(bits.sum()) == min(total, 24)
    ways = [way for way in product(range(9), repeat=3) if sum(way) <= total]
    cheapest = min(sum(float(costs[i, b]) for i, b in enumerate(way)) for way in ways)
    assert float(costs.gather(1, bits[:, None]).sum()) == pytest.approx(cheapest, rel=1e-5)
