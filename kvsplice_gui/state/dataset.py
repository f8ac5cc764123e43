"""The vectors that are open, and what is drawn of their distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_gui.state.wishes import DataWish

if TYPE_CHECKING:
    from kvsplice_core.data.capture import CaptureFacts
    from kvsplice_core.data.tensors import TensorInfo
    from kvsplice_core.data.vectors import Values

_BINS = 60
_DENSITY_VECTORS = 20_000
_DENSITY_RANGE = (0.1, 99.9)


@dataclass(frozen=True)
class Density:
    """Histograms of every dimension, to draw behind the splines.

    Parameters
    ----------
    edges : ndarray, shape (d, bins + 1)
        In units of V.
    counts : ndarray, shape (d, bins)
        Relative to the fullest bin of each dimension, 0 … 1.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.float64]

    @cached_property
    def identity(self) -> SplineShape:
        """Straight lines over the range of the data."""
        ends = self.edges[:, [0, self.edges.shape[1] // 2, -1]].astype(np.float32)
        return SplineShape(ends, ends, np.ones((len(ends), 2), dtype=np.float32))


@dataclass(frozen=True)
class Dataset:
    """Vectors, the tensors beside them in the file, and their densities.

    `capture` is what the file says of the model it was captured from; None for any other file.
    """

    values: Values
    tensors: tuple[TensorInfo, ...]
    density: Density
    wish: DataWish
    capture: CaptureFacts | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The file as a whole: one that was captured anew is another."""
        return self.wish.source, str(self.capture)


def density_of(rows: NDArray[np.float32]) -> Density:
    """Count where the values of each dimension lie; shape (n, d) in."""
    every = max(1, len(rows) // _DENSITY_VECTORS)
    part = rows[::every].astype(np.float64)
    low, high = np.percentile(part, _DENSITY_RANGE, axis=0)
    span = np.maximum(high - low, 1e-12)
    place = np.clip(((part - low) / span * _BINS).astype(np.int64), 0, _BINS - 1)
    flat = place + np.arange(part.shape[1]) * _BINS
    counts = np.bincount(flat.ravel(), minlength=part.shape[1] * _BINS).reshape(-1, _BINS)
    edges = low[:, None] + span[:, None] * np.linspace(0, 1, _BINS + 1)
    return Density(edges, counts / np.maximum(counts.max(1, keepdims=True), 1))
