"""Tables of steps: whole probabilities, and costs near the entropy."""

from __future__ import annotations

import torch

from kvsplice_core.quantizers.rans import PRECISION
from kvsplice_core.quantizers.steps import (
    OCTAVE,
    SYMBOLS,
    high_of,
    rounded,
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
    assert int(symbol_of(torch.tensor(10_000))) == SYMBOLS - 1


def test_every_slot_finds_its_entry() -> None:
    place = torch.arange(len(_TABLES.low)).repeat_interleave(64)
    slot = torch.arange(64).repeat(len(_TABLES.low)) * 1024 + 511
    entry = _TABLES.find(place, slot)
    assert torch.equal(entry // SYMBOLS, place)
    inside = slot - _TABLES.starts[entry]
    assert bool(((inside >= 0) & (inside < _TABLES.sizes[entry])).all())


def test_costs_and_means_are_those_of_normal_variables() -> None:
    for octaves in (-2, 0, 2, 6):
        x = torch.randn(40_000, generator=torch.Generator().manual_seed(0)) * 2.0**octaves
        place = _TABLES.place(torch.tensor(octaves * OCTAVE))
        low = _TABLES.low[place]
        entry = place * SYMBOLS + symbol_of(rounded(x) >> low)
        _, counts = torch.unique(rounded(x), return_counts=True)
        share = counts / counts.sum()
        entropy = -(share * share.log2()).sum()
        # entropy measured on a sample lies below that of the density by about its symbols / 2n
        assert abs(float(_TABLES.costs[entry].mean() - entropy)) < 0.02
        if int(low) == 0:
            one = place * SYMBOLS + symbol_of(torch.tensor(1))
            assert abs(float(x[entry == one].mean() - _TABLES.means[one])) < 0.02
