"""Which figures a sweep gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.report.figures.measured import change_vs_pca, mse_vs_k
from kvsplice_core.report.figures.memory import memory_vs_tokens
from kvsplice_core.report.figures.splines import slope_map, spline_curves
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_core.tasks.training import CalibrationSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from kvsplice_core.data.model_shape import ModelShape
    from kvsplice_core.tasks.sweep import SweepResult

_TOKENS = 1024
_PANELS = 8


def figures_of(
    result: SweepResult, model: ModelShape, rows: NDArray[np.float32]
) -> Iterator[tuple[str, Figure]]:
    """Draw a sweep, one figure after the other.

    Parameters
    ----------
    result : SweepResult
        What to draw.
    model : ModelShape
        Whose cache is weighed.
    rows : ndarray, shape (n, d)
        The vectors, whose density is drawn behind the splines.

    Yields
    ------
    name, figure : str, Figure
        The spline figures come only where a spline was kept, the memory figure only where a k
        fits the model's heads.
    """
    yield "mse_vs_k", mse_vs_k(result)
    yield "change_vs_pca", change_vs_pca(result)
    shape = most_bent(result)
    if shape is not None:
        where = result.spec.calibration.axes.where
        seen = None if where else rows  # the vectors themselves are in other axes
        yield "spline_curves", spline_curves(shape, bent_dims(shape), seen, where=where)
        yield "slope_map", slope_map(shape, where=where)
    memory = memory_of(result, model)
    if memory is not None:
        yield "memory", memory_vs_tokens(memory)


def most_bent(result: SweepResult) -> SplineShape | None:
    """Return the spline farthest from a straight line, None where no spline was kept."""
    splines = [row for row in result.rows if isinstance(row.shape, SplineShape)]
    shape = max(splines, key=lambda row: row.bend).shape if splines else None
    return shape if isinstance(shape, SplineShape) else None


def bent_dims(shape: SplineShape) -> list[int]:
    """Return the dimensions whose slopes differ most, at most eight, in ascending order."""
    spread = np.log(shape.slopes).std(axis=1)
    return sorted(np.argsort(-spread, kind="stable")[:_PANELS].tolist())


def memory_of(result: SweepResult, model: ModelShape) -> MemorySpec | None:
    """Return the cache to weigh: `model` at the sweep's k nearest to the usual one."""
    ks = [k for k in result.ks if k <= model.head_dim]
    if not ks:
        return None
    k = min(ks, key=lambda k: abs(k - CalibrationSpec().k))
    method = Method.SPLINE if Method.SPLINE in result.methods else Method.PCA
    kind = result.spec.calibration
    return MemorySpec(
        model,
        _TOKENS,
        k=k,
        knots=kind.resolved_knots,
        method=method,
        curve=kind.curve,
        axes=kind.axes,
    )
