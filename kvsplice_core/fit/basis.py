"""Principal axes in the metric of what is read, as the linear bottleneck of a codec."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.codec.decoders.greedy import greedy_axes
from kvsplice_core.codec.pca import PCA, fit_pca
from kvsplice_core.codec.projection import Projection

# Directions the output projection hardly sees still need an inverse.
_LEAST_SEEN = 1e-6


@dataclass(frozen=True, eq=False)
class Metric:
    """What an error costs: ‖(x − x̂) A‖².

    Parameters
    ----------
    root, inverse : Tensor, shape (d, d)
        A, symmetric and positive, and A⁻¹.
    """

    root: Tensor
    inverse: Tensor

    @classmethod
    def of_output(cls, weight: Tensor) -> Metric:
        """Return the metric behind the output projection W_O (d, hidden): A² = W W^T.

        It is scaled so that its mean eigenvalue is 1, and what W_O hardly sees keeps a millionth
        of the largest.
        """
        seen = weight.detach().cpu().double()
        values, axes = torch.linalg.eigh(seen @ seen.T)
        values = values.clamp_min(float(values[-1]) * _LEAST_SEEN)
        roots = (values / values.mean()).sqrt()
        parts = ((axes * roots) @ axes.T, (axes / roots) @ axes.T)
        return cls(*(part.float().to(weight.device) for part in parts))

    def to(self, device: torch.device) -> Metric:
        """Return it on another device."""
        return Metric(self.root.to(device), self.inverse.to(device))


@dataclass(frozen=True, eq=False)
class Basis:
    """All principal axes in a metric.

    Parameters
    ----------
    pca : PCA
        Of the vectors times A; their variances are in the metric's unit.
    metric : Metric or None
        The vectors' own unit when None.
    """

    pca: PCA
    metric: Metric | None = None

    def projection(self, k: int, axes: Tensor | None = None) -> Projection:
        """Return the bottleneck of the first k axes; it maps vectors, not vectors times A.

        `axes` names others than the first, by their places (k,).
        """
        plain = self.pca.projection(k) if axes is None else self._chosen(axes)
        if self.metric is None:
            return plain
        mean = self.pca.mean @ self.metric.inverse
        encoder = self.metric.root @ plain.encoder
        return Projection(encoder, plain.decoder @ self.metric.inverse, mean, mean)

    def greedy(self, rows: Tensor, k: int) -> Tensor:
        """Return the places of the k axes behind which a quadratic decoder leaves least."""
        return greedy_axes(rows if self.metric is None else rows @ self.metric.root, self.pca, k)

    def _chosen(self, axes: Tensor) -> Projection:
        kept = self.pca.basis[:, axes.to(self.pca.basis.device)].contiguous()
        return Projection(kept, kept.T.contiguous(), self.pca.mean, self.pca.mean)


def fit_basis(rows: Tensor, metric: Metric | None = None) -> Basis:
    """Find the principal axes of vectors (n, d) in a metric."""
    return Basis(fit_pca(rows if metric is None else rows @ metric.root), metric)
