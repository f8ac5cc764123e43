"""Recorded tables compared: the figures drawn from the CSV files of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kvsplice_core.errors import DataError
from kvsplice_core.figures.style import (
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
    signed,
    without_rounding,
)
from kvsplice_core.methods import Method
from kvsplice_core.palette import style_of
from kvsplice_core.tables import MseTable

_GROUP_WIDTH = 0.76
_MOST_LABELS = 30


@dataclass(frozen=True)
class _Column:
    """One method's errors, and PCA's of the same file to hold against them."""

    method: Method
    ks: tuple[int, ...]
    errors: tuple[float, ...]
    pca: tuple[float, ...]

    def changes(self) -> Iterable[tuple[int, float]]:
        """Yield k and the change against PCA in per cent, where both are more than rounding."""
        pairs = zip(without_rounding(self.errors), without_rounding(self.pca), strict=True)
        for k, (mse, reference) in zip(self.ks, pairs, strict=True):
            if np.isfinite(mse) and np.isfinite(reference):
                yield k, float(100 * (mse / reference - 1))


def compression_comparison(tables: Sequence[MseTable], dark: bool = False) -> Figure:
    """Draw the test MSE of every recorded method against k.

    Raises
    ------
    DataError
        If there is no table, or one lacks PCA or names an unknown method.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "test MSE, units of V squared")
    entitle(axes, dark, "Reconstruction error against k", "as recorded in the CSV files")
    columns = _columns(tables)
    for column in columns:
        axes.plot(column.ks, without_rounding(column.errors), **method_line(column.method, dark))
    mse_axis(axes, log=True)
    k_axis(axes, _all_ks(columns))
    add_legend(axes, dark)
    return figure


def improvement_delta(tables: Sequence[MseTable], dark: bool = False) -> Figure:
    """Draw the change of test MSE against PCA of the same file, in per cent; below 0 is better.

    Raises
    ------
    DataError
        If there is no table, or one lacks PCA or names an unknown method.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", "change of test MSE against PCA, %")
    entitle(
        axes,
        dark,
        "Change against PCA at the same k",
        "below 0 is better · one run, without intervals",
    )
    columns = [column for column in _columns(tables) if column.method.is_learnt]
    if not columns:
        say_empty(axes, dark, "Record a spline or a flow to see its change against PCA.")
        return figure
    ks = _all_ks(columns)
    for place, column in enumerate(columns):
        _draw_bars(axes, column, ks, place, columns, dark)
    axes.axhline(0, color=ground(dark).text, linewidth=0.9)
    axes.grid(False, axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks(range(len(ks)), [str(k) for k in ks])
    axes.margins(y=0.16)
    add_legend(axes, dark)
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
    points = [(ks.index(k) + offset, change) for k, change in column.changes()]
    axes.bar(
        [x for x, _ in points],
        [change for _, change in points],
        width=0.9 * _GROUP_WIDTH / len(columns),
        color=style_of(column.method).colour,
        label=column.method.label,
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


def _columns(tables: Sequence[MseTable]) -> list[_Column]:
    """Return each method once, the first file that has it first, in the registry's order."""
    if not tables:
        raise DataError("at least one table is needed to draw; got none")
    found: dict[Method, _Column] = {}
    for table in tables:
        pca = table.columns.get(Method.PCA.column)
        if pca is None:
            raise DataError(f"a table must have the column PCA; got {', '.join(table.columns)}")
        for name, errors in table.columns.items():
            method = _method(name)
            found.setdefault(method, _Column(method, table.ks, errors, pca))
    return [found[method] for method in Method if method in found]


def _method(column: str) -> Method:
    for method in Method:
        if method.column == column:
            return method
    known = ", ".join(method.column for method in Method)
    raise DataError(f"a column must be one of {known}; got {column!r}")


def _all_ks(columns: Sequence[_Column]) -> list[int]:
    return sorted({k for column in columns for k in column.ks})
