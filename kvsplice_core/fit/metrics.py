"""How well vectors come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.tasks.sweep import Scores

_CHUNK_ROWS = 16_384


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


def row_errors(
    x: Tensor, reconstruct: Callable[[Tensor], Tensor], root: Tensor | None = None
) -> NDArray[np.float64]:
    """Return the MSE of each of the vectors (n, d), summed in fp64; shape (n,).

    `root` (d, d) is multiplied by what they miss, where that is not in the vectors' own unit.
    """
    parts = []
    for chunk in torch.split(x, _CHUNK_ROWS):
        missed = _fp64(chunk) - _fp64(reconstruct(chunk))
        parts.append(((missed if root is None else missed @ _fp64(root)) ** 2).mean(1))
    return torch.cat(parts).numpy()


def mean_squared_error(x: Tensor, reconstruct: Callable[[Tensor], Tensor]) -> float:
    """Return the MSE over all elements of vectors (n, d), summed in fp64."""
    total = 0.0
    for chunk in torch.split(x, _CHUNK_ROWS):
        squares = (chunk - reconstruct(chunk)) ** 2
        total += float(squares.sum(dtype=_sum_dtype(chunk)))
    return total / x.numel()


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
