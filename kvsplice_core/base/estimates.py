"""Numbers with their interval, and what the interval says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class Verdict(StrEnum):
    """What an interval of change says."""

    GAIN = "gain"
    TIE = "tie"
    LOSS = "loss"


@dataclass(frozen=True)
class Change:
    """Change of MSE against PCA at the same k, with its 95 % interval; unit per cent."""

    percent: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """A tie when the interval holds 0."""
        if self.low <= 0.0 <= self.high:
            return Verdict.TIE
        return Verdict.GAIN if self.high < 0 else Verdict.LOSS


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval over documents."""

    value: float
    low: float
    high: float
