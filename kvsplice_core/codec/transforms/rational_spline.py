"""A strictly increasing C¹ spline per dimension: monotone rational-quadratic segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Tensor

from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.codec.transforms.knots import Knots, inverse_softplus
from kvsplice_core.codec.transforms.rational import rational_quadratic, rational_quadratic_inverse
from kvsplice_core.codec.transforms.spline import Spline, SplineLearner

_MIN_FACTOR = 1e-3
# Straight pieces drawn for each segment; at 8 the eye sees no corners.
_DRAWN_PIECES = 8


@dataclass(frozen=True)
class RationalSpline:
    """``z_j = s_j(x_j)``: increasing, C¹, its ends going on straight.

    Parameters
    ----------
    knots_in, knots_out : Tensor, shape (knots, d)
        Where the knots lie before and after, in units of V; repeated knots are allowed.
    slopes : Tensor, shape (knots − 1, d)
        Mean dz/dx of each segment, positive also where a segment has no width.
    derivatives : Tensor, shape (knots, d)
        dz/dx at the knots, positive.

    References
    ----------
    Gregory & Delbourgo 1982; Durkan et al. 2019, "Neural spline flows".
    """

    knots_in: Tensor
    knots_out: Tensor
    slopes: Tensor
    derivatives: Tensor
    kind = Method.SPLINE

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.knots_in.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        return rational_quadratic(x.reshape(-1, self.dim), *self.tensors().values()).view(x.shape)

    def inverse(self, z: Tensor) -> Tensor:
        """Map back: the root of a quadratic in each segment."""
        flat = z.reshape(-1, self.dim)
        return rational_quadratic_inverse(flat, *self.tensors().values()).view(z.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the four tables, named apart from those of a piecewise-linear spline."""
        return {
            "knots_in": self.knots_in,
            "knots_out": self.knots_out,
            "chords": self.slopes,
            "derivatives": self.derivatives,
        }

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the spline with `function` applied to its tables."""
        return type(self)(*map(function, self.tensors().values()))

    @property
    def chords(self) -> Spline:
        """The piecewise-linear spline through the same knots."""
        return Spline(self.knots_in, self.knots_out, self.slopes)

    def drawn(self) -> Spline:
        """Return a piecewise-linear spline with several pieces a segment, straight ends too."""
        share = torch.arange(_DRAWN_PIECES, device=self.slopes.device) / _DRAWN_PIECES
        widths = self.knots_in[1:] - self.knots_in[:-1]
        inner = self.knots_in[:-1, None] + share[:, None].to(widths) * widths[:, None]
        last = self.knots_in[-1:]
        # One short piece beyond each end, so that what a drawing extends has the right slope.
        beyond = (last - self.knots_in[:1]) / (_DRAWN_PIECES * len(widths))
        x = torch.cat([self.knots_in[:1] - beyond, inner.flatten(0, 1), last, last + beyond])
        z = self.forward(x)
        widths = x[1:] - x[:-1]
        slopes = torch.where(widths > 0, (z[1:] - z[:-1]) / widths, self._mean_slope())
        return Spline(x, z, slopes.clamp_min(torch.finfo(z.dtype).tiny))

    def _mean_slope(self) -> Tensor:
        return self.slopes.mean(0)

    def bend(self) -> float:
        """Mean of |slope / mean slope − 1| over the range of the knots; 0 for straight lines."""
        return self.drawn().bend()

    def shape(self, probe: Tensor) -> SplineShape:
        """Return the curves in straight pieces; `probe` is not needed."""
        return replace(self.drawn().shape(probe), pieces=_DRAWN_PIECES)


class RationalLearner:
    """A piecewise-linear learner for the chords, and a factor at each knot for the derivatives.

    The derivative at a knot is that factor times the harmonic mean of the slopes on both sides,
    so that a factor of 1 follows the chords smoothly.

    Parameters
    ----------
    knots : Knots
        Fixed or learnt.
    unit : Tensor, shape (d,)
        The standard deviation of each dimension.
    start : Spline or RationalSpline, optional
        Where to start; the identity when omitted.
    """

    def __init__(
        self, knots: Knots, unit: Tensor, start: Spline | RationalSpline | None = None
    ) -> None:
        self._chords = SplineLearner(knots, unit, start)
        chords = self._chords.build()
        self._tied_to = _first_of_ties(chords.knots_in.detach())
        factors = torch.ones_like(chords.knots_in)
        if start is not None:
            at_knots = _derivatives(start, chords.knots_in.detach())
            factors = at_knots / _harmonic_means(chords.slopes.detach())
        self._raw_factors = inverse_softplus(
            factors.clamp_min(2 * _MIN_FACTOR) - _MIN_FACTOR
        ).requires_grad_()

    def parameters(self) -> tuple[Tensor, ...]:
        """Return those of the chords, then raw factors (knots, d)."""
        return (*self._chords.parameters(), self._raw_factors)

    def build(self) -> RationalSpline:
        """Return the spline of the present parameters."""
        chords = self._chords.build()
        factors = F.softplus(self._raw_factors) + _MIN_FACTOR
        derivatives = factors * _harmonic_means(chords.slopes)
        # Knots at one place have one derivative, or the curve would have a corner there.
        tied = derivatives.gather(0, self._tied_to)
        return RationalSpline(chords.knots_in, chords.knots_out, chords.slopes, tied)

    def regulariser(self, z: Tensor) -> None:
        """Return None: smooth by construction, nothing to penalise."""
        del z


def _harmonic_means(slopes: Tensor) -> Tensor:
    """Return the harmonic mean of the slopes on both sides of each knot, the ends as they are."""
    inner = 2 / (1 / slopes[1:] + 1 / slopes[:-1])
    return torch.cat([slopes[:1], inner, slopes[-1:]])


def _first_of_ties(knots: Tensor) -> Tensor:
    """Return for each knot the place of the first knot that lies where it lies, (knots, d)."""
    places = torch.arange(len(knots), device=knots.device)[:, None].expand_as(knots)
    opens = torch.cat([torch.ones_like(knots[:1], dtype=torch.bool), knots[1:] > knots[:-1]])
    return torch.where(opens, places, 0).cummax(0).values


def _derivatives(transform: Transform, x: Tensor) -> Tensor:
    """Return dz/dx of a transform that treats every dimension by itself."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        (derivatives,) = torch.autograd.grad(transform.forward(x).sum(), x)
    return derivatives
