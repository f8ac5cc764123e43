"""A strictly increasing piecewise-linear spline per dimension, with its exact inverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Generator, Tensor

from kvsplice_core.errors import CodecFileError
from kvsplice_core.shapes import SplineShape
from kvsplice_core.specs import MIN_KNOTS, CalibrationSpec, Recipe
from kvsplice_core.transforms.base import TrainingRates, Transform
from kvsplice_core.transforms.piecewise import piecewise_linear

_MIN_SLOPE = 1e-4
_MIN_SCALE = 1e-3


@dataclass(frozen=True)
class Spline:
    """``z_j = s_j(x_j)``: increasing, piecewise linear, the end segments extrapolated.

    Parameters
    ----------
    knots_in, knots_out : Tensor, shape (knots, d)
        Where the knots lie before and after, in units of V; repeated knots are allowed.
    slopes : Tensor, shape (knots − 1, d)
        dz/dx of each segment, positive also where a segment has no width.
    """

    knots_in: Tensor
    knots_out: Tensor
    slopes: Tensor

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.knots_in.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        heights = self.slopes * (self.knots_in[1:] - self.knots_in[:-1])
        return self._apply(x, self.knots_in, self.slopes, heights, self.knots_out[1])

    def inverse(self, z: Tensor) -> Tensor:
        """Map back exactly: the same kernel with the axes exchanged."""
        widths = self.knots_in[1:] - self.knots_in[:-1]
        return self._apply(z, self.knots_out, 1.0 / self.slopes, widths, self.knots_in[1])

    @staticmethod
    def _apply(u: Tensor, knots: Tensor, slopes: Tensor, heights: Tensor, base: Tensor) -> Tensor:
        anchors = torch.cat([knots[1:2], knots[1:-1]])
        return piecewise_linear(u.reshape(-1, u.shape[-1]), anchors, slopes, heights, base).view(
            u.shape
        )

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the three tables."""
        return {"knots_in": self.knots_in, "knots_out": self.knots_out, "slopes": self.slopes}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the spline with `function` applied to its tables."""
        return type(self)(function(self.knots_in), function(self.knots_out), function(self.slopes))

    def bend(self) -> float:
        """Mean of |slope / mean slope − 1| over the range of the knots; 0 for straight lines."""
        widths = self.knots_in[1:] - self.knots_in[:-1]
        total = widths.sum(0).clamp_min(torch.finfo(widths.dtype).tiny)
        mean = (self.slopes * widths).sum(0) / total
        departure = (self.slopes / mean.clamp_min(_MIN_SLOPE) - 1).abs()
        return float(((departure * widths).sum(0) / total).mean())

    def shape(self, probe: Tensor) -> SplineShape:
        """Return the curves; `probe` is not needed."""
        del probe
        tables = (self.knots_in, self.knots_out, self.slopes)
        return SplineShape(*(table.detach().T.float().cpu().numpy().copy() for table in tables))


def join_splines(transforms: Sequence[Transform]) -> Spline | None:
    """Return one spline over all dimensions of several; None unless all have as many knots."""
    splines = [transform for transform in transforms if isinstance(transform, Spline)]
    if len(splines) != len(transforms) or len({len(s.knots_in) for s in splines}) != 1:
        return None
    tables = zip(*(spline.tensors().values() for spline in splines), strict=True)
    return Spline(*(torch.cat(parts, dim=1) for parts in tables))


class SplineLearner:
    """Raw slopes, a scale and a shift per dimension over fixed knots.

    Parameters
    ----------
    knots : Tensor, shape (knots, d)
        Non-decreasing along the first axis.
    unit : Tensor, shape (d,)
        What a shift of 1 is worth: the standard deviation of each dimension.
    start : Spline, optional
        Spline to start at; the identity when omitted.
    """

    def __init__(self, knots: Tensor, unit: Tensor, start: Spline | None = None) -> None:
        self._knots = knots
        self._unit = unit
        self._widths = knots[1:] - knots[:-1]
        total = self._widths.sum(0)
        # A constant dimension has no width to weigh by: all its segments count the same.
        weights = torch.where(total > 0, self._widths, torch.ones_like(self._widths))
        self._weights = weights / weights.sum(0)
        slopes, scale, shift = self._start_values(start)
        self._raw_slopes = _inverse_softplus(slopes - _MIN_SLOPE).requires_grad_()
        self._raw_scale = _inverse_softplus(scale - _MIN_SCALE).requires_grad_()
        self._raw_shift = (shift / unit).requires_grad_()

    def _start_values(self, start: Spline | None) -> tuple[Tensor, Tensor, Tensor]:
        if start is None:
            one = torch.ones_like(self._knots[0])
            return torch.ones_like(self._widths), one, torch.zeros_like(one)
        out = start.forward(self._knots)
        rises = (out[1:] - out[:-1]) / self._widths.clamp_min(1e-12)
        rises = torch.where(self._widths > 1e-12, rises, torch.ones_like(rises))
        scale = (rises * self._weights).sum(0).clamp_min(2 * _MIN_SCALE)
        slopes = (rises / scale).clamp_min(2 * _MIN_SLOPE)
        return slopes, scale, out[0] - scale * self._knots[0]

    def parameters(self) -> tuple[Tensor, ...]:
        """Return raw slopes (knots − 1, d), raw scale (d,) and raw shift (d,)."""
        return (self._raw_slopes, self._raw_scale, self._raw_shift)

    def build(self) -> Spline:
        """Return the spline of the present parameters.

        The slopes are divided by their width-weighted mean, so that the range is kept and only
        the scale stretches it.
        """
        slopes = F.softplus(self._raw_slopes) + _MIN_SLOPE
        slopes = slopes / (slopes * self._weights).sum(0)
        scale = F.softplus(self._raw_scale) + _MIN_SCALE
        rises = torch.cat([self._knots[:1], slopes * self._widths]).cumsum(0)
        return Spline(self._knots, scale * rises + self._raw_shift * self._unit, scale * slopes)

    def regulariser(self, z: Tensor) -> None:
        """Return None: monotone by construction, nothing to penalise."""
        del z


class SplineKind:
    """Splines over equally spaced quantiles of the training vectors."""

    def start(
        self, train: Tensor, spec: CalibrationSpec, generator: Generator, previous: Transform | None
    ) -> SplineLearner:
        """Return a learner at the identity, or at `previous` if that is a spline."""
        del generator
        knots = quantile_knots(train, spec.resolved_knots)
        unit = train.std(0).clamp_min(1e-6)
        return SplineLearner(knots, unit, previous if isinstance(previous, Spline) else None)

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return AdamW at 2e-3 with decay 1e-4 for ``origin``, Adam at 1e-2 for ``joint``."""
        if recipe is Recipe.ORIGIN:
            return TrainingRates(learning_rate=2e-3, weight_decay=1e-4)
        return TrainingRates(learning_rate=1e-2)

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Spline:
        """Rebuild a spline; refuses tables that do not fit or do not increase."""
        try:
            spline = Spline(tensors["knots_in"], tensors["knots_out"], tensors["slopes"])
        except KeyError as error:
            raise CodecFileError(
                f"a spline codec must hold knots_in, knots_out and slopes; {error} is missing"
            ) from error
        knots = spline.knots_in.shape[0] if spline.knots_in.ndim == 2 else 0
        expected = ((knots, dim), (knots, dim), (knots - 1, dim))
        found = tuple(tuple(table.shape) for table in spline.tensors().values())
        if knots < MIN_KNOTS or found != expected:
            raise CodecFileError(
                f"spline tables must have shapes (knots, {dim}), (knots, {dim}), "
                f"(knots − 1, {dim}); got {', '.join(map(str, found))}"
            )
        if not _increases(spline):
            raise CodecFileError("a spline must increase strictly; the stored one does not")
        return spline


def _increases(spline: Spline) -> bool:
    widths = spline.knots_in[1:] - spline.knots_in[:-1]
    if not (bool((widths >= 0).all()) and bool((spline.slopes > 0).all())):
        return False
    # The images of the knots are stored too: they must be where the slopes lead.
    rises = spline.knots_out[1:] - spline.knots_out[:-1]
    rounding = 1e-5 * (spline.knots_out.abs().amax(0) + spline.knots_in.abs().amax(0))
    return bool(((rises - spline.slopes * widths).abs() <= rounding).all())


def quantile_knots(train: Tensor, knots: int) -> Tensor:
    """Return equally spaced quantiles of each dimension, shape (knots, d), of train (n, d)."""
    # numpy selects where torch.quantile sorts: five times faster, and without its size limit.
    columns = np.ascontiguousarray(train.detach().cpu().numpy().T)
    levels = np.linspace(0, 1, knots, dtype=columns.dtype)
    return torch.from_numpy(np.quantile(columns, levels, axis=1)).to(train).contiguous()


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))


KIND = SplineKind()
