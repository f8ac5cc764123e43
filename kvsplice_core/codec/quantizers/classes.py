"""A mixture of normal densities on the components: what class a vector belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ROUNDS = 12
_MOST_ROWS = 65_536
_ROWS_PER_CLASS = 80
_PRIOR_ROWS = 16.0
_CHUNK_ROWS = 8_192
_LEAST_VARIANCE = 1e-30
_LOUDNESS = (1.0, 4.0, 16.0, 64.0, 512.0)  # a vector unlike all others still needs a class


@dataclass(frozen=True, eq=False)
class Classes:
    """Mean and variance of every component in every class.

    Parameters
    ----------
    means, variances : Tensor, shape (classes, k)
    """

    means: Tensor
    variances: Tensor

    def of(self, x: Tensor, noise: float) -> Tensor:
        """Return the likeliest class of rows (n, k) when each component bears `noise` more."""
        chunks = torch.split(x, _CHUNK_ROWS)
        return torch.cat([self._scores(chunk, noise).argmax(1) for chunk in chunks])

    def _scores(self, x: Tensor, noise: float) -> Tensor:
        variances = (self.variances + noise).clamp_min(_LEAST_VARIANCE)
        sharp = 1 / variances
        offset = (self.means.square() * sharp + variances.log()).sum(1)
        return 2 * x @ (self.means * sharp).T - x.square() @ sharp.T - offset


def fit_classes(x: Tensor, most: int, noise: float, seed: int) -> Classes:
    """Fit classes to rows (n, k) by hard expectation–maximisation, from random rows.

    All classes count as equally likely: a vector names its class in as many bits as any other.
    Means and variances lean on those of all rows as on 16 more rows.
    The last five of at most `most` classes are all rows, as they are and louder, for vectors that
    none of the others suits.
    """
    generator = torch.Generator().manual_seed(seed)
    count = max(1, min(most - len(_LOUDNESS), len(x) // _ROWS_PER_CLASS))
    order = torch.randperm(len(x), generator=generator)[:_MOST_ROWS].to(x.device)
    rows = x[order]
    overall = rows.var(0, correction=0)
    start = rows[:count] / 2 if count > 1 else torch.zeros_like(rows[:1])
    classes = Classes(start, overall.expand(count, -1))
    for _ in range(_ROUNDS if count > 1 else 1):
        classes = _moments(rows, classes.of(rows, noise), count, overall)
    return _with_loud(classes, rows.mean(0), overall)


def _with_loud(classes: Classes, mean: Tensor, overall: Tensor) -> Classes:
    loud = torch.tensor(_LOUDNESS, device=mean.device).square()[:, None]
    return Classes(
        torch.cat([classes.means, mean.expand(len(loud), -1)]),
        torch.cat([classes.variances, loud * overall]),
    )


def _moments(rows: Tensor, own: Tensor, count: int, overall: Tensor) -> Classes:
    """Return mean and variance of the rows of each class."""
    size = torch.bincount(own, minlength=count)[:, None] + _PRIOR_ROWS
    empty = torch.zeros(count, rows.shape[1], dtype=rows.dtype, device=rows.device)
    means = empty.index_add(0, own, rows) / size
    left = empty.index_add(0, own, (rows - means[own]).square())
    return Classes(means, (left + _PRIOR_ROWS * overall) / size)
