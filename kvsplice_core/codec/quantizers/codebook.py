"""Which component gets how many bits, and the tables of levels that follow."""

from __future__ import annotations

import torch
from torch import Tensor

from kvsplice_core.codec.quantizers.levels import (
    Samples,
    empirical_levels,
    gaussian_distortion_of,
    gaussian_levels,
)
from kvsplice_core.codec.quantizers.packing import MAX_WIDTH


def allot_bits(costs: Tensor, total: int) -> Tensor:
    """Return bits (k,) per component of least summed cost under a total.

    One bit at a time goes where it saves most (greedy reverse water-filling), which is the
    optimum where the savings of a component fall with its bits.

    Parameters
    ----------
    costs : Tensor, shape (k, 9)
        Cost of component i with b = 0 … 8 bits.
    total : int
        Bits to hand out; more than 8 k are not used.
    """
    savings = (-costs.diff(dim=1)).cummin(dim=1).values  # a bit needs those before it
    best = savings.flatten().topk(min(total, savings.numel())).indices
    return torch.bincount(best // MAX_WIDTH, minlength=len(costs))


Tables = tuple[Tensor, ...]
"""Levels of 0 … 8 bits."""


def shared_tables(companded: bool) -> tuple[Tensor, Tables]:
    """Return the share of its variance a component loses (9,), and levels of a normal density."""
    tables = tuple(gaussian_levels(bits, companded) for bits in range(MAX_WIDTH + 1))
    shares = torch.tensor([gaussian_distortion_of(table) for table in tables], dtype=torch.float64)
    return shares, tables


def shared_levels(tables: Tables, bits: Tensor) -> Tensor:
    """Return one table for each number of bits in use, fewest first, one after the other."""
    return torch.cat([tables[width] for width in torch.unique(bits).tolist()])


def own_tables(samples: Samples, companded: bool) -> tuple[Tensor, Tables]:
    """Return the share of its variance each component loses (k, 9), and its levels (k, 2^bits)."""
    tables = tuple(empirical_levels(samples, bits, companded) for bits in range(MAX_WIDTH + 1))
    return torch.stack([samples.distortion(table) for table in tables], 1), tables


def own_levels(tables: Tables, bits: Tensor) -> Tensor:
    """Return each component's own table, one after the other."""
    largest = 2**MAX_WIDTH
    padded = [torch.nn.functional.pad(table, (0, largest - table.shape[1])) for table in tables]
    chosen = torch.stack(padded)[bits, torch.arange(len(bits), device=bits.device)]
    return chosen[torch.arange(largest, device=bits.device) < 2 ** bits[:, None]]
