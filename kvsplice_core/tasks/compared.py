"""Two cards side by side on the same text, and what that says; free of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvsplice_core.base.estimates import Verdict

if TYPE_CHECKING:
    from kvsplice_core.base.estimates import Estimate

_DISAGREE = "a tie, for ΔNLL and KL disagree"


@dataclass(frozen=True)
class Compared:
    """What one card costs minus what another does, paired over documents, nats per token.

    Parameters
    ----------
    delta_nll, kl : Estimate
        What counts is the NLL; near the dense cache it is mostly chance, and the KL tells more.
    """

    delta_nll: Estimate
    kl: Estimate

    @property
    def is_gain(self) -> bool:
        """Whether the NLL is lower, and one of the two clearly so, and neither clearly more."""
        both = (self.delta_nll, self.kl)
        clear = any(one.high < 0 for one in both) and all(one.low <= 0 for one in both)
        return clear and self.delta_nll.value < 0

    @property
    def disagrees(self) -> bool:
        """Whether one of the two is clearly lower and the other clearly higher."""
        nll, kl = self.delta_nll, self.kl
        return (nll.high < 0 and kl.low > 0) or (kl.high < 0 and nll.low > 0)

    @property
    def verdict(self) -> Verdict:
        """What it says of the first card; a tie where the two measures disagree."""
        if self.is_gain:
            return Verdict.GAIN
        loses = self.delta_nll.low > 0 or self.kl.low > 0
        return Verdict.LOSS if loses and not self.disagrees else Verdict.TIE

    @property
    def verdict_words(self) -> str:
        """The verdict with its article; where the two measures disagree it says so."""
        return _DISAGREE if self.disagrees else f"a {self.verdict}"

    def words(self, write: Callable[[Estimate], str]) -> str:
        """Return both numbers as `write` gives them, and the verdict."""
        numbers = f"ΔNLL {write(self.delta_nll)}, KL {write(self.kl)} nats per token"
        return f"{numbers}, {self.verdict_words}"


SOUND_DOCUMENTS = 6
"""Fewest documents whose bootstrap interval is shown without a caveat."""


def interval_caveats(documents: int) -> tuple[str, ...]:
    """Return what intervals over so few documents are worth; empty from 6 documents on."""
    if documents >= SOUND_DOCUMENTS:
        return ()
    if documents == 1:
        return ("one document: the intervals are over its windows and tell nothing about others",)
    return (
        f"{documents} documents: intervals over fewer than {SOUND_DOCUMENTS} are too narrow and "
        "tell little about others",
    )
