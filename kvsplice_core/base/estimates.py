"""Numbers with their interval, and what the interval says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESAMPLES = 2_000


class Verdict(StrEnum):
    """What an interval of change says."""

    GAIN = "gain"
    TIE = "tie"
    LOSS = "loss"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """Of a difference of costs: a tie when the interval holds 0, a gain below it."""
        if self.low <= 0.0 <= self.high:
            return Verdict.TIE
        return Verdict.GAIN if self.high < 0 else Verdict.LOSS


class Change(Estimate):
    """Change of a squared error against another; unit per cent."""

    @property
    def percent(self) -> float:
        """The change itself."""
        return self.value

    @classmethod
    def of(cls, entry: dict[str, float]) -> Change:
        """Return what `as_dict` wrote."""
        return cls(entry["percent"], entry["low"], entry["high"])

    def as_dict(self) -> dict[str, float]:
        """Return the change and its interval as files hold them."""
        return {"percent": self.percent, "low": self.low, "high": self.high}


NO_CHANGE = Change(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Judgement:
    """Two ways to bring back the same held-out vectors, side by side.

    Parameters
    ----------
    ours, theirs : float
        Mean squared errors; theirs is of what is simpler, or was there before.
    change : Change
        Of ours against theirs, paired; 0 with both its ends where they differ by rounding alone.
    """

    ours: float
    theirs: float
    change: Change

    @property
    def verdict(self) -> Verdict:
        """What the interval says of ours."""
        return self.change.verdict

    @property
    def is_gain(self) -> bool:
        """Whether ours is clearly better; else theirs is kept."""
        return self.verdict is Verdict.GAIN


def bootstrap_draws(units: int, seed: int) -> NDArray[np.float64]:
    """Return how often each unit is drawn, with replacement, in 2 000 draws; shape (2000, units).

    References
    ----------
    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), size=_RESAMPLES).astype(np.float64)


def interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of what the draws gave."""
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
