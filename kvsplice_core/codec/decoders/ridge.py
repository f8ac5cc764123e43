"""Ridge regression from sums: every strength from one eigendecomposition."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

# Narrower products would waste more than they save.
_LEAST_BLOCK, _MOST_BLOCKS = 56, 8


@dataclass(frozen=True)
class Sums:
    """What a least-squares fit needs of vectors; sums of parts add up.

    Parameters
    ----------
    rows : int
        Vectors summed.
    gram : Tensor, shape (p, p), fp64 on the CPU
        Σ φ φᵀ of the features φ.
    cross : Tensor, shape (p, d), fp64 on the CPU
        Σ φ rᵀ with the targets r.
    features, targets : Tensor, shapes (p,) and (d,), fp64 on the CPU
        Σ φ and Σ r.
    energy : float
        Σ |r|².
    """

    rows: int
    gram: Tensor
    cross: Tensor
    features: Tensor
    targets: Tensor
    energy: float

    @classmethod
    def of(cls, features: Tensor, targets: Tensor) -> Self:
        """Return the sums over features (p, n) and targets (n, d), of one dtype and device."""
        return cls(
            features.shape[1],
            _fp64(_gram(features)),
            _fp64(features @ targets),
            _fp64(features.sum(1)),
            _fp64(targets.sum(0)),
            float(_fp64(targets.square().sum(0)).sum()),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.rows + other.rows,
            self.gram + other.gram,
            self.cross + other.cross,
            self.features + other.features,
            self.targets + other.targets,
            self.energy + other.energy,
        )

    def among(self, places: Tensor) -> Self:
        """Return the sums of the features at `places` alone."""
        gram = self.gram[places[:, None], places]
        features = self.features[places]
        return type(self)(self.rows, gram, self.cross[places], features, self.targets, self.energy)

    def around(self, features: Tensor, targets: Tensor) -> Self:
        """Return the sums of φ − `features` and r − `targets`."""
        n = self.rows
        shift = torch.outer(self.features, features)
        gram = self.gram - shift - shift.T + n * torch.outer(features, features)
        cross = self.cross - torch.outer(self.features, targets)
        cross = cross - torch.outer(features, self.targets - n * targets)
        energy = self.energy - float(targets @ (2 * self.targets - n * targets))
        left = self.features - n * features, self.targets - n * targets
        return type(self)(n, gram, cross, *left, energy)


@dataclass(frozen=True)
class Regression:
    """Ridge regression of targets on standardised features, for every strength at once.

    Minimises ``Σ |r − r̄ − Bᵀ(φ − φ̄)/σ|² / n + strength · |B|²``.

    Parameters
    ----------
    sums : Sums
        Of the vectors to learn from.
    """

    sums: Sums

    @cached_property
    def means(self) -> tuple[Tensor, Tensor]:
        """φ̄ (p,) and r̄ (d,)."""
        return self.sums.features / self.sums.rows, self.sums.targets / self.sums.rows

    @cached_property
    def centred(self) -> Sums:
        """The sums around the means."""
        return self.sums.around(*self.means)

    @cached_property
    def spread(self) -> Tensor:
        """σ (p,): standard deviation of each feature; infinite for one that never moves."""
        squares = self.centred.gram.diagonal() / self.sums.rows
        scale = self.sums.gram.diagonal() / self.sums.rows
        return torch.where(squares > 1e-9 * scale, squares, torch.inf).sqrt()

    @cached_property
    def standardised(self) -> Tensor:
        """Correlations of the features, (p, p); zero for one that never moves."""
        return self.centred.gram / self.spread / self.spread[:, None] / self.sums.rows

    @cached_property
    def _eigen(self) -> tuple[Tensor, Tensor, Tensor]:
        """Eigenvalues (p,), axes (p, p) in units of φ, and the targets' part along each (p, d)."""
        values, axes = torch.linalg.eigh(self.standardised)
        axes = axes / self.spread[:, None]
        return values.clamp_min(0), axes, axes.T @ self.centred.cross / self.sums.rows

    def errors(self, other: Sums, strengths: Tensor) -> Tensor:
        """Return Σ |r − prediction|² over other vectors for each strength; shape (strengths,)."""
        values, axes, parts = self._eigen
        there = other.around(*self.means)
        shrunk = 1 / (values + strengths[:, None])  # (strengths, p)
        linear = shrunk @ (parts * (axes.T @ there.cross)).sum(1)
        mixed = (axes.T @ there.gram @ axes) * (parts @ parts.T)
        return there.energy - 2 * linear + ((shrunk @ mixed) * shrunk).sum(1)

    def solution(self, strength: float) -> tuple[Tensor, Tensor]:
        """Return weights (p, d) for raw features, and what to add (d,); fp64."""
        system = self.standardised + strength * torch.eye(len(self.spread), dtype=torch.float64)
        cross = self.centred.cross / self.spread[:, None] / self.sums.rows
        weights = torch.linalg.solve(system, cross) / self.spread[:, None]
        features, targets = self.means
        return weights, targets - features @ weights


def _gram(features: Tensor) -> Tensor:
    """Return features (p, n) times their transpose; only what lies left of the diagonal blocks.

    It is symmetric, so the rest is mirrored: up to nearly half of the work is saved.
    """
    p = len(features)
    gram = features.new_zeros(p, p)
    size = -(-p // max(1, min(_MOST_BLOCKS, p // _LEAST_BLOCK)))
    for start in range(0, p, size):
        end = min(start + size, p)
        torch.matmul(features[start:end], features[:end].T, out=gram[start:end, :end])
    return gram.tril() + gram.tril(-1).T


def _fp64(x: Tensor) -> Tensor:
    return x.cpu().double()
