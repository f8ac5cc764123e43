"""Other axes for vectors: an invertible matrix and its inverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.shapes import Shape

# Fp32 keeps seven digits; axes this much smaller than the largest are still restored well.
_MIN_DEVIATION = 1e-4
_MIN_ENERGY = 1e-6


@dataclass(frozen=True)
class LinearAxes:
    """``z = x A`` and back with the stored inverse.

    Parameters
    ----------
    matrix : Tensor, shape (d, d)
        A; its columns are the axes.
    inverse_matrix : Tensor, shape (d, d)
    """

    matrix: Tensor
    inverse_matrix: Tensor

    @property
    def dim(self) -> int:
        """Dimension d."""
        return len(self.matrix)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        return x @ self.matrix

    def inverse(self, z: Tensor) -> Tensor:
        """Map back."""
        return z @ self.inverse_matrix

    def tensors(self) -> Mapping[str, Tensor]:
        """Return both matrices."""
        return {"matrix": self.matrix, "inverse": self.inverse_matrix}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the axes with `function` applied to both matrices."""
        return type(self)(function(self.matrix), function(self.inverse_matrix))

    def bend(self) -> float:
        """Return 0: straight."""
        return 0.0

    def shape(self, probe: Tensor) -> Shape | None:
        """Return None: there is nothing to draw."""
        del probe
        return None


def linear_axes(kind: Axes, rows: Tensor, output_weight: Tensor | None = None) -> LinearAxes:
    """Find the axes `kind` of vectors.

    Parameters
    ----------
    kind : Axes
        Which axes; ``raw`` gives the identity.
    rows : Tensor, shape (n, d)
        Vectors to find them from.
    output_weight : Tensor, shape (d, hidden), optional
        For ``output``: what the output projection multiplies a vector by, ``y = x W_O``.

    Returns
    -------
    LinearAxes
        In the dtype and on the device of `rows`. For ``output`` a distance in the new axes is the
        distance behind the output projection, ``‖x A‖ = ‖x W_O‖``, up to the directions it
        erases: those keep a thousandth of the largest gain, so that there is an inverse.

    Raises
    ------
    SpecError
        If ``output`` is asked for without `output_weight`.
    DataError
        If `output_weight` does not fit the vectors, or a covariance overflows.
    """
    if kind is Axes.RAW:
        identity = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
        return LinearAxes(identity, identity)
    if kind is Axes.OUTPUT:
        return _output_axes(rows, output_weight)
    pca = fit_pca(rows)
    if kind is Axes.PCA:
        return LinearAxes(pca.basis, pca.basis.T.contiguous())
    deviations = pca.variances.sqrt()
    floor = _MIN_DEVIATION * float(deviations[0]) or 1.0  # vectors all alike have no size
    scale = deviations.clamp_min(floor).to(rows)
    return LinearAxes(pca.basis / scale, (pca.basis * scale).T.contiguous())


def _output_axes(rows: Tensor, weight: Tensor | None) -> LinearAxes:
    if weight is None:
        raise SpecError("axes of the output projection need its weight; none was given")
    if weight.ndim != 2 or len(weight) != rows.shape[1]:
        raise DataError(
            f"the output projection's weight must have shape ({rows.shape[1]}, hidden); "
            f"got {tuple(weight.shape)}"
        )
    wide = weight.detach().cpu().double()
    energies, directions = torch.linalg.eigh(wide @ wide.T)
    if not float(energies[-1]) > 0:
        raise DataError("the output projection's weight must not be zero; it is zero everywhere")
    gains = energies.clamp_min(_MIN_ENERGY * float(energies[-1])).sqrt()
    root = (directions * gains) @ directions.T
    root_inverse = (directions / gains) @ directions.T
    rotation = fit_pca(rows @ root.to(rows)).basis.cpu().double()
    matrix, inverse = root @ rotation, rotation.T @ root_inverse
    return LinearAxes(matrix.to(rows).contiguous(), inverse.to(rows).contiguous())
