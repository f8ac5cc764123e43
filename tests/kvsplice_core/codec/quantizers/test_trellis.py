"""The trellis: what its code is, and that its best path is the best."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from kvsplice_core.codec.quantizers.trellis import (
    STATES,
    best_path,
    quantizer_of,
    subset_of,
    transitions,
)

_CPU = torch.device("cpu")
_AFTER = transitions(_CPU)


def costs(k: int, rows: int, seed: int = 0) -> Tensor:
    return torch.rand(k, 4, rows, generator=torch.Generator().manual_seed(seed))


def cost_of(path: Tensor, each: Tensor) -> Tensor:
    return each.gather(1, subset_of(path)[:, None]).sum((0, 1))


def walked(parities: Tensor) -> Tensor:
    """The path (k, n) that the parities (k, n) of the steps take."""
    state, path = torch.zeros_like(parities[0]), []
    for parity in parities:
        path.append(2 * state + parity)
        state = _AFTER[path[-1]]
    return torch.stack(path)


def test_two_ways_lead_into_every_state_and_out_of_it_to_two() -> None:
    assert torch.equal(_AFTER.bincount(minlength=STATES), torch.full((STATES,), 2))
    assert bool((_AFTER[::2] != _AFTER[1::2]).all())
    assert int(quantizer_of(torch.arange(STATES)).sum()) == STATES // 2


def test_paths_that_part_differ_in_four_steps_before_they_meet_again() -> None:
    # Ungerboeck's 8 states: a squared distance of 10, in halves of a step, against 4 of one step
    apart = torch.tensor([[0, 1, 4, 1], [1, 0, 1, 4], [4, 1, 0, 1], [1, 4, 1, 0]])
    place = torch.tensor([0, 2, 3, 1])  # even, odd, then −½ and ½, in halves of a step modulo 4
    least = {}
    for length in range(1, 8):
        words = torch.tensor(list(product(range(2), repeat=length))).T
        ways = walked(words)
        ends = _AFTER[ways[-1]]
        other = (words[0] == 1) & (ends == 0)
        if bool(other.any()):
            along = place[subset_of(ways)]
            distance = torch.stack([apart[0][one] for one in along]).sum(0)
            least[length] = int(distance[other].min())
    assert min(least.values()) == 10


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_best_path_is_the_best_of_all(k: int) -> None:
    each = costs(k, 5)
    words = torch.tensor(list(product(range(2), repeat=k))).T  # (k, words)
    ways = walked(words)
    found = best_path(each)
    for row in range(5):
        least = min(float(cost_of(way[:, None], each[..., row : row + 1])) for way in ways.T)
        assert float(cost_of(found, each)[row]) == pytest.approx(least, abs=1e-5)


def test_the_best_path_is_a_path_and_beats_the_cheapest_next_step() -> None:
    each = costs(60, 40, 3)
    found = best_path(each)
    assert torch.equal(walked(found % 2), found)
    state, greedy = torch.zeros(40, dtype=torch.int64), torch.zeros(40)
    for one in each:
        pair = one.gather(0, 2 * quantizer_of(state) + torch.tensor([[0], [1]]))
        greedy += pair.amin(0)
        state = _AFTER[2 * state + pair.argmin(0)]
    assert bool((cost_of(found, each) < greedy).all())


def test_no_vectors_have_no_paths() -> None:
    assert best_path(costs(3, 0)).shape == (3, 0)
