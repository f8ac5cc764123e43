"""Principal components, and the linear bottleneck of a codec."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.projection import Projection

_CHUNK_ROWS = 4_096


@dataclass(frozen=True)
class PCA:
    """All principal axes of a set of vectors.

    Parameters
    ----------
    mean : Tensor, shape (d,)
    basis : Tensor, shape (d, d)
        Columns are the axes, the largest variance first.
    variances : Tensor, shape (d,), fp64 on the CPU
        Descending, ≥ 0, in units of V squared.
    """

    mean: Tensor
    basis: Tensor
    variances: Tensor

    @property
    def dim(self) -> int:
        """Dimension d."""
        return len(self.mean)

    def projection(self, k: int) -> Projection:
        """Return the bottleneck that keeps the first k axes.

        Raises
        ------
        SpecError
            If k is not in 1 … d.
        """
        if not 1 <= k <= self.dim:
            raise SpecError(f"k must lie between 1 and the dimension {self.dim}; got {k}")
        axes = self.basis[:, :k].contiguous()
        return Projection(axes, axes.T.contiguous(), self.mean, self.mean)

    def variance_kept(self) -> Tensor:
        """Return the share of variance in the first k axes, for k = 1 … d; shape (d,)."""
        total = self.variances.sum().clamp_min(torch.finfo(torch.float64).tiny)
        return self.variances.cumsum(0) / total

    def mse_for_every_k(self, x: Tensor) -> Tensor:
        """Return the MSE of vectors (n, d) for k = 1 … d at once; shape (d,), fp64.

        What k axes miss is the energy in the other d − k, so one rotation serves every k.
        """
        energy = torch.zeros(self.dim, dtype=torch.float64)
        for chunk in torch.split(x, _CHUNK_ROWS):
            rotated = (chunk - self.mean) @ self.basis
            energy += (rotated.cpu().double() ** 2).sum(0)
        missed = energy.flip(0).cumsum(0).flip(0) - energy
        return missed / x.numel()


def fit_pca(x: Tensor) -> PCA:
    """Find the principal axes of vectors by the eigenvectors of their fp64 covariance.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        At least 2 rows; fp32, on any device.

    Returns
    -------
    PCA
        In the dtype and on the device of `x`. Each axis points where its largest entry is
        positive, so that equal data gives equal axes.

    Raises
    ------
    DataError
        If the covariance overflows.

    References
    ----------
    Pearson 1901, "On lines and planes of closest fit to systems of points in space".
    """
    mean, scatter = mean_and_scatter(x)
    return principal_axes(mean, scatter / (len(x) - 1), x)


def mean_and_scatter(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (d,) of vectors (n, d) and their scatter about it (d, d), in fp64."""
    # No fp64 on Apple's GPU; the sums are long, so they move to the CPU rather than lose digits.
    sums_on = torch.device("cpu") if x.device.type == "mps" else x.device
    chunks = torch.split(x, _CHUNK_ROWS)
    # One pass: deviations from a first guess of the mean, corrected at the end.
    guess = chunks[0].to(sums_on).double().mean(0)
    total = torch.zeros_like(guess)
    scatter = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=sums_on)
    for chunk in chunks:
        deviation = chunk.to(sums_on, torch.float64, copy=True).sub_(guess)
        total += deviation.sum(0)
        scatter += deviation.T @ deviation
    missed = total / len(x)
    return guess + missed, scatter - len(x) * torch.outer(missed, missed)


def principal_axes(mean: Tensor, covariance: Tensor, like: Tensor) -> PCA:
    """Return the axes of a mean (d,) and a covariance (d, d), both fp64, as `fit_pca` does.

    In the dtype and on the device of `like`; raises DataError if the covariance is not finite.
    """
    if not bool(covariance.isfinite().all()):
        raise DataError(
            "a covariance must be finite; the transformed vectors overflow, so scale them down or "
            "train with a larger batch"
        )
    variances, axes = torch.linalg.eigh(covariance.cpu())
    axes = axes.flip(1)
    largest = axes.abs().argmax(0, keepdim=True)
    axes = axes * axes.gather(0, largest).sign()
    return PCA(mean.to(like), axes.to(like).contiguous(), variances.flip(0).clamp_min(0))
