"""Tables of levels: Lloyd–Max and companded, of a normal density or fitted to data."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_GAUSSIAN_ROUNDS = 400
_EMPIRICAL_ROUNDS = 40
_QUANTILES = 256
_MOST_SAMPLES = 16_384


class Samples:
    """Sorted samples of every component, ready for sums over cells.

    Parameters
    ----------
    x : Tensor, shape (n, m)
        Samples of m components.
    importance : Tensor, shape (n,)
        Weight ≥ 0 of each row.
    """

    def __init__(self, x: Tensor, importance: Tensor) -> None:
        keep = slice(None, None, -(-len(x) // _MOST_SAMPLES))
        self.sorted, order = x[keep].T.double().contiguous().sort(dim=1)  # (m, n)
        weight = importance[keep].double()[order]
        self._mass = _running_sum(weight)
        self._moment = _running_sum(weight * self.sorted)
        self._square = _running_sum(weight * self.sorted.square())

    def quantiles(self, count: int) -> Tensor:
        """Return `count` equally likely points (m, count), ends included."""
        places = torch.linspace(0, self.sorted.shape[1] - 1, count, device=self.sorted.device)
        return self.sorted[:, places.round().long()]

    def cells(self, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mass, moment and square (m, L) of the samples nearest to each of levels (m, L)."""
        middle = torch.searchsorted(self.sorted, midpoints(levels).contiguous())
        edges = torch.nn.functional.pad(middle, (1, 0))
        edges = torch.nn.functional.pad(edges, (0, 1), value=self.sorted.shape[1])
        mass, moment, square = (
            running.gather(1, edges).diff(dim=1)
            for running in (self._mass, self._moment, self._square)
        )
        return mass, moment, square

    def distortion(self, levels: Tensor) -> Tensor:
        """Return the mean squared error (m,) of nearest levels (m, L)."""
        mass, moment, square = self.cells(levels)
        total = (square - 2 * levels * moment + levels.square() * mass).sum(1)
        return total.clamp_min(0) / self._mass[:, -1].clamp_min(1e-300)


def _running_sum(x: Tensor) -> Tensor:
    return torch.nn.functional.pad(x.cumsum(1), (1, 0))


def midpoints(levels: Tensor) -> Tensor:
    """Return the thresholds (…, L − 1) between sorted levels (…, L)."""
    middle: Tensor = (levels[..., 1:] + levels[..., :-1]) / 2
    return middle


def empirical_levels(samples: Samples, bits: int, companded: bool) -> Tensor:
    """Return sorted levels (m, 2^bits), fp64, fitted to each component's samples.

    Companded levels are equally spaced behind the compander of least error at high resolution,
    whose slope is the density to the power ⅓ (Bennett 1948; Panter & Dite 1951), taken from the
    data's quantiles. Lloyd–Max starts there and moves each level to the mean of its cell
    (Lloyd 1982).
    """
    levels = _behind_compander(samples, 2**bits)
    for _ in range(0 if companded else _EMPIRICAL_ROUNDS):
        mass, moment, _ = samples.cells(levels)
        levels = torch.where(mass > 0, moment / mass.clamp_min(1e-300), levels)
        levels = levels.sort(dim=1).values  # rounding may swap two levels of one cell
    return levels


def _behind_compander(samples: Samples, count: int) -> Tensor:
    """Return levels (m, count) equally spaced behind the data's own compander."""
    knots = samples.quantiles(min(_QUANTILES, samples.sorted.shape[1] + 1))
    # between two quantiles the density is 1/width, and its cube root times the width remains
    rise = knots.diff(dim=1).clamp_min(0).pow(2 / 3)
    height = _running_sum(rise)
    targets = (torch.arange(count, dtype=knots.dtype, device=knots.device) + 0.5) / count
    wanted = height[:, -1:] * targets
    left = torch.searchsorted(height, wanted, right=True).clamp(1, knots.shape[1] - 1) - 1
    part = (wanted - height.gather(1, left)) / rise.gather(1, left).clamp_min(1e-300)
    start, end = knots.gather(1, left), knots.gather(1, left + 1)
    return start + part.clamp(0, 1) * (end - start)


@lru_cache
def gaussian_levels(bits: int, companded: bool = False) -> Tensor:
    """Return the sorted levels (2^bits,) of a standard normal density, fp64 on the CPU.

    Lloyd–Max levels satisfy Max's conditions (Max 1960) in closed form; no sample is drawn.
    """
    count = 2**bits
    centres = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    levels: Tensor = 3**0.5 * torch.special.ndtri(centres)
    for _ in range(0 if companded else _GAUSSIAN_ROUNDS):
        mass, moment = _normal_cells(levels)
        levels = moment / mass
        levels = (levels - levels.flip(0)) / 2
    return levels


def gaussian_distortion_of(levels: Tensor) -> float:
    """Return the mean squared error of sorted levels (L,) on a standard normal variable."""
    mass, moment = _normal_cells(levels)
    return float(1 - 2 * (levels * moment).sum() + (levels.square() * mass).sum())


def _normal_cells(levels: Tensor) -> tuple[Tensor, Tensor]:
    """Probability and first moment of a normal variable in the cell of each level."""
    infinity = torch.full((1,), torch.inf, dtype=levels.dtype)
    edges = torch.cat([-infinity, midpoints(levels), infinity])
    density = torch.exp(-edges.square() / 2) / (2 * torch.pi) ** 0.5
    # both tails are differenced on the side where the distribution function is small
    lower, upper = torch.special.ndtr(edges).diff(), -torch.special.ndtr(-edges).diff()
    return torch.where(levels < 0, lower, upper), -density.diff()
