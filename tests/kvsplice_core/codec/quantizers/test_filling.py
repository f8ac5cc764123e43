"""How vectors fill their room: never beyond it, nearly to its end."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kvsplice_core.codec.quantizers.filling import Told, fill, fineness_ranges, size_of
from kvsplice_core.codec.quantizers.ranges import PRECISION
from kvsplice_core.codec.quantizers.steps import OCTAVE, step_tables, symbol_of
from kvsplice_core.codec.quantizers.trellis import quantizer_of, transitions

_CPU = torch.device("cpu")
_TABLES = step_tables(_CPU)
_K, _ROWS = 48, 200


def vectors(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Normal vectors (k, n) of deviations from an eighth of a step to four, and their scales."""
    scales = torch.linspace(-3 * OCTAVE, 2 * OCTAVE, _K).round().long()
    x = torch.randn(_K, _ROWS, generator=torch.Generator().manual_seed(seed))
    return x * torch.exp2(scales / OCTAVE)[:, None], scales[:, None].expand(_K, _ROWS)


def bits_of(told: Told, scales: Tensor) -> Tensor:
    entry = _TABLES.entry(_TABLES.place(scales - told.fineness), told.quantizers, told.steps)
    fine = fineness_ranges(_CPU)[1][symbol_of(told.fineness)]
    return _TABLES.costs[entry].sum(0) + PRECISION - fine.float().log2()


@pytest.mark.parametrize("room", [60.0, 100.0, 300.0])
def test_the_room_holds_and_is_used(room: float) -> None:
    x, scales = vectors()
    taken = bits_of(fill(_TABLES, x, scales, room), scales)
    assert bool((taken <= room).all())
    assert float(taken.mean()) > room - 6


def test_quantizers_are_those_the_parities_lead_to() -> None:
    x, scales = vectors()
    told = fill(_TABLES, x, scales, 90.0)
    state, after = torch.zeros(_ROWS, dtype=torch.int64), transitions(_CPU)
    for step, quantizer in zip(told.steps, told.quantizers, strict=True):
        assert torch.equal(quantizer_of(state), quantizer)
        state = after[2 * state + step % 2]
    assert 0.2 < float(told.quantizers.float().mean()) < 0.5


def test_what_fits_nowhere_comes_back_smaller() -> None:
    x, scales = vectors()
    told = fill(_TABLES, 1e9 * x, scales, 60.0)
    assert bool((bits_of(told, scales) <= 60.0).all())
    assert float(told.steps.any(0).float().mean()) > 0.5


def test_what_has_no_room_at_all_is_nothing_of_the_usual_step() -> None:
    x, scales = vectors()
    told = fill(_TABLES, x, scales, 1.0)
    assert not bool(told.steps.any() | told.quantizers.any() | told.fineness.any())


def test_louder_vectors_take_larger_steps() -> None:
    x, scales = vectors()
    plain, loud = (fill(_TABLES, f * x, scales, 90.0).fineness for f in (1, 1.5))
    assert float((loud > plain).float().mean()) > 0.95
    assert float(size_of(loud).mean()) > float(size_of(plain).mean())


def test_each_vector_alone_is_told_as_among_others() -> None:
    x, scales = vectors()
    all_, one = fill(_TABLES, x, scales, 90.0), fill(_TABLES, x[:, :1], scales[:, :1], 90.0)
    assert torch.equal(all_.steps[:, :1], one.steps)
    assert fill(_TABLES, x[:, :0], scales[:, :0], 90.0).steps.shape == (_K, 0)
