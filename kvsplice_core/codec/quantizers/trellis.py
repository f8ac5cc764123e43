"""Two quantizers in turn, and the path through their trellis that costs least.

Trellis-coded quantization (Marcellin & Fischer 1990) as video coders have it (Schwarz, Nguyen,
Marpe & Wiegand 2019, "Hybrid video coding with trellis-coded quantization"): a state, which the
parity of every step moves, says on which of two quantizers the next component lies. The first
holds the whole multiples of a step, the second zero and the multiples between. Together they are
twice as fine as what one step must tell, and Viterbi's algorithm finds the path that suits a
vector best. The states are those of Ungerboeck's code (1982) for one dimension: 8 of them bring
0.85 dB of the 1.53 dB that lie between a single quantizer and the bound.
"""

from __future__ import annotations

import torch
from torch import Tensor

STATES = 8
_MEMORY = 3  # log₂ of the states
_CHECKS = (0o13, 0o04)  # Ungerboeck's parity check: of the quantizer's number, of the parity
_NEVER = 1e30


def _next(state: int, parity: int) -> int:
    """Return the state after a step's parity: the code's shift register, as it feeds back."""
    quantizer, moved = state >> (_MEMORY - 1), (state << 1) & (STATES - 1)
    for place in range(_MEMORY):
        bit = place + 1
        fed = (_CHECKS[0] >> bit & quantizer) ^ (_CHECKS[1] >> bit & parity)
        moved ^= (fed & 1) << (_MEMORY - bit)
    return moved


_NEXT = [_next(state, parity) for state in range(STATES) for parity in range(2)]
_BEFORE = [[i for i, state in enumerate(_NEXT) if state == after] for after in range(STATES)]


def quantizer_of(state: Tensor) -> Tensor:
    """Return which quantizer, 0 or 1, the next component lies on."""
    return state >> (_MEMORY - 1)


def transitions(device: torch.device) -> Tensor:
    """Return the state after each state and parity, at 2 · state + parity, (16,) int64."""
    return torch.tensor(_NEXT, device=device)


def best_path(costs: Tensor) -> Tensor:
    """Return the cheapest path of each vector, from state 0.

    Parameters
    ----------
    costs : Tensor, shape (k, 4, n)
        What each component costs: on the first quantizer by an even step and by an odd one, then
        on the second.

    Returns
    -------
    Tensor, shape (k, n)
        int64; state before each component, and the parity of its step: 2 · state + parity.
    """
    k, _, count = costs.shape
    before = torch.tensor(_BEFORE, device=costs.device).T.flatten()  # (2 · states,)
    state, subset = before // 2, subset_of(before)
    total = torch.full((STATES, count), _NEVER, device=costs.device)
    total[0] = 0
    second = torch.empty(k, STATES, count, dtype=torch.bool, device=costs.device)
    for i in range(k):
        ways = (total[state] + costs[i][subset]).view(2, STATES, count)
        torch.lt(ways[1], ways[0], out=second[i])
        total = torch.minimum(ways[0], ways[1])
    path = torch.empty(k, count, dtype=torch.int64, device=costs.device)
    rows = torch.arange(count, device=costs.device)
    at = total.argmin(0)
    for i in range(k - 1, -1, -1):
        path[i] = before[at + STATES * second[i][at, rows]]
        at = path[i] // 2
    return path


def subset_of(path: Tensor) -> Tensor:
    """Return which of the four each component of a path takes, as in `best_path`'s costs."""
    return 2 * quantizer_of(path // 2) + path % 2
