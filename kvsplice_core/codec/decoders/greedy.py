"""Which principal axes to keep so that a quadratic decoder recovers the others best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.decoders.monomials import Monomials, quadratic_monomials
from kvsplice_core.codec.decoders.ridge import Regression, Sums
from kvsplice_core.codec.pca import PCA

_CHUNK_ROWS = 4_096
_MOST_ROWS = 8_192
_LEAST_RIDGE = 1e-8


def greedy_axes(
    rows: Tensor, pca: PCA, k: int, candidates: int | None = None, ridge: float = 1e-3
) -> Tensor:
    """Choose k principal axes, one after the other, for the quadratic decoder behind them.

    Each step takes the axis after which the least is left: the variance of the axes not kept,
    less what a ridge regression on z_i, z_i z_j and z_i³ of the kept ones explains of it. The
    leading k axes are returned where they leave no more than that.

    Parameters
    ----------
    rows : Tensor, shape (n, d)
        Training vectors, transformed; at most 8 192 of them, evenly spaced, are looked at.
    pca : PCA
        Their principal axes.
    k : int
        How many axes to keep, 1 … d.
    candidates : int, optional
        Choose among so many leading axes, k … d; 2k, or d if that is less, when omitted.
    ridge : float
        Strength on standardised products, ≥ 1e-8.

    Returns
    -------
    Tensor, shape (k,), int64
        Their places among the principal axes, ascending; on the device of `rows`.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    DataError
        If `rows` are not at least 2 vectors of dimension d.

    References
    ----------
    Schwerdtner & Peherstorfer 2024, "Greedy construction of quadratic manifolds for nonlinear
    dimensionality reduction and nonlinear model reduction".
    """
    among = min(2 * k, pca.dim) if candidates is None else candidates
    if not 1 <= k <= among <= pca.dim:
        raise SpecError(
            f"k, the candidate axes and the dimension must be 1 ≤ k ≤ candidates ≤ d; "
            f"got {k}, {among}, {pca.dim}"
        )
    if not ridge >= _LEAST_RIDGE:
        raise SpecError(f"the ridge strength must be at least {_LEAST_RIDGE:g}; got {ridge}")
    if rows.ndim != 2 or rows.shape[1] != pca.dim or len(rows) < 2:
        raise DataError(f"vectors must have shape (2 or more, {pca.dim}); got {tuple(rows.shape)}")
    start = _Search.start(rows, pca, among, ridge)
    greedy = leading = start
    for axis in range(k):
        greedy = greedy.keeping(greedy.best())
        leading = leading.keeping(axis)
    best = greedy if greedy.missed < leading.missed else leading
    return torch.tensor(sorted(best.kept), device=rows.device)


@dataclass(frozen=True)
class _Search:
    """Axes kept so far; every table is what their features leave unexplained.

    Parameters
    ----------
    kept : tuple of int
    gram : Tensor, shape (features, features), fp64
        Covariance of the candidates' features, ridge included, given those of the kept axes.
    cross : Tensor, shape (features, d), fp64
        Covariance of the features and the coordinates, likewise.
    left : Tensor, shape (d,), fp64
        Variance of each coordinate, likewise.
    products : Tensor, shape (candidates, candidates), int64
        Where the product of two candidates stands among the features.
    alone : Tensor, shape (candidates, 3), int64
        Where the first three powers of each stand.
    """

    kept: tuple[int, ...]
    gram: Tensor
    cross: Tensor
    left: Tensor
    products: Tensor
    alone: Tensor

    @classmethod
    def start(cls, rows: Tensor, pca: PCA, among: int, ridge: float) -> Self:
        """Keep nothing yet; the covariances of all features are taken once."""
        monomials = quadratic_monomials(among)
        regression = Regression(_sums(rows, pca, monomials, among))
        gram = regression.standardised + ridge * torch.eye(len(monomials), dtype=torch.float64)
        cross = regression.centred.cross / regression.spread[:, None] / regression.sums.rows
        first, second = torch.triu_indices(among, among)
        products = torch.zeros(among, among, dtype=torch.int64)
        products[first, second] = products[second, first] = among + torch.arange(len(first))
        axes = torch.arange(among)
        alone = torch.stack([axes, products.diagonal(), among + len(first) + axes], dim=1)
        return cls((), gram, cross, pca.variances.clone(), products, alone)

    @property
    def missed(self) -> float:
        """Variance that is neither kept nor explained, in all coordinates together."""
        missed = self.left.clamp_min(0)
        missed[list(self.kept)] = 0
        return float(missed.sum())

    def best(self) -> int:
        """Return the axis that, kept too, leaves the least."""
        free = [axis for axis in range(len(self.products)) if axis not in self.kept]
        axes = torch.tensor(free)
        added = self._added(axes)
        blocks = self.gram[added[:, :, None], added[:, None, :]]
        parts = self.cross[added]  # (free, features, d)
        explained = (parts * torch.linalg.solve(blocks, parts)).sum(1)
        left = (self.left - explained).clamp_min(0)
        left[:, list(self.kept)] = 0
        left[torch.arange(len(axes)), axes] = 0
        return free[int(left.sum(1).argmin())]

    def keeping(self, axis: int) -> Self:
        """Take what the features of `axis` explain out of every table (block elimination)."""
        added = self._added(torch.tensor([axis]))[0]
        across = self.gram[:, added]
        shares = torch.linalg.solve(across[added], across.T)  # (added, features)
        explained = torch.linalg.solve(across[added], self.cross[added])
        return type(self)(
            (*self.kept, axis),
            self.gram - across @ shares,
            self.cross - across @ explained,
            self.left - (self.cross[added] * explained).sum(0),
            self.products,
            self.alone,
        )

    def _added(self, axes: Tensor) -> Tensor:
        """Return the places of what each of `axes` brings: powers, and products with the kept."""
        kept = torch.tensor(self.kept, dtype=torch.int64)
        return torch.cat([self.products[axes[:, None], kept], self.alone[axes]], dim=1)


def _sums(rows: Tensor, pca: PCA, monomials: Monomials, among: int) -> Sums:
    """Sum the candidates' features, with all coordinates as targets."""
    chosen = rows[:: max(1, len(rows) // _MOST_ROWS)][:_MOST_ROWS]
    unit = pca.variances[:among].sqrt().to(rows)
    # A direction without variance has no unit; it counts as 0 rather than as rounding.
    unit = torch.where(unit > 1e-6 * unit[0], unit, torch.inf)
    monomials = monomials.to(rows.device)
    total: Sums | None = None
    for chunk in torch.split(chosen, _CHUNK_ROWS):
        coordinates = (chunk - pca.mean) @ pca.basis
        scaled = (coordinates[:, :among] / unit).T.contiguous()
        sums = Sums.of(monomials.values(scaled), coordinates)
        total = sums if total is None else total + sums
    assert total is not None
    return total
