"""What a sweep found: test MSE over k, its change against PCA, and the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.change_bars import draw_change, label_change, tie_patch
from kvsplice_core.report.figures.style import (
    SMALL,
    add_legend,
    dress,
    entitle,
    ground,
    k_axis,
    method_line,
    mse_axis,
    new_figure,
    say_empty,
    without_rounding,
)
from kvsplice_core.report.palette import style_of
from kvsplice_core.tasks.sweep import SweepResult

_GROUP_WIDTH = 0.72
_MOST_LABELS = 26
_MOST_TICKS = 24


def mse_vs_k(
    result: SweepResult,
    log: bool = True,
    chosen_k: int | None = None,
    ghost: SweepResult | None = None,
    dark: bool = False,
) -> Figure:
    """Draw test MSE against k, one line per method.

    Parameters
    ----------
    result : SweepResult
        What to draw.
    log : bool
        A logarithmic MSE axis.
    chosen_k : int, optional
        Marked by an upright line.
    ghost : SweepResult, optional
        An earlier run, drawn faded and dashed behind.
    dark : bool
        Light lines on a dark ground.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "test MSE, units of V squared")
    entitle(axes, dark, "Test MSE against k", describe(result))
    if not result.rows:
        say_empty(axes, dark, "Calibrate to see what each method loses at each k.")
        return figure
    for method in result.methods:
        _draw_method(axes, result, method, dark)
    if ghost is not None:
        _draw_ghost(axes, ghost)
    k_axis(axes, result.ks)
    mse_axis(axes, log)
    if chosen_k is not None:
        _mark_k(axes, chosen_k, dark)
    add_legend(axes, dark)
    return figure


def change_vs_pca(result: SweepResult, dark: bool = False) -> Figure:
    """Draw the change of test MSE against PCA at each k with its 95 % interval.

    A change whose interval holds 0 is a tie: grey and hatched.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "change of test MSE against PCA, %")
    entitle(
        axes, dark, "Change against PCA at the same k", f"{describe(result)} · below 0 is better"
    )
    methods = [m for m in result.methods if any(row.change for row in result.of(m))]
    if not methods:
        say_empty(axes, dark, "Calibrate a spline or a flow to see its change against PCA.")
        return figure
    for place, method in enumerate(methods):
        _draw_changes(axes, result, method, _offset(place, len(methods)), len(methods), dark)
    _name_groups(axes, result.ks, dark)
    axes.margins(y=0.14)
    handles = [Patch(color=style_of(method).colour, label=method.label) for method in methods]
    add_legend(axes, dark, handles=[*handles, tie_patch(dark)])
    return figure


def loss_curve(losses: Mapping[Method, Sequence[float]], dark: bool = False) -> Figure:
    """Draw the mean training MSE of each epoch, one line per method."""
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "epoch", "training MSE, units of V squared")
    entitle(axes, dark, "Loss", "mean round-trip error of the training vectors, epoch by epoch")
    drawn = {method: values for method, values in losses.items() if len(values)}
    if not drawn:
        say_empty(axes, dark, "Calibrate a spline or a flow to see its loss.")
        return figure
    for method, values in drawn.items():
        epochs = np.arange(1, len(values) + 1)
        every = max(1, len(values) // 12)
        axes.plot(epochs, values, markevery=every, **method_line(method, dark))
    mse_axis(axes, log=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(axes, dark)
    return figure


def describe(result: SweepResult) -> str:
    """Return one line on the vectors and the recipe."""
    data, calibration = result.data, result.spec.calibration
    learnt = any(method.is_learnt for method in result.methods)
    recipe = f" · recipe {calibration.recipe}, {calibration.resolved_epochs} epochs"
    by_hand = any(row.calibration.edited for row in result.rows)
    return f"{data.title} · {data.vectors:,} × {data.dim}".replace(",", "\u202f") + (
        (recipe if learnt else "") + (" · knots edited by hand" if by_hand else "")
    )


def _draw_method(axes: Axes, result: SweepResult, method: Method, dark: bool) -> None:
    rows = result.of(method)
    ks, errors = [row.k for row in rows], without_rounding([row.scores.mse for row in rows])
    axes.plot(ks, errors, **method_line(method, dark))
    if method is not Method.PCA or not result.pca_curve:
        return
    # Beside the straight line, not instead of it: lines that cut the same corners compare fairly.
    every_k = np.arange(ks[0], ks[-1] + 1)
    curve = without_rounding(result.pca_curve)[every_k - 1]
    colour = style_of(method).colour
    axes.plot(
        every_k, curve, color=colour, linewidth=0.9, alpha=0.6, label=f"{method.label} at every k"
    )


def _draw_ghost(axes: Axes, ghost: SweepResult) -> None:
    for method in ghost.methods:
        if method.is_learnt:
            rows = ghost.of(method)
            axes.plot(
                [row.k for row in rows],
                without_rounding([row.scores.mse for row in rows]),
                color=style_of(method).colour,
                linewidth=1.2,
                linestyle=(0, (4, 3)),
                alpha=0.5,
                zorder=1.9,
                label=f"{method.label}, run before",
            )


def _mark_k(axes: Axes, k: int, dark: bool) -> None:
    accent = ground(dark).accent
    axes.axvline(k, color=accent, linewidth=1.1, zorder=1.8)
    axes.annotate(
        f"k = {k}",
        (k, 0),
        xycoords=("data", "axes fraction"),
        xytext=(5, 6),
        textcoords="offset points",
        fontsize=SMALL,
        fontweight="bold",
        color=accent,
    )


def _draw_changes(
    axes: Axes, result: SweepResult, method: Method, offset: float, methods: int, dark: bool
) -> None:
    labelled = methods * len(result.ks) <= _MOST_LABELS
    for row in result.of(method):
        if row.change is not None:
            x = result.ks.index(row.k) + offset
            width = 0.9 * _GROUP_WIDTH / methods
            draw_change(axes, row.change, style_of(method), x, width, dark)
            if labelled:
                label_change(axes, row.change, x, dark)


def _name_groups(axes: Axes, ks: Sequence[int], dark: bool) -> None:
    axes.axhline(0, color=ground(dark).text, linewidth=0.9)
    axes.grid(False, axis="x")
    axes.spines["bottom"].set_visible(False)
    every = math.ceil(len(ks) / _MOST_TICKS)
    axes.set_xticks(range(0, len(ks), every), [str(k) for k in ks[::every]])
    axes.set_xlim(-0.6, len(ks) - 0.4)


def _offset(place: int, methods: int) -> float:
    return _GROUP_WIDTH * ((place + 0.5) / methods - 0.5)
