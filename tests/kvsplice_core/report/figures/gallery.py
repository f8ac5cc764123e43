"""Every figure once, from made-up results, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.model_shape import PRESETS
from kvsplice_core.report import figures
from kvsplice_core.report.sweep_table import MseTable
from kvsplice_core.tasks.memory import MemorySpec
from tests.factories import make_result, make_spline_shape

TABLES = [
    MseTable((8, 16), {"PCA": (2e-3, 1e-3), "SplinePCA": (1e-3, 1.1e-3)}),
    MseTable((8, 16), {"PCA": (2e-3, 1e-3), "FlowPCA": (2.5e-3, 0.9e-3)}),
]
SPEC = MemorySpec(PRESETS["gpt2"], 1024, k=16, method=Method.SPLINE)
ROWS = np.random.default_rng(0).standard_normal((500, 64))
LOSSES = {Method.SPLINE: (3.0, 2.0, 1.5), Method.FLOW: (4.0, 2.0, 1.0)}

GALLERY: dict[str, Callable[..., Figure]] = {
    "mse": partial(figures.mse_vs_k, make_result(), chosen_k=8, ghost=make_result(seed=60)),
    "change": partial(figures.change_vs_pca, make_result()),
    "loss": partial(figures.loss_curve, LOSSES),
    "memory": partial(figures.memory_vs_tokens, SPEC),
    "reduction": figures.memory_reduction,
    "splines": partial(figures.spline_curves, make_spline_shape(), (0, 5, 63), ROWS),
    "slopes": partial(figures.slope_map, make_spline_shape()),
    "comparison": partial(figures.compression_comparison, TABLES),
    "delta": partial(figures.improvement_delta, TABLES),
    "architecture": figures.architecture_diagram,
}


def texts_of(figure: Figure) -> list[str]:
    """Return every text in a figure that is not empty."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def lines_of(axes) -> dict[str, object]:
    """Return the lines of axes by their label."""
    return {line.get_label(): line for line in axes.get_lines()}


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, 0 … 1."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(channels, (0.2126, 0.7152, 0.0722)))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 … 21."""
    light, dark = sorted((luminance(to_hex(one)), luminance(to_hex(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)
