"""Fitting a pipeline to all heads of one layer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.grouping import Grouping, GroupingKind
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.basis import Metric
from kvsplice_core.fit.budget import mean_bits
from kvsplice_core.fit.calibrate import split_parts
from kvsplice_core.fit.compose import Memo
from kvsplice_core.fit.group import Fit, Measured, fit_group
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.training import CalibrationSpec

LayerWork = Generator[float, None, "LayerFit"]


@dataclass(frozen=True, eq=False)
class LayerValues:
    """V (or K) of all heads of one layer.

    Parameters
    ----------
    values : Values
        Rows (tokens · heads, d), the heads of a token together.
    output : Tensor, optional, shape (heads, d, hidden)
        W_O of the query heads that read each head, beside each other.
    """

    values: Values
    output: Tensor | None = None

    @property
    def heads(self) -> int:
        """KV heads."""
        return self.values.rows_per_token

    def group(self, grouping: Grouping, group: int) -> Values:
        """Return the vectors of one codec: rows (tokens, span · d), or all rows where pooled."""
        if grouping.kind is GroupingKind.POOLED or self.heads == 1:
            return self.values
        span, rows = grouping.span(self.heads), self.values.rows
        dim = rows.shape[1] * span
        own = rows.view(-1, self.heads // span, dim)[:, group].contiguous()
        heads = self.heads
        summary = replace(self.values.summary, dim=dim, pooled_heads=1, vectors=len(own))
        return Values(own, summary, tuple(cut // heads for cut in self.values.boundaries))

    def seen_by(self, pipeline: Pipeline, group: int) -> Tensor | None:
        """Return W_O (d, hidden) of a group, where the pipeline's axes are those it sees.

        Raises
        ------
        SpecError
            If they are and W_O is not known.
        """
        if pipeline.axes is not Axes.OUTPUT:
            return None
        if self.output is None:
            raise SpecError(f"{pipeline.label} needs the model the vectors are of, for its W_O")
        if pipeline.grouping.kind is GroupingKind.POOLED:
            return torch.cat(tuple(self.output), dim=1)
        span = pipeline.grouping.span(self.heads)
        own = self.output[group * span : (group + 1) * span]
        return own.reshape(-1, own.shape[-1])


@dataclass(frozen=True, eq=False)
class LayerFit(Measured):
    """A pipeline fitted to a layer, and measured on each test token, all heads summed.

    Parameters
    ----------
    codecs : HeadCodecs
    groups : tuple of Fit
    """

    codecs: HeadCodecs
    groups: tuple[Fit, ...]

    @property
    def replaced(self) -> int:
        """Codecs that something simpler replaced."""
        return sum(fit.replaced_by is not None for fit in self.groups)


def fit_layer(
    layer: LayerValues,
    pipeline: Pipeline,
    budget: Budget | Sequence[Budget],
    calibration: CalibrationSpec,
    memos: dict[tuple[str, int], Memo] | None = None,
) -> LayerWork:
    """Fit a pipeline to every group of heads.

    A generator: it yields the share that is done and returns the fit; closing it cancels.

    Parameters
    ----------
    layer : LayerValues
    pipeline : Pipeline
    budget : Budget or sequence of Budget
        One for all groups, or one each.
    calibration : CalibrationSpec
    memos : dict, optional
        Keeps what was learnt for each group of heads; see `fit_group`.

    Raises
    ------
    SpecError
        If the heads cannot be grouped so, or a budget is too small.
    """
    count = pipeline.grouping.codecs(layer.heads)
    budgets = [budget] * count if isinstance(budget, Budget) else list(budget)
    fits: list[Fit] = []
    for group in range(count):
        parts = split_parts(layer.group(pipeline.grouping, group), calibration)
        seen = layer.seen_by(pipeline, group)
        metric = None if seen is None else Metric.of_output(seen).to(parts.train.device)
        parts = replace(parts, output_weight=seen)
        memo = None if memos is None else memos.setdefault((pipeline.grouping.key, group), Memo())
        work = fit_group(parts, pipeline, budgets[group], calibration, metric, memo)
        fits.append((yield from relay(work, within(group, count))))
    errors = _by_token([fit.errors for fit in fits], layer, pipeline)
    return LayerFit(
        codecs=HeadCodecs(
            tuple(fit.codec.to("cpu") for fit in fits),
            layer.heads,
            pipeline.grouping.span(layer.heads),
        ),
        counted=mean_bits([fit.counted for fit in fits]),
        errors=errors,
        spread=_by_token([fit.spread for fit in fits], layer, pipeline),
        groups=tuple(fits),
        rounding=sum(fit.rounding * len(fit.errors) for fit in fits) / len(errors),
    )


def within(done: int, count: int) -> Callable[[float], float]:
    """Return what turns the share of a part into that of `count`, so many of them `done`."""
    return lambda share: (done + share) / count


def _by_token(
    found: list[NDArray[np.float64]], layer: LayerValues, pipeline: Pipeline
) -> NDArray[np.float64]:
    """Sum the heads of each token."""
    if pipeline.grouping.kind is GroupingKind.POOLED:
        return np.asarray(found[0].reshape(-1, layer.heads).sum(1))
    return np.asarray(np.sum(found, axis=0))


def join_layers(layers: Sequence[LayerValues], size: int) -> list[LayerValues]:
    """Return groups of `size` neighbouring layers, their heads side by side as those of one.

    What is coded so can be stored away; a cache cannot read it, for a layer's V of a token would
    have to wait for that of the next layer.

    Raises
    ------
    SpecError
        If the layers cannot be cut into such groups, or are not of the same tokens.
    """
    if size < 1 or len(layers) % size:
        raise SpecError(f"{len(layers)} layers cannot be joined by {size}")
    if len({(one.values.rows.shape, one.values.boundaries) for one in layers}) != 1:
        raise SpecError("layers to be joined must be of the same tokens; these differ")
    return [_joined(layers[at : at + size]) for at in range(0, len(layers), size)]


def _joined(layers: Sequence[LayerValues]) -> LayerValues:
    first, heads = layers[0].values, layers[0].heads
    dim = first.rows.shape[1]
    rows = torch.cat([one.values.rows.view(-1, heads, dim) for one in layers], dim=1)
    summary = replace(first.summary, pooled_heads=heads * len(layers), vectors=rows[..., 0].numel())
    cuts = tuple(cut * len(layers) for cut in first.boundaries)
    return LayerValues(Values(rows.reshape(-1, dim), summary, cuts))


def joined_variances(layer: LayerValues, calibration: CalibrationSpec) -> Tensor:
    """Return the eigenvalues of the covariance of a layer's heads joined, on the test part.

    They give the Gaussian bound of every pipeline that codes no layers together.
    """
    parts = split_parts(layer.group(Grouping(GroupingKind.JOINED), 0), calibration)
    return fit_pca(parts.test).variances
