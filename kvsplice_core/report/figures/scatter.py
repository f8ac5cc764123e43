"""Where a transform that mixes dimensions sends vectors."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from kvsplice_core.codec.shapes import ScatterShape
from kvsplice_core.report.figures.style import add_legend, dress, entitle, ground, new_figure
from kvsplice_core.report.palette import SEQUENCE


def transform_scatter(
    shape: ScatterShape, dims: Sequence[int], dark: bool = False, where: str = ""
) -> Figure:
    """Draw some dimensions of the same vectors before and after a transform.

    Parameters
    ----------
    shape : ScatterShape
        The vectors on both sides.
    dims : sequence of int
        Dimensions to draw, of 0 … d − 1.
    dark : bool
        Light points on a dark ground.
    where : str
        The axes the vectors are in, such as ``in PCA axes``; empty for raw ones.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(
        axes,
        dark,
        f"x, {'value along an axis' if where else 'value of V in one dimension'}",
        "s(x)",
    )
    title = f"Where the flow sends vectors{', ' if where else ''}{where}"
    entitle(axes, dark, title, f"{len(shape.before)} training vectors")
    axes.axline((0, 0), slope=1, color=ground(dark).grid, linewidth=1)
    for place, dim in enumerate(dims):
        colour = SEQUENCE[place % len(SEQUENCE)]
        x, y = shape.before[:, dim], shape.after[:, dim]
        axes.plot(x, y, ".", color=colour, markersize=4, label=f"dim {dim}")
    add_legend(axes, dark)
    return figure
