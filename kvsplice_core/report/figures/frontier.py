"""The frontier: what is lost at how many bits per value, and the bound below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.figures.style import (
    SMALL,
    add_legend,
    dress,
    entitle,
    ground,
    mse_axis,
    new_figure,
    say_empty,
)
from kvsplice_core.report.frontier_words import estimate_of, value_of
from kvsplice_core.report.palette import pipeline_style
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult

WIDTH, HEIGHT = 9.4, 5.4
_NAMES = {
    "nmse": "NMSE, error over the variance",
    "weighted": "Attention-weighted MSE, units of V squared",
    "output": "Error after W_O, squared, per hidden unit",
    "nll": "ΔNLL, nats per token",
    "kl": "KL(base ‖ compressed), nats per token",
}
_TICKS = (0.25, 0.5, 1, 2, 2.5, 3, 4, 8, 16)
_ROOM_BELOW = 3.0


def frontier_vs_bits(
    result: FrontierResult,
    measure: str = "nmse",
    log: bool = True,
    chosen: FrontierPoint | None = None,
    dark: bool = False,
) -> Figure:
    """Draw every pipeline's loss against bits per value, over the Gaussian bound.

    Filled symbols are quantized, hollow ones keep numbers of 16 bits. Where a control of the
    audit failed, crosses stand in place of lines and the title says so.

    Parameters
    ----------
    result : FrontierResult
        What to draw.
    measure : str
        ``nmse``, ``weighted``, ``output``, ``nll`` or ``kl``; the latter two with their 95 %
        intervals.
    log : bool
        A logarithmic axis; costs of 0 or less are not on it.
    chosen : FrontierPoint, optional
        A point to mark.
    dark : bool
        Light lines on a dark ground.
    """
    figure = new_figure(dark, WIDTH, HEIGHT)
    axes = figure.subplots()
    dress(axes, dark, "bits per value, everything counted", _NAMES[measure])
    entitle(axes, dark, f"{measure_name(measure)} at equal bytes", _describe(result))
    drawn = [(one, points) for one in _pipelines(result) if (points := _of(result, one, measure))]
    if not drawn:
        say_empty(axes, dark, "Measure a frontier to see what each budget loses.")
        return figure
    for pipeline, points in drawn:
        _draw_pipeline(axes, pipeline, points, measure, result.is_valid, dark)
    if chosen is not None and (value := value_of(chosen, measure)) is not None:
        axes.plot(
            [chosen.bits], [value], "o", markersize=14, mfc="none", mec=ground(dark).accent, mew=2
        )
    _scale(axes, log)
    if measure == "nmse":
        _draw_bound(axes, result, dark)
    _beside(axes, dark)
    return figure


def measure_name(measure: str) -> str:
    """Return the short name of what stands on y."""
    return _NAMES[measure].partition(",")[0]


def pipeline_line(pipeline: Pipeline, dark: bool) -> Mapping[str, Any]:
    """Return the keywords that draw a line as `pipeline`."""
    style = pipeline_style(pipeline)
    return {
        "color": style.colour,
        "marker": style.marker,
        "markersize": 6.5,
        "markerfacecolor": style.colour if style.filled else ground(dark).paper,
        "markeredgecolor": style.colour,
        "markeredgewidth": 1.1,
        "linewidth": 1.5,
        "dashes": style.dash or (None, None),
        "label": pipeline.label,
    }


def _pipelines(result: FrontierResult) -> tuple[Pipeline, ...]:
    return tuple(dict.fromkeys(point.pipeline for point in result.points))


def _of(result: FrontierResult, pipeline: Pipeline, measure: str) -> list[FrontierPoint]:
    points = [p for p in result.of(pipeline) if value_of(p, measure) is not None]
    return sorted(points, key=lambda point: point.bits)


def _draw_pipeline(
    axes: Axes,
    pipeline: Pipeline,
    points: Sequence[FrontierPoint],
    measure: str,
    valid: bool,
    dark: bool,
) -> None:
    look = dict(pipeline_line(pipeline, dark))
    if not valid:
        look |= {"marker": "x", "linewidth": 0.0}
    bits = [point.bits for point in points]
    value = [value_of(point, measure) for point in points]
    axes.plot(bits, np.array(value, dtype=np.float64), **look)
    estimates = [e for point in points if (e := estimate_of(point, measure)) is not None]
    if estimates:
        around = [[e.value - e.low for e in estimates], [e.high - e.value for e in estimates]]
        axes.errorbar(
            bits,
            [e.value for e in estimates],
            yerr=np.maximum(around, 0.0),
            fmt="none",
            ecolor=look["color"],
            elinewidth=0.9,
            capsize=2.5,
        )


def _scale(axes: Axes, log: bool) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda bits, _: f"{bits:g}"))
    if log and np.isfinite(axes.dataLim.minposy):
        mse_axis(axes, log=True)


def _draw_bound(axes: Axes, result: FrontierResult, dark: bool) -> None:
    """Draw the bound within the view the points have made, a little lower."""
    bits, nmse = (np.array(part, dtype=np.float64) for part in zip(*result.bound, strict=True))
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    inside = nmse[(bits >= left) & (bits <= right)]
    is_log = axes.get_yscale() == "log"
    if is_log and len(inside):
        bottom = max(min(bottom, float(inside.min())), bottom / _ROOM_BELOW)
    axes.set(xlim=(left, right), ylim=(bottom if is_log else 0.0, top))
    colours = ground(dark)
    axes.plot(bits, nmse, color=colours.muted, linewidth=1.0, label="Gaussian bound", zorder=1.5)
    low = np.full(len(nmse), bottom if is_log else 0.0)
    below = nmse > low
    axes.fill_between(bits, low, nmse, where=list(below), color=colours.edge, alpha=0.18, zorder=1)
    axes.annotate(
        "no Gaussian codec can be here",
        (0, 0),
        xycoords="axes fraction",
        xytext=(8, 8),
        textcoords="offset points",
        fontsize=SMALL,
        color=colours.muted,
    )


def _beside(axes: Axes, dark: bool) -> None:
    """Put the legend beside the plot: eleven lines leave no free corner."""
    add_legend(axes, dark, loc="upper left")
    legend = axes.get_legend()
    if legend is not None:
        legend.set_bbox_to_anchor((1.01, 1.0), transform=axes.transAxes)


def _describe(result: FrontierResult) -> str:
    tokens = f"{result.test_tokens:,}".replace(",", "\u202f")
    text = f"{result.title} · {tokens} test tokens, {result.split}"
    failed = [control.claim for control in result.audit if not control.passed]
    return f"{text}\nAudit failed, not valid: {'; '.join(failed)}" if failed else text
