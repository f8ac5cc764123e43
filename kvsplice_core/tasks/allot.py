"""Sharing a budget of bits among codecs by what each bit saves; free of torch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from kvsplice_core.base.errors import SpecError

_HALVINGS = 40
_DIGITS = 9
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Offer:
    """One budget that a codec can be given.

    Parameters
    ----------
    asked : float
        The budget, bits per value.
    bits : float
        What counts against the whole, bits per value: the budget, or more where the codec's own
        bytes come on top.
    error : float
        Mean squared error on the validation part, in the pipeline's own metric.
    """

    asked: float
    bits: float
    error: float


@dataclass(frozen=True)
class Unit:
    """A codec among those that share a budget, with what it can be given.

    Parameters
    ----------
    values : int
        Numbers per token it codes.
    offers : tuple of Offer
        Budgets ascending, at least one.
    cost : float
        What the codec costs at `error`: its sensitivity.
    error : float
        The error at which that was measured; what it costs elsewhere is in proportion.
    """

    values: int
    offers: tuple[Offer, ...]
    cost: float
    error: float

    def cost_of(self, error: float) -> float:
        """Return what the codec costs at an error; nothing where it makes none."""
        return self.cost * error / self.error if self.error > 0 else 0.0

    def cost_at(self, asked: float) -> float:
        """Return what it costs at a budget; between two offers the error's logarithm is straight.

        An error falls by about 6 dB a bit.
        """
        below, above, share = _between(self.offers, asked)
        if min(below.error, above.error) <= 0:
            return self.cost_of(below.error + share * (above.error - below.error))
        between = log(below.error) + share * (log(above.error) - log(below.error))
        return self.cost_of(exp(between))

    def bits_at(self, asked: float) -> float:
        """Return what a budget counts against the whole."""
        below, above, share = _between(self.offers, asked)
        return below.bits + share * (above.bits - below.bits)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The ways up from the least budget, the one that saves most per bit first.

        They are the sides of the lower convex hull of cost over bits: an offer above it is never
        the best way to spend its bits.
        """
        found: list[Step] = []
        at = self.offers[0]
        for _ in self.offers:
            higher = [self._step(at, offer) for offer in self.offers if offer.bits > at.bits]
            best = max(higher, key=lambda step: step.rate, default=None)
            if best is None or best.rate <= 0:
                break
            found.append(best)
            at = best.high
        return tuple(found)

    def _step(self, low: Offer, high: Offer) -> Step:
        saved = self.cost_of(low.error) - self.cost_of(high.error)
        size = (high.bits - low.bits) * self.values
        return Step(low, high, size, saved / size)


@dataclass(frozen=True)
class Step:
    """Giving a codec more.

    Parameters
    ----------
    low, high : Offer
    size : float
        Bits per token.
    rate : float
        Cost saved per bit per token.
    """

    low: Offer
    high: Offer
    size: float
    rate: float


def allot(units: Sequence[Unit], bits: float) -> tuple[float, ...]:
    """Return the budget of each unit, by what each bit saves.

    Every unit starts at its least offer; then the step that saves most per bit is taken, again
    and again. The last one is taken in part, so that all bits are spent.

    Parameters
    ----------
    units : sequence of Unit
    bits : float
        Mean bits per value over all units, which their `Offer.bits` may reach.

    Returns
    -------
    tuple of float
        `Offer.asked` of each unit, or what lies between two of them.

    Raises
    ------
    SpecError
        If the least offers need more.

    References
    ----------
    Shoham and Gersho 1988, "Efficient bit allocation for an arbitrary set of quantizers"; the part
    of the last step is that of Dantzig 1957 for the continuous knapsack.
    """
    spare = _spare(units, [unit.offers[0].bits for unit in units], bits)
    given = [unit.offers[0].asked for unit in units]
    ways = [(step, i) for i, unit in enumerate(units) for step in unit.steps]
    for step, i in sorted(ways, key=lambda way: -way[0].rate):
        share = min(1.0, spare / step.size)
        given[i] = step.low.asked + share * (step.high.asked - step.low.asked)
        spare -= share * step.size
        if share < 1:
            break
    return tuple(given)


def allot_evenly(units: Sequence[Unit], bits: float) -> tuple[float, ...]:
    """Return the same budget for every unit, the largest whose mean bits are at most `bits`.

    Raises
    ------
    SpecError
        If the least budget all of them offer needs more.
    """
    low = max(unit.offers[0].asked for unit in units)
    high = min(unit.offers[-1].asked for unit in units)
    _spare(units, [unit.bits_at(low) for unit in units], bits)
    if _fits(units, high, bits):
        return (high,) * len(units)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _fits(units, middle, bits) else (low, middle)
    # Halving ends a hair below a round budget, which must not cost a byte of every vector.
    return (round(low, _DIGITS),) * len(units)


def _fits(units: Sequence[Unit], asked: float, bits: float) -> bool:
    mean = mean_of(units, [unit.bits_at(asked) for unit in units])
    return mean <= bits


def mean_of(units: Sequence[Unit], numbers: Sequence[float]) -> float:
    """Return the mean of numbers of units, each value of a token counting the same."""
    total = sum(unit.values for unit in units)
    return sum(n * unit.values for n, unit in zip(numbers, units, strict=True)) / total


def _spare(units: Sequence[Unit], least: Sequence[float], bits: float) -> float:
    """Return the bits per token that are left beyond `least`; SpecError if there are fewer."""
    mean = mean_of(units, least)
    if mean > bits + _ROUNDING:
        raise SpecError(f"a budget must be at least {mean:.3g} bits per value here; got {bits:g}")
    return max(0.0, bits - mean) * sum(unit.values for unit in units)


def _between(offers: Sequence[Offer], asked: float) -> tuple[Offer, Offer, float]:
    """Return the offers around a budget and how far it lies from the one to the other."""
    last = len(offers) - 1
    at = min(max(bisect_right([offer.asked for offer in offers], asked), 1), last)
    low, high = offers[max(at - 1, 0)], offers[at]
    if low is high:
        return low, high, 0.0
    return low, high, min(1.0, max(0.0, (asked - low.asked) / (high.asked - low.asked)))
