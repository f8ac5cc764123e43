"""The monotone rational-quadratic segment, and a curve of such segments per column."""

from __future__ import annotations

import torch
from torch import Tensor

from kvsplice_core.codec.transforms.piecewise import segment_index


def rise(share: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the share of a segment's height reached at a share of its width.

    Parameters
    ----------
    share : Tensor
        θ in 0 … 1.
    left, right : Tensor
        Derivatives at the two ends over the slope of the segment, positive.

    Returns
    -------
    Tensor
        ``(θ² + p θ(1−θ)) / (1 + (p + q − 2) θ(1−θ))``, in 0 … 1 and increasing.

    References
    ----------
    Gregory & Delbourgo 1982, "Piecewise rational quadratic interpolation to monotonic data".
    """
    product = share * (1 - share)
    return (share.square() + left * product) / (1 + (left + right - 2) * product)


def run(risen: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the share of the width at which `rise` is `risen`, its exact inverse.

    The root of the quadratic is taken in the form that does not cancel.

    References
    ----------
    Durkan, Bekasov, Murray & Papamakarios 2019, "Neural spline flows", appendix A.2.
    """
    bulge = risen * (left + right - 2)
    a, b = 1 - left + bulge, left - bulge
    discriminant = (b.square() + 4 * a * risen).clamp_min(torch.finfo(b.dtype).tiny)
    return 2 * risen / (b + discriminant.sqrt())


def rational_quadratic(
    u: Tensor, knots_in: Tensor, knots_out: Tensor, slopes: Tensor, derivatives: Tensor
) -> Tensor:
    """Apply one increasing C¹ curve to each column, straight beyond the end knots.

    Parameters
    ----------
    u : Tensor, shape (n, d)
        Values.
    knots_in, knots_out : Tensor, shape (knots, d)
        Where the knots lie before and after.
    slopes : Tensor, shape (knots − 1, d)
        Height over width of each segment, positive also where a segment has no width.
    derivatives : Tensor, shape (knots, d)
        Positive; the first and the last are the slopes of the straight ends.

    Returns
    -------
    Tensor, shape (n, d)
        Differentiable in all arguments.
    """
    inside, beyond = _inside(u, knots_in, derivatives)
    start, width, base, height, left, right = _of_segments(
        inside, knots_in, knots_out, slopes, derivatives, knots_in
    )
    share = ((inside - start) / _nonzero(width)).clamp(0, 1)
    return base + height * rise(share, left, right) + beyond


def rational_quadratic_inverse(
    z: Tensor, knots_in: Tensor, knots_out: Tensor, slopes: Tensor, derivatives: Tensor
) -> Tensor:
    """Return u with ``rational_quadratic(u, …) = z``, in closed form; the same parameters."""
    inside, beyond = _inside(z, knots_out, 1 / derivatives)
    start, width, base, height, left, right = _of_segments(
        inside, knots_in, knots_out, slopes, derivatives, knots_out
    )
    risen = ((inside - base) / _nonzero(height)).clamp(0, 1)
    return start + width * run(risen, left, right) + beyond


def _inside(u: Tensor, knots: Tensor, derivatives: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values brought to the range of the knots, and what the rest adds."""
    # Not a clamp: its gradient is halved on an end knot, where the least and greatest values lie.
    inside = torch.where(u < knots[0], knots[0], torch.where(u > knots[-1], knots[-1], u))
    rest = u - inside
    return inside, rest * torch.where(rest < 0, derivatives[0], derivatives[-1])


def _nonzero(width: Tensor) -> Tensor:
    return torch.where(width > 0, width, 1)


def _of_segments(
    u: Tensor,
    knots_in: Tensor,
    knots_out: Tensor,
    slopes: Tensor,
    derivatives: Tensor,
    sought: Tensor,
) -> tuple[Tensor, ...]:
    """Return start, width, base, height and both relative derivatives of each value's segment."""
    widths = knots_in[1:] - knots_in[:-1]
    # Heights are not differences of knots_out: those lose their digits in narrow segments.
    tables = (
        knots_in[:-1],
        widths,
        knots_out[:-1],
        slopes * widths,
        derivatives[:-1] / slopes,
        derivatives[1:] / slopes,
    )
    dim = slopes.shape[1]
    place = segment_index(u.detach(), sought[1:-1].detach())
    columns = torch.arange(dim, dtype=place.dtype, device=u.device)
    flat = torch.add(columns, place, alpha=dim).reshape(-1)
    # Six flat look-ups: a gather of six numbers side by side takes four times as long on a CPU.
    return tuple(table.reshape(-1).index_select(0, flat).view_as(u) for table in tables)
