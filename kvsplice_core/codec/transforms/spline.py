"""A strictly increasing piecewise-linear spline per dimension, with its exact inverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Tensor

from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.codec.transforms.knots import Knots, inverse_softplus
from kvsplice_core.codec.transforms.piecewise import piecewise_linear

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
    kind = Method.SPLINE

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
        x, z, slopes = (table.detach().T.float().cpu().numpy().copy() for table in tables)
        return SplineShape(x, z, slopes)


def join_splines(transforms: Sequence[Transform]) -> Spline | None:
    """Return one spline over all dimensions of several; None unless all have as many knots."""
    splines = [transform for transform in transforms if isinstance(transform, Spline)]
    if len(splines) != len(transforms) or len({len(s.knots_in) for s in splines}) != 1:
        return None
    tables = zip(*(spline.tensors().values() for spline in splines), strict=True)
    return Spline(*(torch.cat(parts, dim=1) for parts in tables))


class SplineLearner:
    """Raw slopes, a scale and a shift per dimension, and knots that may be learnt too.

    Parameters
    ----------
    knots : Knots
        Fixed or learnt.
    unit : Tensor, shape (d,)
        What a shift of 1 is worth: the standard deviation of each dimension.
    start : Transform, optional
        A transform of each dimension by itself to start at; the identity when omitted.
    smoothness : float
        What a change of slope costs, in units of the variance: the mean squared second
        difference of the logarithms of the slopes times this is added to the error.
    """

    def __init__(
        self, knots: Knots, unit: Tensor, start: Transform | None = None, smoothness: float = 0.0
    ) -> None:
        self._knots = knots
        self._unit = unit
        self._smoothness = smoothness
        slopes, scale, shift = self._start_values(start)
        self._raw_slopes = inverse_softplus(slopes - _MIN_SLOPE).requires_grad_()
        self._raw_scale = inverse_softplus(scale - _MIN_SCALE).requires_grad_()
        self._raw_shift = (shift / unit).requires_grad_()

    def _start_values(self, start: Transform | None) -> tuple[Tensor, Tensor, Tensor]:
        knots = self._knots.build().detach()
        widths = knots[1:] - knots[:-1]
        if start is None:
            one = torch.ones_like(knots[0])
            return torch.ones_like(widths), one, torch.zeros_like(one)
        out = start.forward(knots)
        rises = (out[1:] - out[:-1]) / widths.clamp_min(1e-12)
        rises = torch.where(widths > 1e-12, rises, torch.ones_like(rises))
        scale = (rises * _weights(widths)).sum(0).clamp_min(2 * _MIN_SCALE)
        slopes = (rises / scale).clamp_min(2 * _MIN_SLOPE)
        return slopes, scale, out[0] - scale * knots[0]

    def parameters(self) -> tuple[Tensor, ...]:
        """Return raw slopes (knots − 1, d), raw scale (d,), raw shift (d,), those of the knots."""
        return (self._raw_slopes, self._raw_scale, self._raw_shift, *self._knots.parameters())

    def build(self) -> Spline:
        """Return the spline of the present parameters.

        The slopes are divided by their width-weighted mean, so that the range is kept and only
        the scale stretches it.
        """
        knots = self._knots.build()
        widths = knots[1:] - knots[:-1]
        slopes = F.softplus(self._raw_slopes) + _MIN_SLOPE
        slopes = slopes / (slopes * _weights(widths)).sum(0)
        scale = F.softplus(self._raw_scale) + _MIN_SCALE
        rises = torch.cat([knots[:1], slopes * widths]).cumsum(0)
        return Spline(knots, scale * rises + self._raw_shift * self._unit, scale * slopes)

    def regulariser(self, z: Tensor) -> Tensor | None:
        """Return what the corners cost; None without smoothness, where nothing is penalised."""
        del z
        if self._smoothness == 0:
            return None
        slopes = (F.softplus(self._raw_slopes) + _MIN_SLOPE).log()
        corners = slopes.diff(dim=0, n=2).square().sum(0) / len(slopes)
        return self._smoothness * (corners * self._unit.square()).mean()


def _weights(widths: Tensor) -> Tensor:
    """Return each segment's share of the range."""
    # A constant dimension has no width to weigh by: all its segments count the same.
    weights = torch.where(widths.sum(0) > 0, widths, torch.ones_like(widths))
    return weights / weights.sum(0)
