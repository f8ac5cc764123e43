"""Figures to keep: each function takes plain results and returns a matplotlib ``Figure``.

Nothing here opens a window or uses pyplot. Importing this package imports matplotlib.
"""

from __future__ import annotations

from kvsplice_core.report.figures.architecture import architecture_diagram
from kvsplice_core.report.figures.measured import change_vs_pca, loss_curve, mse_vs_k
from kvsplice_core.report.figures.memory import memory_reduction, memory_vs_tokens
from kvsplice_core.report.figures.recorded import compression_comparison, improvement_delta
from kvsplice_core.report.figures.saving import save_figure
from kvsplice_core.report.figures.scatter import transform_scatter
from kvsplice_core.report.figures.splines import slope_map, spline_curves

__all__ = [
    "architecture_diagram",
    "change_vs_pca",
    "compression_comparison",
    "improvement_delta",
    "loss_curve",
    "memory_reduction",
    "memory_vs_tokens",
    "mse_vs_k",
    "save_figure",
    "slope_map",
    "spline_curves",
    "transform_scatter",
]
