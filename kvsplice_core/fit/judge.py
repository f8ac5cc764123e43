"""The one judge: what is better than another beyond chance and rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.estimates import (
    NO_CHANGE,
    Change,
    Judgement,
    bootstrap_draws,
    interval,
)
from kvsplice_core.fit.metrics import mean_squared_error, row_errors

BLOCK_TOKENS = 64
_MIN_BLOCKS = 8
# Of each number besides its products and sums: offsets, scales, and a transform there and back.
_OTHER_OPERATIONS = 16


def judge(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    rounding: float,
    rows_per_token: int = 1,
    seed: int = 0,
) -> Judgement:
    """Compare two reconstructions of the same held-out vectors.

    A paired block bootstrap: neighbouring tokens are alike, so blocks of 64 contiguous tokens are
    drawn rather than single ones (fewer tokens a block where there would be under 8 blocks), and
    both errors of a block are drawn together.

    What lies within the rounding of the arithmetic is a tie, however clear of 0 its interval is:
    the same codec, computed in another order, misses its exact reconstruction by at most
    √`rounding` in the root mean square each time, so by the triangle inequality the roots of the
    two errors lie no further apart than twice that.

    Parameters
    ----------
    ours, theirs : ndarray, shape (n,)
        Squared error of each vector, in the order of the text.
    rounding : float
        What rounding alone adds to one of them; see `rounding_error`.
    rows_per_token : int
        Rows that belong to one token (pooled heads).
    seed : int
        Seeds the draws.

    Returns
    -------
    Judgement
        The change is that of the mean, in per cent, with the 2.5 and 97.5 percentiles of 2 000
        draws.

    References
    ----------
    Künsch 1989, "The jackknife and the bootstrap for general stationary observations".
    """
    means = float(ours.mean()), float(theirs.mean())
    if abs(means[0] ** 0.5 - means[1] ** 0.5) <= 2 * rounding**0.5:
        return Judgement(*means, NO_CHANGE)
    return Judgement(*means, _change(ours, theirs, rows_per_token, seed))


def compare(
    rows: Tensor,
    ours: Callable[[Tensor], Tensor],
    theirs: Callable[[Tensor], Tensor],
    rows_per_token: int = 1,
    seed: int = 0,
) -> Judgement:
    """Judge two reconstructions, each a map of (m, d) to (m, d), on held-out vectors (n, d)."""
    errors = row_errors(rows, ours), row_errors(rows, theirs)
    return judge(*errors, rounding_error(rows), rows_per_token, seed)


def rounding_error(x: Tensor) -> float:
    """Return the mean squared error that rounding alone makes in vectors (n, d).

    Every operation on a number rounds it by at most u, half the spacing of fp32 (codecs compute in
    it) or of the vectors' own dtype where that is coarser. A codec sums d products into each
    latent and at most d of them back into each number, and its matrices are rounded themselves:
    4 d operations, and a few for offsets and transform. Over all latents the partial sums of one
    step hold no more energy than the vector, for the rows of an orthonormal basis shorten it; the
    roundings are independent (Higham & Mary 2019), so their squares add up to (4 d + 16) u² times
    the mean square. A latent that a quantizer rounds the other way lay halfway between two levels:
    its error is as large on the other side.

    References
    ----------
    Higham & Mary 2019, "A new approach to probabilistic rounding error analysis".
    """
    unit = max(torch.finfo(dtype).eps for dtype in (x.dtype, torch.float32)) / 2
    operations = 4 * x.shape[1] + _OTHER_OPERATIONS
    return operations * unit**2 * mean_squared_error(x, torch.zeros_like)


def _change(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], rows_per_token: int, seed: int
) -> Change:
    tokens = max(1, len(ours) // rows_per_token)
    block = rows_per_token * min(BLOCK_TOKENS, max(1, tokens // _MIN_BLOCKS))
    starts = np.arange(0, len(ours), block)
    sums = np.add.reduceat(ours, starts), np.add.reduceat(theirs, starts)
    draws = bootstrap_draws(len(starts), seed)
    ends = interval(_percent(draws @ sums[0], draws @ sums[1]))
    return Change(float(_percent(sums[0].sum(), sums[1].sum())), *ends)


def _percent(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the change in per cent; 0 where both errors vanish (k = d)."""
    floor = np.finfo(np.float64).tiny
    return np.asarray(100.0 * (ours - theirs) / np.maximum(theirs, floor))
