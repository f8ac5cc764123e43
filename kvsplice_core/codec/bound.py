"""The Gaussian rate–distortion bound of a covariance, and the null test that goes with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError

_LEAST_SHARE = 1e-14  # of the largest variance; below lies the rounding of an eigensolver


def gaussian_distortion(variances: Tensor, bits_per_vector: float) -> float:
    """Return the least mean squared error of Gaussian vectors at a rate.

    Reverse water-filling (Cover & Thomas, Elements of Information Theory, 10.3.3):
    ``D = Σ min(θ, λ)`` where ``Σ max(0, ½ log₂ λ/θ)`` is the rate.

    Parameters
    ----------
    variances : Tensor, shape (d,)
        Eigenvalues λ ≥ 0 of the covariance, in any order.
    bits_per_vector : float
        Rate R ≥ 0 in bits per vector.

    Returns
    -------
    float
        Sum of squares per vector, in the unit of `variances`.

    Raises
    ------
    DataError
        If a variance is negative or not finite, or there is none.
    SpecError
        If the rate is negative or not finite.
    """
    return gaussian_distortions(variances, [bits_per_vector])[0]


def gaussian_distortions(variances: Tensor, bits_per_vector: Sequence[float]) -> list[float]:
    """Return `gaussian_distortion` at several rates."""
    ordered = _usable(variances)
    rates = torch.tensor(list(bits_per_vector), dtype=torch.float64)
    if not bool((rates.isfinite() & (rates >= 0)).all()):
        raise SpecError(f"a rate must be finite and ≥ 0 bits; got {list(bits_per_vector)}")
    positive = ordered[ordered > ordered[0] * _LEAST_SHARE]
    rest = ordered[len(positive) :].sum()
    if len(positive) == 0:
        return [0.0] * len(rates)
    return [float(d) for d in _filled(positive, rates) + rest]


def _usable(variances: Tensor) -> Tensor:
    """Variances on the CPU in fp64, largest first."""
    if variances.ndim != 1 or variances.numel() == 0:
        raise DataError(f"the bound needs variances (d,); got shape {tuple(variances.shape)}")
    ordered = variances.detach().cpu().double().sort(descending=True).values
    if not bool(ordered.isfinite().all()) or float(ordered[-1]) < 0:
        raise DataError("the bound needs finite variances ≥ 0; got others")
    return ordered


def _filled(positive: Tensor, rates: Tensor) -> Tensor:
    """Distortion (rates,) of variances (m,), largest first: exact, by the count under water."""
    logs = positive.log2()
    counts = torch.arange(1, len(positive) + 1, dtype=torch.float64)
    # the rate from which component m + 1 gets bits too
    starts = 0.5 * (logs.cumsum(0) - counts * logs)
    active = torch.searchsorted(starts, rates, right=True).clamp_min(1)  # (rates,)
    level = (logs.cumsum(0)[active - 1] - 2 * rates) / active
    below = positive.sum() - positive.cumsum(0)[active - 1]
    return active * torch.exp2(level) + below.clamp_min(0)


def gap_db(distortion: float, variances: Tensor, bits_per_vector: float) -> float:
    """Return how far a sum of squares per vector lies above the bound at its rate, in dB.

    Raises
    ------
    DataError
        If the distortion is not positive and finite, or the bound is zero.
    """
    bound = gaussian_distortion(variances, bits_per_vector)
    if not (math.isfinite(distortion) and distortion > 0 and bound > 0):
        raise DataError(f"a gap needs two positive errors; got {distortion} and a bound of {bound}")
    return 10 * math.log10(distortion / bound)


def gaussian_surrogate(rows: Tensor, n: int, seed: int) -> Tensor:
    """Return Gaussian vectors of the same mean and covariance as some vectors.

    On these no per-axis map can gain over PCA: the null test of every claimed gain.

    Parameters
    ----------
    rows : Tensor, shape (m, d)
        Vectors, m ≥ 2.
    n : int
        How many to draw, ≥ 1.
    seed : int
        Seeds the draw, which is the same on every device.

    Returns
    -------
    Tensor, shape (n, d)
        In the dtype and on the device of `rows`.

    Raises
    ------
    DataError
        If `rows` is not a finite floating-point matrix of at least two rows.
    SpecError
        If `n` is below 1.
    """
    if rows.ndim != 2 or rows.shape[0] < 2 or not rows.is_floating_point():
        raise DataError(f"a surrogate needs vectors (m ≥ 2, d); got shape {tuple(rows.shape)}")
    if not bool(rows.isfinite().all()):
        raise DataError("a surrogate needs finite vectors; got infinities or NaN")
    if n < 1:
        raise SpecError(f"a surrogate needs n of at least 1; got {n}")
    exact = rows.detach().cpu().double()
    variances, axes = torch.linalg.eigh(exact.T.cov(correction=0).reshape(rows.shape[1], -1))
    draw = torch.randn(
        n, rows.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    drawn: Tensor = (draw * variances.clamp_min(0).sqrt()) @ axes.T + exact.mean(0)
    return drawn.to(rows.device, rows.dtype)
