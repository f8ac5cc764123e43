"""Recorded tables compared: the figures drawn from the CSV files of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.estimates import Change
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.change_bars import draw_change, label_change, tie_patch
from kvsplice_core.report.figures.style import (
    SMALL,
    add_legend,
    dress,
    entitle,
    ground,
    k_axis,
    mse_axis,
    new_figure,
    say_empty,
    signed,
    styled_line,
    without_rounding,
)
from kvsplice_core.report.palette import ORANGE, PURPLE, SKY, MethodStyle, style_of
from kvsplice_core.report.sweep_table import MseTable

_GROUP_WIDTH = 0.76
_MOST_LABELS = 30
_UNKNOWN = MethodStyle(PURPLE, symbol="d", marker="D")
_UNKNOWN_COLOURS = (PURPLE, ORANGE, SKY)


@dataclass(frozen=True)
class _Column:
    """One column's errors, and PCA's of the same file to hold against them."""

    name: str
    label: str
    style: MethodStyle
    ks: tuple[int, ...]
    errors: tuple[float, ...]
    pca: tuple[float, ...]
    intervals: tuple[Change | None, ...] = ()

    def measured(self) -> dict[int, Change]:
        """Return the changes recorded with an interval, by k."""
        pairs = zip(self.ks, self.intervals, strict=False)
        return {k: change for k, change in pairs if change is not None}

    def changes(self) -> Iterable[tuple[int, float]]:
        """Yield k and the change against PCA in per cent, where both are more than rounding."""
        pairs = zip(without_rounding(self.errors), without_rounding(self.pca), strict=True)
        for k, (mse, reference) in zip(self.ks, pairs, strict=True):
            if np.isfinite(mse) and np.isfinite(reference):
                yield k, float(100 * (mse / reference - 1))


def compression_comparison(tables: Sequence[MseTable], dark: bool = False) -> Figure:
    """Draw the test MSE of every recorded column against k.

    A column that is no known method is drawn too, under its own name.

    Raises
    ------
    DataError
        If there is no table, or one lacks PCA.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "test MSE, units of V squared")
    entitle(axes, dark, "Reconstruction error against k", "as recorded in the CSV files")
    columns = _columns(tables)
    for place, column in enumerate(columns):
        look = styled_line(column.style, place, column.label, dark)
        axes.plot(column.ks, without_rounding(column.errors), **look)
    mse_axis(axes, log=True)
    k_axis(axes, _all_ks(columns))
    add_legend(axes, dark)
    return figure


def improvement_delta(tables: Sequence[MseTable], dark: bool = False) -> Figure:
    """Draw the change of test MSE against PCA of the same file, in per cent; below 0 is better.

    Raises
    ------
    DataError
        If there is no table, or one lacks PCA.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "change of test MSE against PCA, %")
    columns = [column for column in _columns(tables) if column.name != Method.PCA.column]
    has_intervals = any(column.measured() for column in columns)
    remark = "" if has_intervals else " · one run, without intervals"
    entitle(axes, dark, "Change against PCA at the same k", f"below 0 is better{remark}")
    if not columns:
        say_empty(axes, dark, "Record a spline or a flow to see its change against PCA.")
        return figure
    ks = _all_ks(columns)
    for place, column in enumerate(columns):
        _draw_bars(axes, column, ks, place, columns, dark)
        _draw_measured(axes, column, ks, place, columns, dark)
    axes.axhline(0, color=ground(dark).text, linewidth=0.9)
    axes.grid(False, axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks(range(len(ks)), [str(k) for k in ks])
    axes.margins(y=0.16)
    handles = [Patch(color=column.style.colour, label=column.label) for column in columns]
    ties = [tie_patch(dark)] if has_intervals else []
    add_legend(axes, dark, handles=[*handles, *ties])
    return figure


def _draw_bars(
    axes: Axes,
    column: _Column,
    ks: Sequence[int],
    place: int,
    columns: Sequence[_Column],
    dark: bool,
) -> None:
    offset = _GROUP_WIDTH * ((place + 0.5) / len(columns) - 0.5)
    known = column.measured()
    points = [(ks.index(k) + offset, change) for k, change in column.changes() if k not in known]
    axes.bar(
        [x for x, _ in points],
        [change for _, change in points],
        width=0.9 * _GROUP_WIDTH / len(columns),
        color=column.style.colour,
        label=column.label,
    )
    if len(columns) * len(ks) > _MOST_LABELS:
        return
    for x, change in points:
        axes.annotate(
            signed(change),
            (x, change),
            xytext=(0, -3 if change < 0 else 3),
            textcoords="offset points",
            ha="center",
            va="top" if change < 0 else "bottom",
            fontsize=SMALL - 1.5,
            color=ground(dark).muted,
        )


def _draw_measured(
    axes: Axes,
    column: _Column,
    ks: Sequence[int],
    place: int,
    columns: Sequence[_Column],
    dark: bool,
) -> None:
    offset = _GROUP_WIDTH * ((place + 0.5) / len(columns) - 0.5)
    width = 0.9 * _GROUP_WIDTH / len(columns)
    for k, change in column.measured().items():
        x = ks.index(k) + offset
        draw_change(axes, change, column.style, x, width, dark)
        if len(columns) * len(ks) <= _MOST_LABELS:
            label_change(axes, change, x, dark)


def _columns(tables: Sequence[MseTable]) -> list[_Column]:
    """Return each column once, the first file that has it first: methods, then unknown ones."""
    if not tables:
        raise DataError("at least one table is needed to draw; got none")
    looks = _looks(dict.fromkeys(name for table in tables for name in table.columns))
    found: dict[str, _Column] = {}
    for table in tables:
        pca = table.columns.get(Method.PCA.column)
        if pca is None:
            raise DataError(f"a table must have the column PCA; got {', '.join(table.columns)}")
        for name, errors in table.columns.items():
            known = table.changes.get(name, ())
            found.setdefault(name, _Column(name, *looks[name], table.ks, errors, pca, known))
    return [found[name] for name in looks if name in found]


def _looks(names: Iterable[str]) -> dict[str, tuple[str, MethodStyle]]:
    """Return label and style by column name, the registry's methods first."""
    known = {m.column: (m.label, style_of(m)) for m in Method}
    unknown = [name for name in names if name not in known]
    colours = zip(unknown, cycle(_UNKNOWN_COLOURS), strict=False)
    return known | {name: (name, replace(_UNKNOWN, colour=colour)) for name, colour in colours}


def _all_ks(columns: Sequence[_Column]) -> list[int]:
    return sorted({k for column in columns for k in column.ks})
