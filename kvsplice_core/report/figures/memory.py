"""What a cache weighs: bytes over tokens, and over k for GPT-2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kvsplice_core.base.formats import format_bytes
from kvsplice_core.cache.formula import (
    CacheBytes,
    bytes_curve,
    numbers_per_head,
    weigh,
)
from kvsplice_core.cache.references import reference_lines
from kvsplice_core.data.model_shape import load_model_shape
from kvsplice_core.report.figures.style import (
    BODY,
    SMALL,
    TITLE,
    add_legend,
    dress,
    entitle,
    ground,
    new_figure,
)
from kvsplice_core.report.memory_words import formula_lines
from kvsplice_core.report.palette import BLUE, GREY, ORANGE, PURPLE, SKY, style_of
from kvsplice_core.tasks.memory import MemorySpec

_MIB = 2**20
_POINTS = 200
_FEWEST_TOKENS, _MOST_TOKENS = 16, 131_072
_ROOM = 64  # right of the chosen tokens, for what is said of them
_REFERENCE_COLOURS = (GREY, SKY, PURPLE, ORANGE)
_GPT2_TOKENS, _GPT2_KEPT = 1024, 391
_GPT2_KS = (None, 48, 32, 24, 16, 8, 4)


def memory_vs_tokens(
    spec: MemorySpec,
    dark: bool = False,
    measured: Sequence[tuple[str, Sequence[float], Sequence[float], str]] = (),
) -> Figure:
    """Draw the bytes of the cache of `spec` against tokens, among the reference lines.

    Parameters
    ----------
    spec : MemorySpec
        The cache.
    dark : bool
        Draw on a dark ground.
    measured : sequence of (name, tokens, bytes, colour)
        What real caches held, drawn as points.
    """
    figure = new_figure(dark, height=5.0)
    axes = figure.subplots()
    dress(axes, dark, "tokens", "bytes of the cache")
    entitle(axes, dark, f"Cache memory, {spec.shape.name}", "\n".join(formula_lines(spec)))
    tokens = np.geomspace(
        min(_FEWEST_TOKENS, spec.tokens), max(_MOST_TOKENS, _ROOM * spec.tokens), _POINTS
    )
    _draw_references(axes, spec, tokens)
    _draw_own(axes, spec, tokens, dark)
    for name, lengths, held, colour in measured:
        axes.plot(
            lengths, held, "o", markersize=5, color=colour, markerfacecolor="none", label=name
        )
    _binary_axes(axes, tokens)
    _mark_break_even(axes, spec, dark)
    add_legend(axes, dark, loc="upper left")
    return figure


def _draw_references(axes: Axes, spec: MemorySpec, tokens: np.ndarray) -> None:
    for line, colour in zip(reference_lines(spec), _REFERENCE_COLOURS, strict=True):
        dashes = (0, (5, 3)) if line.name != "dense" else "-"
        axes.plot(
            tokens,
            line.bytes_at(tokens),
            color=colour,
            linewidth=1.3,
            linestyle=dashes,
            label=f"{line.name}: {line.detail}",
        )


def memory_reduction(dark: bool = False) -> Figure:
    """Draw what GPT-2 124M's cache of 1 024 tokens weighs at each k, whole and pruned first."""
    figure = new_figure(dark, 9.6, 5.0)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_stacks(left, None, "V of all 1\u202f024 tokens kept", dark)
    _draw_stacks(right, _GPT2_KEPT, f"V of {_GPT2_KEPT} tokens kept, then compressed", dark)
    left.set_ylabel(
        "cache, MiB (small: numbers of V per head)", fontsize=BODY, color=ground(dark).text
    )
    add_legend(right, dark, loc="upper right", columns=3)
    figure.suptitle(
        "GPT-2 124M: cache of 1\u202f024 tokens, K dense and V as k numbers per head and token",
        x=0.01,
        ha="left",
        fontsize=TITLE,
        fontweight="bold",
        color=ground(dark).text,
    )
    return figure


def _draw_own(axes: Axes, spec: MemorySpec, tokens: np.ndarray, dark: bool) -> None:
    colours, style = ground(dark), style_of(spec.method)
    name = "this cache" if spec.k is None else f"{spec.method.label}, k = {spec.k}"
    axes.plot(tokens, bytes_curve(spec, tokens), color=style.colour, linewidth=2.2, label=name)
    weight = weigh(spec)
    axes.plot(
        spec.tokens,
        weight.total,
        marker=style.marker,
        markersize=8,
        color=style.colour,
        markeredgecolor=colours.paper,
        linestyle="none",
    )
    _note(axes, spec.tokens, weight.total, _verdict(spec, weight), dark)


def _mark_break_even(axes: Axes, spec: MemorySpec, dark: bool) -> None:
    even = weigh(spec).break_even_tokens
    if spec.k is None or even is None or even < _FEWEST_TOKENS:
        return
    colour, low = ground(dark).muted, axes.get_ylim()[0]
    meeting = float(bytes_curve(spec, np.array(even)))
    axes.vlines(even, low, meeting, color=colour, linewidth=1, linestyle=(0, (1, 2)))
    axes.annotate(
        f"pays from {even:,} tokens".replace(",", "\u202f"),
        (even, low),
        xytext=(5, 6),
        textcoords="offset points",
        fontsize=SMALL,
        color=colour,
    )


def _note(axes: Axes, x: float, y: float, text: str, dark: bool) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(9, -7),
        textcoords="offset points",
        va="top",
        linespacing=1.3,
        fontsize=SMALL,
        fontweight="bold",
        color=ground(dark).text,
        bbox={"facecolor": ground(dark).paper, "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )


def _verdict(spec: MemorySpec, weight: CacheBytes) -> str:
    size = format_bytes(weight.total)
    if spec.k is None and spec.kept_tokens is None:
        return size
    if weight.total > weight.dense_total:
        return f"{size}\nmore than dense {format_bytes(weight.dense_total)}"
    return f"{size}\n{weight.total_ratio:.2f}× smaller than dense"


def _binary_axes(axes: Axes, tokens: np.ndarray) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(tokens[0], tokens[-1])
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    powers = range(int(np.ceil(np.log2(low))), int(np.floor(np.log2(high))) + 1)
    every = max(1, len(powers) // 7)
    axes.yaxis.set_major_locator(FixedLocator([2.0**power for power in powers[::every]]))
    first, last = (int(power) for power in np.log2(tokens[[0, -1]]))
    every = max(2, (last - first) // 7)
    ticks = [2.0**power for power in range(first, last + 1, every)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    for axis, text in ((axes.xaxis, _tokens), (axes.yaxis, _power_bytes)):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(text))


def _tokens(number: float, _: object) -> str:
    for size, unit in ((2**20, "M"), (2**10, "k")):
        if number >= size:
            return f"{number / size:.0f}{unit}"
    return f"{number:.0f}"


def _power_bytes(size: float, _: object) -> str:
    return format_bytes(size).replace(".00", "").replace(".0", "")


def _draw_stacks(axes: Axes, kept: int | None, title: str, dark: bool) -> None:
    colours, shape = ground(dark), load_model_shape("gpt2")
    dress(axes, dark, "k of 64 numbers per V")
    entitle(axes, dark, "", "")
    axes.set_title(title, loc="left", fontsize=BODY, color=colours.text, pad=8)
    axes.grid(False, axis="x")
    specs = [MemorySpec(shape, _GPT2_TOKENS, k=k, kept_tokens=kept) for k in _GPT2_KS]
    weights = [weigh(spec) for spec in specs]
    _stack(axes, weights)
    for x, (spec, weight) in enumerate(zip(specs, weights, strict=True)):
        vectors = min(spec.tokens, kept or spec.tokens)
        numbers = numbers_per_head(vectors, spec.k or shape.head_dim)
        _label_stack(axes, x, weight, f"{numbers:,}".replace(",", "\u202f"), dark)
    axes.set_xticks(range(len(specs)), ["dense" if k is None else str(k) for k in _GPT2_KS])
    axes.set_ylim(0, 44)


def _stack(axes: Axes, weights: Sequence[CacheBytes]) -> None:
    parts = (
        ("K", GREY, [weight.keys for weight in weights]),
        ("V", BLUE, [weight.values for weight in weights]),
        ("bases, fp32", ORANGE, [weight.side for weight in weights]),
    )
    below = np.zeros(len(weights))
    for name, colour, sizes in parts:
        heights = np.array(sizes) / _MIB
        axes.bar(range(len(weights)), heights, bottom=below, width=0.66, color=colour, label=name)
        below += heights


def _label_stack(axes: Axes, x: int, weight: CacheBytes, numbers: str, dark: bool) -> None:
    colours = ground(dark)
    axes.annotate(
        f"{weight.total / _MIB:.1f}",
        (x, weight.total / _MIB),
        xytext=(0, 13),
        textcoords="offset points",
        ha="center",
        fontsize=BODY,
        fontweight="bold",
        color=colours.text,
    )
    axes.annotate(
        numbers,
        (x, weight.total / _MIB),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL - 1,
        color=colours.muted,
    )
