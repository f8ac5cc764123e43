"""Where the knots of a spline lie: at quantiles, evenly, or where training moves them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Tensor

from kvsplice_core.codec.kinds import KnotPlacement

_MIN_SHARE = 1e-3  # of an even segment; a learnt segment never closes


def quantile_knots(train: Tensor, knots: int) -> Tensor:
    """Return equally spaced quantiles of each dimension, shape (knots, d), of train (n, d)."""
    # numpy selects where torch.quantile sorts: five times faster, and without its size limit.
    columns = np.ascontiguousarray(train.detach().cpu().numpy().T)
    levels = np.linspace(0, 1, knots, dtype=columns.dtype)
    return torch.from_numpy(np.quantile(columns, levels, axis=1)).to(train).contiguous()


def uniform_knots(train: Tensor, knots: int) -> Tensor:
    """Return evenly spaced knots over the range of each dimension, shape (knots, d)."""
    low, high = train.amin(0), train.amax(0)
    levels = torch.linspace(0, 1, knots, dtype=train.dtype, device=train.device)[:, None]
    return torch.lerp(low, high, levels)


class Knots:
    """The knots of each dimension, fixed or learnt.

    Learnt knots keep their ends. The segments between them are positive shares of the range
    (softplus, divided by their sum), so that the knots increase whatever is learnt.

    Parameters
    ----------
    start : Tensor, shape (knots, d)
        Non-decreasing along the first axis.
    learnt : bool
        Whether the inner knots move.
    """

    def __init__(self, start: Tensor, *, learnt: bool = False) -> None:
        self._start = start
        self._range = start[-1] - start[0]
        self._raw = _raw_shares(start).requires_grad_() if learnt else None

    def parameters(self) -> tuple[Tensor, ...]:
        """Return the raw shares (knots − 1, d), or nothing where the knots are fixed."""
        return () if self._raw is None else (self._raw,)

    def build(self) -> Tensor:
        """Return the present knots, shape (knots, d)."""
        if self._raw is None:
            return self._start
        shares = F.softplus(self._raw) + _MIN_SHARE
        widths = self._range * shares / shares.sum(0)
        return torch.cat([self._start[:1], widths]).cumsum(0)


def _raw_shares(knots: Tensor) -> Tensor:
    widths = knots[1:] - knots[:-1]
    total = widths.sum(0)
    shares = torch.where(total > 0, widths / total.clamp_min(torch.finfo(total.dtype).tiny), 1.0)
    # Tied knots start a little apart, or no gradient could ever part them.
    return inverse_softplus((shares * len(widths)).clamp_min(10 * _MIN_SHARE) - _MIN_SHARE)


def start_knots(train: Tensor, knots: int, placement: KnotPlacement) -> Tensor:
    """Return the knots to start from, shape (knots, d); learnt ones start at the quantiles."""
    place = uniform_knots if placement is KnotPlacement.UNIFORM else quantile_knots
    return place(train, knots)


def inverse_softplus(y: Tensor) -> Tensor:
    """Return x with softplus(x) = y, for y > 0."""
    return y + torch.log(-torch.expm1(-y))
