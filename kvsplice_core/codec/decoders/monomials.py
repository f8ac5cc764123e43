"""Which products of latents a decoder uses, and their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from math import comb
from typing import Self

import torch
from torch import Tensor

Factors = tuple[int, ...]
"""The latents of one monomial, in ascending order, as often as they occur."""


@dataclass(frozen=True)
class Monomials:
    """Monomials of degree 1 and more, each one of the degree below times one latent.

    Parameters
    ----------
    factors : tuple of Factors
        Degree by degree; without its last factor, each is itself one of them.
    levels : tuple of (Tensor, Tensor), int64
        For every degree from 2 on: the places of the monomials to multiply, within the degree
        below, and the latents to multiply them with.
    """

    factors: tuple[Factors, ...]
    levels: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    def of(cls, factors: Iterable[Factors]) -> Self:
        """Return the monomials with these factors, degree by degree."""
        ordered = tuple(sorted(factors, key=lambda one: (len(one), one)))
        degrees = range(1, len(ordered[-1]) + 1)
        by_degree = [[one for one in ordered if len(one) == degree] for degree in degrees]
        levels = []
        for below, level in pairwise(by_degree):
            places = {one: place for place, one in enumerate(below)}
            parents = torch.tensor([places[one[:-1]] for one in level])
            levels.append((parents, torch.tensor([one[-1] for one in level])))
        return cls(ordered, tuple(levels))

    def __len__(self) -> int:
        return len(self.factors)

    def values(self, z: Tensor) -> Tensor:
        """Return the monomials (features, n) of latents (leading, n).

        Vectors stand in columns: then picking a latent copies one contiguous row.
        """
        parts = [z]
        for parents, latents in self.levels:
            parts.append(parts[-1].index_select(0, parents) * z.index_select(0, latents))
        return torch.cat(parts)

    def to(self, device: torch.device) -> Self:
        """Return the monomials with their places on `device`."""
        levels = tuple((parents.to(device), last.to(device)) for parents, last in self.levels)
        return type(self)(self.factors, levels)

    def places(self, kept: Iterable[Factors]) -> Tensor:
        """Return where the monomials `kept` stand among these; int64."""
        place = {one: index for index, one in enumerate(self.factors)}
        return torch.tensor([place[one] for one in kept])


def all_monomials(leading: int, degree: int) -> Monomials:
    """Return every monomial of degree 1 … `degree` of `leading` latents."""
    degrees = range(1, degree + 1)
    return Monomials.of(
        one for g in degrees for one in combinations_with_replacement(range(leading), g)
    )


def quadratic_monomials(leading: int) -> Monomials:
    """Return z_i, z_i z_j (i ≤ j) and z_i³ of `leading` latents."""
    lower = all_monomials(leading, 2).factors
    return Monomials.of((*lower, *((i, i, i) for i in range(leading))))


def count_all(leading: int, degree: int) -> int:
    """Return how many monomials `all_monomials` has."""
    return comb(leading + degree, degree) - 1


def count_quadratic(leading: int) -> int:
    """Return how many monomials `quadratic_monomials` has."""
    return count_all(leading, 2) + leading
