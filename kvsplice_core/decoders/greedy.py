"""Which principal axes to keep so that a quadratic decoder recovers the others best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.decoders.monomials import all_monomials
from kvsplice_core.decoders.ridge import Regression, Sums
from kvsplice_core.errors import DataError, SpecError
from kvsplice_core.pca import PCA

_CHUNK_ROWS = 4_096
_MOST_ROWS = 20_000
_LEAST_RIDGE = 1e-8


def greedy_axes(
    rows: Tensor, pca: PCA, k: int, candidates: int | None = None, ridge: float = 1e-3
) -> Tensor:
    """Choose k principal axes, one after the other, for the quadratic decoder behind them.

    Each step takes the axis after which the least is left: the variance of the axes not kept,
    less what a ridge regression on the products z_i z_j of the kept ones explains of it.

    Parameters
    ----------
    rows : Tensor, shape (n, d)
        Training vectors, transformed; evenly spaced 20 000 of them are looked at.
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
        raise DataError(
            f"vectors must have shape (2 or more, {pca.dim}); got {tuple(rows.shape)}"
        )
    search = _Search.start(rows, pca, among, ridge)
    for _ in range(k):
        search = search.with_next()
    return torch.tensor(sorted(search.kept), device=rows.device)


@dataclass(frozen=True)
class _Search:
    """Axes kept so far; every table is what their products leave unexplained.

    Parameters
    ----------
    kept : tuple of int
    gram : Tensor, shape (pairs, pairs), fp64
        Covariance of the candidates' products, ridge included, given the kept ones' products.
    cross : Tensor, shape (pairs, d), fp64
        Covariance of the products and the coordinates, likewise.
    left : Tensor, shape (d,), fp64
        Variance of each coordinate, likewise.
    places : Tensor, shape (candidates, candidates), int64
        Where the product of two candidates stands among the pairs.
    """

    kept: tuple[int, ...]
    gram: Tensor
    cross: Tensor
    left: Tensor
    places: Tensor

    @classmethod
    def start(cls, rows: Tensor, pca: PCA, among: int, ridge: float) -> Self:
        """Keep nothing yet; the covariances of all products are taken once."""
        regression = Regression(_product_sums(rows, pca, among))
        gram = regression.standardised + ridge * torch.eye(len(regression.spread)).double()
        count = regression.sums.rows
        cross = regression.centred.cross / regression.spread[:, None] / count
        first, second = torch.triu_indices(among, among)
        places = torch.zeros(among, among, dtype=torch.int64)
        places[first, second] = places[second, first] = torch.arange(len(first))
        return cls((), gram, cross, pca.variances.clone(), places)

    def with_next(self) -> Self:
        """Keep the one axis more that leaves the least."""
        free = [axis for axis in range(len(self.places)) if axis not in self.kept]
        axes = torch.tensor(free)
        added = self._added(axes)
        blocks = self.gram[added[:, :, None], added[:, None, :]]
        parts = self.cross[added]  # (free, products, d)
        explained = (parts * torch.linalg.solve(blocks, parts)).sum(1)
        left = (self.left - explained).clamp_min(0)
        left[:, list(self.kept)] = 0
        left[torch.arange(len(axes)), axes] = 0
        return self._keeping(free[int(left.sum(1).argmin())])

    def _added(self, axes: Tensor) -> Tensor:
        """Return the places of the products each of `axes` would bring: with the kept and itself."""
        kept = torch.tensor(self.kept, dtype=torch.int64)
        own = self.places[axes, axes]
        return torch.cat([self.places[axes[:, None], kept], own[:, None]], dim=1)

    def _keeping(self, axis: int) -> Self:
        """Take what the products of `axis` explain out of every table (block elimination)."""
        added = self._added(torch.tensor([axis]))[0]
        across = self.gram[:, added]
        shares = torch.linalg.solve(across[added], across.T).T  # (pairs, products)
        explained = torch.linalg.solve(across[added], self.cross[added])
        return type(self)(
            (*self.kept, axis),
            self.gram - shares @ across.T,
            self.cross - shares @ self.cross[added],
            self.left - (self.cross[added] * explained).sum(0),
            self.places,
        )


def _product_sums(rows: Tensor, pca: PCA, among: int) -> Sums:
    """Sum the products z_i z_j of the candidates, and all coordinates as targets."""
    pairs = all_monomials(among, 2)
    chosen = rows[:: max(1, len(rows) // _MOST_ROWS)][:_MOST_ROWS]
    unit = pca.variances[:among].sqrt().to(rows)
    # A direction without variance has no unit; it counts as 0 rather than as rounding.
    unit = torch.where(unit > 1e-6 * unit[0], unit, torch.inf)
    monomials = pairs.to(rows.device)
    total: Sums | None = None
    for chunk in chosen.split(_CHUNK_ROWS):
        coordinates = (chunk - pca.mean) @ pca.basis
        scaled = (coordinates[:, :among] / unit).T.contiguous()
        sums = Sums.of(monomials.values(scaled)[among:], coordinates)
        total = sums if total is None else total + sums
    assert total is not None
    return total
