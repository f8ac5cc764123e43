"""The couplings of a flow: one half of the dimensions moves the other, invertibly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Generator, Tensor

from kvsplice_core.codec.transforms.rational import rise, run

_HIDDEN = 128
_BINS = 8
_REACH = 4.0  # in units of the flow; beyond it a spline coupling changes nothing
_MIN_SHARE = 1e-3
_ONE = math.log(math.expm1(1 - _MIN_SHARE))  # softplus of it and the least share make 1


@dataclass(frozen=True)
class Coupling:
    """``x_B ← x_B · exp(tanh a(x_A)) + t(x_A)`` for two halves A, B of the dimensions.

    Parameters
    ----------
    kept, moved : Tensor, int64, shapes (|A|,) and (|B|,)
        The dimensions of the two halves.
    weights : tuple of 6 Tensor
        Weight and bias of three linear layers |A| → 128 → 128 → outputs · |B|.
    """

    outputs: ClassVar[int] = 2

    kept: Tensor
    moved: Tensor
    weights: tuple[Tensor, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, d) to (n, d)."""
        moved = self._moved(x[:, self.moved], self._network(x[:, self.kept]))
        return x.index_copy(1, self.moved, moved)

    def inverse(self, z: Tensor) -> Tensor:
        """Map back; A passed unchanged, so the same network gives the same numbers."""
        moved = self._moved_back(z[:, self.moved], self._network(z[:, self.kept]))
        return z.index_copy(1, self.moved, moved)

    def _moved(self, x: Tensor, told: Tensor) -> Tensor:
        raw_scale, translation = told.chunk(2, dim=1)
        return x * raw_scale.tanh().exp() + translation

    def _moved_back(self, z: Tensor, told: Tensor) -> Tensor:
        raw_scale, translation = told.chunk(2, dim=1)
        return (z - translation) * (-raw_scale.tanh()).exp()

    def _network(self, kept: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3 = self.weights
        hidden = F.gelu(F.linear(kept, w1, b1))
        hidden = F.gelu(F.linear(hidden, w2, b2))
        return F.linear(hidden, w3, b3)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the coupling with `function` applied to its weights, and moved with them."""
        weights = tuple(function(weight) for weight in self.weights)
        device = weights[0].device
        return type(self)(self.kept.to(device), self.moved.to(device), weights)

    @classmethod
    def identity(cls, kept: Tensor, moved: Tensor, generator: Generator) -> Self:
        """Return a coupling that changes nothing, its hidden layers drawn."""
        w1, b1 = _linear(len(kept), _HIDDEN, generator)
        w2, b2 = _linear(_HIDDEN, _HIDDEN, generator)
        outputs = cls.outputs * len(moved)
        last = torch.zeros(outputs, _HIDDEN)
        return cls(kept, moved, (w1, b1, w2, b2, last, torch.zeros(outputs)))


class SplineCoupling(Coupling):
    """``x_B ← s(x_B; x_A)``, s a monotone rational-quadratic spline on ±4, the identity beyond.

    References
    ----------
    Durkan, Bekasov, Murray & Papamakarios 2019, "Neural spline flows".
    """

    outputs: ClassVar[int] = 3 * _BINS - 1

    def _moved(self, x: Tensor, told: Tensor) -> Tensor:
        x_knots, z_knots, derivatives = _tables(told, x)
        inside = x.clamp(-_REACH, _REACH)
        start, width, base, height, left, right = _bin(inside, x_knots, z_knots, derivatives, 0)
        share = ((inside - start) / width).clamp(0, 1)
        return base + height * rise(share, left, right) + (x - inside)

    def _moved_back(self, z: Tensor, told: Tensor) -> Tensor:
        x_knots, z_knots, derivatives = _tables(told, z)
        inside = z.clamp(-_REACH, _REACH)
        start, width, base, height, left, right = _bin(inside, x_knots, z_knots, derivatives, 1)
        risen = ((inside - base) / height).clamp(0, 1)
        return start + width * run(risen, left, right) + (z - inside)


def _tables(told: Tensor, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return knots before and after and derivatives at them, each (n, |B|, bins + 1)."""
    raw = told.view(*like.shape, SplineCoupling.outputs)
    widths, heights, slopes = torch.split(raw, [_BINS, _BINS, _BINS - 1], dim=-1)
    # At the ends the derivative is 1, as beyond them.
    derivatives = F.pad(F.softplus(slopes + _ONE) + _MIN_SHARE, (1, 1), value=1.0)
    return _knots(widths), _knots(heights), derivatives


def _knots(raw: Tensor) -> Tensor:
    shares = _MIN_SHARE + (1 - _MIN_SHARE * _BINS) * raw.softmax(-1)
    inner = 2 * _REACH * shares.cumsum(-1)[..., :-1] - _REACH
    return F.pad(F.pad(inner, (1, 0), value=-_REACH), (0, 1), value=_REACH)


def _bin(
    u: Tensor, x_knots: Tensor, z_knots: Tensor, derivatives: Tensor, side: int
) -> tuple[Tensor, ...]:
    """Return start, width, base, height and relative derivatives of the bin of each value."""
    inner = (x_knots, z_knots)[side][..., 1:-1].detach()
    place = (u.detach()[..., None] >= inner).sum(-1, keepdim=True)

    def ends(table: Tensor) -> tuple[Tensor, Tensor]:
        return table.gather(-1, place)[..., 0], table.gather(-1, place + 1)[..., 0]

    (start, stop), (base, top), (left, right) = map(ends, (x_knots, z_knots, derivatives))
    width, height = stop - start, top - base
    return start, width, base, height, left * width / height, right * width / height


def _linear(inputs: int, outputs: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return weight and bias, uniform within ±1/√inputs as torch.nn.Linear starts."""
    bound = 1 / math.sqrt(inputs)
    weight = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
    return weight, torch.empty(outputs).uniform_(-bound, bound, generator=generator)
