"""The kernel of the spline: one increasing piecewise-linear map per column, and its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

# Rows worked on at a time where no gradients are kept: what stays in the cache goes faster.
_CACHED_ROWS = 16_384


def segment_index(u: Tensor, inner_knots: Tensor) -> Tensor:
    """Return in which segment each value lies: how many inner knots are ≤ it.

    Parameters
    ----------
    u : Tensor, shape (n, d)
    inner_knots : Tensor, shape (segments − 1, d)
        Non-decreasing along the first axis; a value on a repeated knot falls past all of them.

    Returns
    -------
    Tensor, shape (n, d), int32
    """
    # A comparison written as 0.0 and 1.0 is vectorised, one written as bool is not: for 4096 × 64
    # values 0.05 ms a knot instead of 0.14 ms, where a binary search takes 3.6 ms.
    count, reached = torch.zeros_like(u), torch.empty_like(u)
    for knot in inner_knots:
        count += torch.ge(u, knot, out=reached)
    return count.to(torch.int32)


def piecewise_linear(
    u: Tensor, anchors: Tensor, slopes: Tensor, heights: Tensor, base: Tensor
) -> Tensor:
    """Apply one increasing piecewise-linear map to each column.

    Parameters
    ----------
    u : Tensor, shape (n, d)
        Values.
    anchors : Tensor, shape (segments, d)
        Left end of every segment; for the first one its right end, because it has no left.
    slopes : Tensor, shape (segments, d)
        Positive; the first and the last go on for ever.
    heights : Tensor, shape (segments, d)
        Rise of every inner segment; the first and the last row are not read.
    base : Tensor, shape (d,)
        Value at the first inner knot.

    Returns
    -------
    Tensor, shape (n, d)
        Differentiable in all arguments.
    """
    tables = (anchors, slopes, heights, base)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (u, *tables)):
        return look_up(u, *tables) if u.device.type == "cpu" else sum_segments(u, *tables)
    out = torch.empty_like(u)
    pieces = (torch.split(tensor, _CACHED_ROWS) for tensor in (u, out))
    for rows, room in zip(*pieces, strict=True):
        _sum_segments_into(room, rows, *tables)
    return out


def sum_segments(
    u: Tensor, anchors: Tensor, slopes: Tensor, heights: Tensor, base: Tensor
) -> Tensor:
    """Compute ``base + min(s₀(u−a₀), 0) + Σ clamp(s_j(u−a_j), 0, h_j) + max(s_S(u−a_S), 0)``.

    Every segment adds its own rise, so a value needs no look-up of its segment: three passes a
    segment over contiguous memory instead of a search and three gathers. A full segment adds
    exactly h_j, so rounding in one segment never leaks into the next. The gradients are plain
    sums, the same in every run also on a GPU.
    """
    offsets = -anchors * slopes
    zero = torch.zeros_like(base)
    out = torch.addcmul(offsets[0], u, slopes[0]).clamp(max=0) + base
    for j in range(1, len(slopes) - 1):
        out = out + torch.addcmul(offsets[j], u, slopes[j]).clamp(zero, heights[j])
    return out + torch.addcmul(offsets[-1], u, slopes[-1]).clamp(min=0)


def _sum_segments_into(
    out: Tensor, u: Tensor, anchors: Tensor, slopes: Tensor, heights: Tensor, base: Tensor
) -> None:
    """Write what `sum_segments` computes into `out`, with one buffer for all segments.

    Inner rises are clamped as shares of their height: bounds that are plain numbers are faster.
    """
    # A height whose inverse would overflow adds nothing.
    seen = heights > torch.finfo(heights.dtype).tiny ** 0.5
    rates = torch.where(seen, slopes / heights, 0)
    torch.addcmul(base - anchors[0] * slopes[0], u, slopes[0], out=out)
    torch.minimum(out, base, out=out)
    rise = torch.empty_like(out)
    for j in range(1, len(slopes) - 1):
        torch.addcmul(-anchors[j] * rates[j], u, rates[j], out=rise)
        out.addcmul_(rise.clamp_(0, 1), heights[j])
    torch.addcmul(-anchors[-1] * slopes[-1], u, slopes[-1], out=rise)
    out += rise.clamp_(min=0)


def look_up(u: Tensor, anchors: Tensor, slopes: Tensor, heights: Tensor, base: Tensor) -> Tensor:
    """Compute the same by finding each value's segment: fewer passes backward, on a CPU."""
    segments, dim = slopes.shape
    starts = torch.cat([torch.zeros_like(slopes[:2]), heights[1 : segments - 1]]).cumsum(0) + base
    place = segment_index(u.detach(), anchors[1:].detach())
    columns = torch.arange(dim, dtype=place.dtype, device=u.device)
    flat = torch.add(columns, place, alpha=dim).reshape(-1)

    def chosen(table: Tensor) -> Tensor:
        return table.reshape(-1).index_select(0, flat).view_as(u)

    return torch.addcmul(chosen(starts - anchors * slopes), chosen(slopes), u)
