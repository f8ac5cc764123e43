"""How well vectors come back, and whether a difference is more than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.estimates import Change
from kvsplice_core.tasks.sweep import Scores

BLOCK_TOKENS = 64
_MIN_BLOCKS = 8
_RESAMPLES = 2000
_CHUNK_ROWS = 16_384
# Of the mean square: relative errors of 1e-5, a hundred times the spacing of fp32 numbers.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Reconstruction:
    """Scores of a reconstruction, with the error of each vector for paired comparisons.

    Parameters
    ----------
    scores : Scores
        Averages over all vectors.
    row_errors : ndarray, shape (n,), fp64
        Mean squared error of each vector.
    """

    scores: Scores
    row_errors: NDArray[np.float64]


def score(
    x: Tensor, reconstruct: Callable[[Tensor], Tensor], mean: Tensor, k: int
) -> Reconstruction:
    """Measure a reconstruction with fp64 sums.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        Test vectors.
    reconstruct : callable
        Maps (m, d) to (m, d).
    mean : Tensor, shape (d,)
        Training mean: NMSE is the error over that of always answering it.
    k : int
        Bottleneck dimension, for the compression ratio.
    """
    sums = np.zeros(6)
    errors, cosines = [], []
    for chunk in torch.split(x, _CHUNK_ROWS):
        a, b = _fp64(chunk), _fp64(reconstruct(chunk))
        squares = (a - b) ** 2
        errors.append(squares.mean(1))
        cosines.append(_cosines(a, b))
        spread = ((a - _fp64(mean)) ** 2).sum()
        parts = (spread, a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum())
        sums += torch.stack(parts).numpy()
    row_errors = torch.cat(errors).numpy()
    mse = float(row_errors.mean())
    scores = Scores(
        mse=mse,
        nmse=mse * x.numel() / float(max(sums[0], np.finfo(np.float64).tiny)),
        pearson=_pearson(x.numel(), *sums[1:]),
        cosine=float(torch.cat(cosines).mean()),
        compression_ratio=x.shape[1] / k,
    )
    return Reconstruction(scores, row_errors)


def rounding_error(x: Tensor) -> float:
    """Return the MSE below which a reconstruction of vectors (n, d) is as good as exact in fp32."""
    return _ROUNDING * mean_squared_error(x, torch.zeros_like)


def row_errors(x: Tensor, reconstruct: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
    """Return the MSE of each of the vectors (n, d), summed in fp64; shape (n,)."""
    parts = [
        ((_fp64(chunk) - _fp64(reconstruct(chunk))) ** 2).mean(1)
        for chunk in torch.split(x, _CHUNK_ROWS)
    ]
    return torch.cat(parts).numpy()


def mean_squared_error(x: Tensor, reconstruct: Callable[[Tensor], Tensor]) -> float:
    """Return the MSE over all elements of vectors (n, d), summed in fp64."""
    total = 0.0
    for chunk in torch.split(x, _CHUNK_ROWS):
        squares = (chunk - reconstruct(chunk)) ** 2
        total += float(squares.sum(dtype=_sum_dtype(chunk)))
    return total / x.numel()


def change_against(
    errors: NDArray[np.float64],
    reference: NDArray[np.float64],
    rows_per_token: int = 1,
    seed: int = 0,
    rounding: float = 0.0,
) -> Change:
    """Compare two reconstructions of the same vectors by a paired block bootstrap.

    Neighbouring tokens are alike, so blocks of 64 contiguous tokens are drawn rather than single
    ones (fewer tokens a block where there would be under 8 blocks), and both errors of a block
    are drawn together.

    Parameters
    ----------
    errors, reference : ndarray, shape (n,)
        Mean squared error of each vector, in the order of the text.
    rows_per_token : int
        Rows that belong to one token (pooled heads).
    seed : int
        Seeds the draws.
    rounding : float
        Mean squared error that rounding alone makes; where neither mean exceeds it (k = d),
        nothing was lost and the change is 0.

    Returns
    -------
    Change
        Of the mean, in per cent, with the 2.5 and 97.5 percentiles of 2 000 draws.

    References
    ----------
    Künsch 1989, "The jackknife and the bootstrap for general stationary observations".
    """
    if max(errors.mean(), reference.mean()) <= rounding:
        return Change(0.0, 0.0, 0.0)
    tokens = max(1, len(errors) // rows_per_token)
    block = rows_per_token * min(BLOCK_TOKENS, max(1, tokens // _MIN_BLOCKS))
    starts = np.arange(0, len(errors), block)
    ours, theirs = np.add.reduceat(errors, starts), np.add.reduceat(reference, starts)
    rng = np.random.default_rng(seed)
    chances = np.full(len(starts), 1 / len(starts))
    draws = rng.multinomial(len(starts), chances, size=_RESAMPLES).astype(np.float64)
    ratios = _percent(draws @ ours, draws @ theirs)
    low, high = np.percentile(ratios, (2.5, 97.5))
    percent = _percent(ours.sum(), theirs.sum())
    return Change(float(percent), float(low), float(high))


def _percent(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the change in per cent; 0 where both errors vanish (k = d)."""
    floor = np.finfo(np.float64).tiny
    return np.asarray(100.0 * (ours - theirs) / np.maximum(theirs, floor))


def _fp64(x: Tensor) -> Tensor:
    return x.detach().cpu().double()


def _sum_dtype(x: Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64


def _cosines(a: Tensor, b: Tensor) -> Tensor:
    norms = a.norm(dim=1) * b.norm(dim=1)
    cosines: Tensor = (a * b).sum(1) / norms.clamp_min(torch.finfo(torch.float64).tiny)
    return cosines


def _pearson(
    n: int, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
) -> float:
    covariance = sum_ab - sum_a * sum_b / n
    spread_a, spread_b = sum_aa - sum_a**2 / n, sum_bb - sum_b**2 / n
    if spread_a <= 0 or spread_b <= 0:
        return 0.0
    return float(covariance / np.sqrt(spread_a * spread_b))
