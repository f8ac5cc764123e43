"""Knots in the hand: move, add and remove the knots of a spline; it increases whatever is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import MAX_KNOTS, MIN_KNOTS
from kvsplice_core.codec.transforms.knots import quantile_knots
from kvsplice_core.codec.transforms.spline import Spline

LEAST_SLOPE = 1e-3
"""The slope a segment may be flattened to."""

MOST_SLOPE = 1e3
"""The slope the first and the last segment may be raised to."""

_LEAST_SPACING = 1e-3  # of the range of a dimension's knots
_ROUNDING_STEPS = 16  # never nearer than fp32 tells apart
_POSITIVE = 1e-6


def identity_spline(train: Tensor, knots: int) -> Spline:
    """Return straight lines over the quantiles of vectors (n, d), to bend by hand."""
    places = quantile_knots(train, knots)
    return Spline(places, places, torch.ones_like(places[1:]))


def move_knot(
    spline: Spline, dim: int, index: int, x: float, z: float, *, everywhere: bool = False
) -> Spline:
    """Move one knot as near to (x, z) as its neighbours allow.

    The knot stays between its neighbours with room to both, and no segment beside it becomes
    flatter than `LEAST_SLOPE`. Repeated knots are one to the eye and move as one.

    Parameters
    ----------
    spline : Spline
        Not changed.
    dim, index : int
        Which knot: 0 … d − 1 and 0 … knots − 1.
    x, z : float
        Where to, before and after the spline, in units of V.
    everywhere : bool
        Move the knot of this index in every dimension, by the same share of the range that the
        knots of each dimension span.

    Raises
    ------
    SpecError
        If there is no such knot or the place is not finite.
    """
    _require_knot(spline, dim, index)
    if not (math.isfinite(x) and math.isfinite(z)):
        raise SpecError(f"a knot must be moved to finite numbers; got ({x}, {z})")
    places, images = spline.knots_in.double(), spline.knots_out.double()
    to_x, to_z = (_shifted(t, dim, index, goal) for t, goal in ((places, x), (images, z)))
    neighbours = _Neighbours.of(places, images, index)
    new_x = neighbours.hold_x(to_x)
    new_z = neighbours.hold_z(new_x, to_z)
    chosen = _chosen(spline, dim, everywhere)
    moved = (places == places[index]) & chosen
    places, images = torch.where(moved, new_x, places), torch.where(moved, new_z, images)
    return _rebuilt(spline, places, images, chosen)


def add_knot(spline: Spline, dim: int, x: float) -> Spline:
    """Add a knot on the curve of one dimension; no curve changes.

    Every dimension has as many knots as the others, so each gets one on its own curve, at the
    same share of the same segment.

    Raises
    ------
    SpecError
        If there are `MAX_KNOTS` already, or (x) is not finite or has no room between knots.
    """
    _require_knot(spline, dim, 0)
    knots = len(spline.knots_in)
    if knots >= MAX_KNOTS:
        raise SpecError(f"a spline has at most {MAX_KNOTS} knots; got one more")
    if not math.isfinite(x):
        raise SpecError(f"a knot must be added at a finite number; got {x}")
    base, segment, row, offset = _insertion(spline, dim, x)
    # From the rounded place, so that the image lies on the curve also where little room is left.
    place = (spline.knots_in[base].double() + offset).to(spline.knots_in.dtype)
    offset = place.double() - spline.knots_in[base].double()
    image = spline.knots_out[base].double() + spline.slopes[segment].double() * offset
    return Spline(
        _inserted(spline.knots_in, row, place),
        _inserted(spline.knots_out, row, image.to(spline.knots_out.dtype)),
        _inserted(spline.slopes, segment, spline.slopes[segment]),
    )


def remove_knot(spline: Spline, dim: int, index: int, *, everywhere: bool = False) -> Spline:
    """Remove one knot: its neighbours are joined by a straight line.

    In one dimension the knot falls onto its neighbour, because every dimension has as many knots
    as the others (repeated knots are one); `everywhere` takes the row out of the tables.

    Raises
    ------
    SpecError
        If there is no such knot, or fewer than `MIN_KNOTS` would be left.
    """
    _require_knot(spline, dim, index)
    left = len(spline.knots_in) if everywhere else distinct_knots(spline, dim)
    if left <= MIN_KNOTS:
        raise SpecError(f"a spline keeps at least {MIN_KNOTS} knots; got {left} and one to remove")
    return _without_row(spline, index) if everywhere else _fallen(spline, dim, index)


def _without_row(spline: Spline, index: int) -> Spline:
    places, images = (_without(t, index) for t in (spline.knots_in, spline.knots_out))
    slopes = _without(spline.slopes, min(index, len(spline.slopes) - 1))
    every = torch.ones_like(places[0], dtype=torch.bool)
    return _rebuilt(Spline(places, images, slopes), places, images, every)


def _fallen(spline: Spline, dim: int, index: int) -> Spline:
    places, images = spline.knots_in.double(), spline.knots_out.double()
    chosen = _chosen(spline, dim, everywhere=False)
    fallen = (places == places[index]) & chosen
    onto = _Neighbours.of(places, images, index)
    x = torch.where(onto.has_left, onto.left_x, onto.right_x)
    z = torch.where(onto.has_left, onto.left_z, onto.right_z)
    places, images = torch.where(fallen, x, places), torch.where(fallen, z, images)
    return _rebuilt(spline, places, images, chosen)


def distinct_knots(spline: Spline, dim: int) -> int:
    """Return how many knots of a dimension stand apart; repeated ones count once."""
    return len(torch.unique(spline.knots_in[:, dim]))


@dataclass(frozen=True)
class _Neighbours:
    """The nearest other knots of one index in every dimension, each tensor of shape (d,)."""

    has_left: Tensor
    has_right: Tensor
    left_x: Tensor
    left_z: Tensor
    right_x: Tensor
    right_z: Tensor
    spacing: Tensor

    @classmethod
    def of(cls, places: Tensor, images: Tensor, index: int) -> _Neighbours:
        before, after = places < places[index], places > places[index]
        left_x, left_z = (
            _finite(torch.where(before, t, -math.inf).amax(0)) for t in (places, images)
        )
        right_x, right_z = (
            _finite(torch.where(after, t, math.inf).amin(0)) for t in (places, images)
        )
        ends = (left_x, left_z, right_x, right_z)
        return cls(before.any(0), after.any(0), *ends, _least_spacing(places))

    def hold_x(self, x: Tensor) -> Tensor:
        """Return the nearest allowed places to `x` (d,)."""
        both = self.has_left & self.has_right
        room = torch.where(both, (self.right_x - self.left_x) / 4, self.spacing)
        spacing = torch.minimum(self.spacing, room)
        low = torch.where(self.has_left, self.left_x + spacing, -math.inf)
        high = torch.where(self.has_right, self.right_x - spacing, math.inf)
        return torch.clamp(x, low, high)

    def hold_z(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the nearest allowed images to `z` (d,) for a knot at `x` (d,)."""
        rise, run = self.right_z - self.left_z, self.right_x - self.left_x
        both = self.has_left & self.has_right
        # Where both segments together are flatter than the least slope, half of what there is.
        least = torch.where(both, (rise / run / 2).clamp(max=LEAST_SLOPE), LEAST_SLOPE)
        from_left, from_right = x - self.left_x, self.right_x - x
        low = torch.where(
            self.has_left,
            self.left_z + least * from_left,
            torch.where(self.has_right, self.right_z - MOST_SLOPE * from_right, -math.inf),
        )
        high = torch.where(
            self.has_right,
            self.right_z - least * from_right,
            torch.where(self.has_left, self.left_z + MOST_SLOPE * from_left, math.inf),
        )
        return torch.clamp(z, low, high)


def _finite(ends: Tensor) -> Tensor:
    return torch.where(ends.isfinite(), ends, 0.0)


def _rebuilt(spline: Spline, places: Tensor, images: Tensor, changed: Tensor) -> Spline:
    """Return the spline with other knots; slopes follow in the dimensions that are `changed`."""
    knots_in, knots_out = places.to(spline.knots_in), images.to(spline.knots_out)
    widths, rises = (t[1:].double() - t[:-1].double() for t in (knots_in, knots_out))
    wide = widths > 0
    slopes = rises / torch.where(wide, widths, 1.0)
    slopes = torch.where(wide, slopes.clamp_min(_POSITIVE).to(spline.slopes), spline.slopes)
    return Spline(
        knots_in, knots_out, torch.where(changed, _with_ends(slopes, wide), spline.slopes)
    )


def _with_ends(slopes: Tensor, wide: Tensor) -> Tensor:
    """Let end segments without width, which go on for ever, go on as the nearest one with width."""
    first = wide.int().argmax(0)
    last = len(wide) - 1 - wide.flip(0).int().argmax(0)
    rows = torch.arange(len(wide), device=wide.device)[:, None].expand_as(wide)
    return slopes.gather(0, torch.minimum(torch.maximum(rows, first), last))


def _shifted(table: Tensor, dim: int, index: int, goal: float) -> Tensor:
    """Return where each dimension's knot goes by the same share of its range, shape (d,)."""
    span = table[-1] - table[0]
    span = torch.where(span > 0, span, torch.ones_like(span))
    goals = table[index] + (goal - table[index, dim]) / span[dim] * span
    goals[dim] = goal
    return goals


def _insertion(spline: Spline, dim: int, x: float) -> tuple[int, int, int, Tensor]:
    """Return the knot to start from, the segment, the new row, and the way in each dimension."""
    places = spline.knots_in.double()
    column, last = places[:, dim], len(places) - 1
    nearest = float((column - x).abs().min())
    span = places[-1] - places[0]
    if nearest < float(_least_spacing(places)[dim]):
        raise SpecError(f"a new knot needs room beside the others; got {x:g}, {nearest:g} away")
    share = (x - float(column[0])) / max(float(span[dim]), torch.finfo(torch.float64).tiny)
    if x < float(column[0]):
        return 0, 0, 0, share * span
    if x > float(column[-1]):
        return last, last - 1, last + 1, (share - 1) * span
    segment = int((column <= x).sum()) - 1
    widths = places[segment + 1] - places[segment]
    return segment, segment, segment + 1, (x - column[segment]) / widths[dim] * widths


def _least_spacing(places: Tensor) -> Tensor:
    steps = _ROUNDING_STEPS * torch.finfo(torch.float32).eps * places.abs().amax(0)
    return torch.maximum(_LEAST_SPACING * (places[-1] - places[0]), steps)


def _chosen(spline: Spline, dim: int, everywhere: bool) -> Tensor:
    dims = torch.arange(spline.dim, device=spline.knots_in.device)
    return torch.ones_like(dims, dtype=torch.bool) if everywhere else dims == dim


def _inserted(table: Tensor, row: int, values: Tensor) -> Tensor:
    return torch.cat([table[:row], values[None], table[row:]])


def _without(table: Tensor, row: int) -> Tensor:
    return torch.cat([table[:row], table[row + 1 :]])


def _require_knot(spline: Spline, dim: int, index: int) -> None:
    knots = len(spline.knots_in)
    if not (0 <= dim < spline.dim and 0 <= index < knots):
        raise SpecError(
            f"a knot must be one of 0 … {knots - 1} of dimension 0 … {spline.dim - 1}; "
            f"got knot {index} of dimension {dim}"
        )
