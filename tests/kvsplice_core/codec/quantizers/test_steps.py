"""Tables of steps: whole probabilities, and costs near the entropy."""

from __future__ import annotations

import pytest
import torch

from kvsplice_core.codec.quantizers.filling import fill, size_of
from kvsplice_core.codec.quantizers.ranges import PRECISION
from kvsplice_core.codec.quantizers.steps import (
    OCTAVE,
    SYMBOLS,
    high_of,
    nearest,
    step_tables,
    symbol_of,
)

_TABLES = step_tables(torch.device("cpu"))


def test_every_scale_shares_out_the_whole_range() -> None:
    sizes = _TABLES.sizes.view(-1, SYMBOLS)
    starts = _TABLES.starts.view(-1, SYMBOLS)
    assert int(sizes.min()) >= 1
    assert bool((sizes.sum(1) == 1 << PRECISION).all())
    assert torch.equal(starts[:, 1:], sizes.cumsum(1)[:, :-1])
    assert not bool(starts[:, 0].any())


def test_symbols_stand_for_steps() -> None:
    high = torch.arange(-SYMBOLS // 2, SYMBOLS // 2)
    assert sorted(symbol_of(high).tolist()) == list(range(SYMBOLS))
    assert torch.equal(high_of(symbol_of(high)), high)


@pytest.mark.parametrize("quantizer", [0, 1])
def test_every_slot_finds_its_entry(quantizer: int) -> None:
    place = torch.arange(len(_TABLES.low)).repeat_interleave(64)
    slot = torch.arange(64).repeat(len(_TABLES.low)) * 1024 + 511
    entry = _TABLES.find(place, torch.full_like(place, quantizer), slot)
    assert torch.equal(entry // SYMBOLS, 2 * place + quantizer)
    inside = slot - _TABLES.starts[entry]
    assert bool(((inside >= 0) & (inside < _TABLES.sizes[entry])).all())


@pytest.mark.parametrize("low", [0, 3])
def test_steps_stand_for_multiples_of_half_a_step(low: int) -> None:
    place = _TABLES.place(torch.tensor(OCTAVE * (low + 3)))
    steps = torch.arange(-20, 21)
    for quantizer in range(2):
        entry = _TABLES.entry(place, quantizer, steps)
        value = _TABLES.value(entry, quantizer, steps) - _TABLES.shifts[entry]
        halves = 2 * value
        assert torch.equal(halves, halves.round())
        assert bool(((halves % 2 == quantizer) | (steps == 0)).all())
        assert int(_TABLES.low[place]) == low


def test_the_nearest_step_has_its_parity_and_is_near() -> None:
    x = torch.linspace(0, 30, 5_000)
    for quantizer in range(2):
        for parity in range(2):
            step = nearest(x, quantizer, parity)
            assert bool((step % 2 == parity).all())
            value = step - 0.5 * quantizer * step.sign()
            # each quantizer's steps of one parity lie two steps apart
            assert float((value - x).abs().max()) <= 1.1 + 1e-5


@pytest.mark.parametrize("octaves", [-1, 0, 2])
def test_costs_and_means_are_those_of_normal_variables(octaves: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 2_000, generator=generator) * 2.0**octaves
    tables = _TABLES
    scales = torch.full(x.shape, octaves * OCTAVE)
    told = fill(tables, x, scales, 64 * (octaves + 2.1) + 3)
    usual = told.fineness.abs() < 2
    assert float(usual.float().mean()) > 0.5
    steps, quantizers = told.steps[:, usual], told.quantizers[:, usual]
    scales = (scales - told.fineness)[:, usual]
    entry = tables.entry(tables.place(scales), quantizers, steps)
    entropy = 0.0
    for quantizer in range(2):
        _, counts = torch.unique(steps[quantizers == quantizer], return_counts=True)
        entropy += float(-(counts * (counts / counts.sum()).log2()).sum()) / steps.numel()
    assert entropy - 0.01 < float(tables.costs[entry].mean()) < entropy + 0.05
    missed = x[:, usual] / size_of(told.fineness[usual]) - tables.value(entry, quantizers, steps)
    for one in (0, 1):
        own = missed[(quantizers == one) & (steps == 1)]
        assert abs(float(own.mean())) < 0.06
