"""How sure a mean over documents is: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.base.estimates import Estimate, bootstrap_draws, interval
from kvsplice_core.tasks.compared import Compared
from kvsplice_core.tasks.evaluate import DocumentScore, Quality, perplexity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kvsplice_core.proof.scoring import TextScores


def quality_of(scores: TextScores, seed: int = 0) -> Quality:
    """Return the means per token, each with its 95 % interval.

    Documents are drawn with replacement, 2 000 times, the sums with the dense and with the
    compressed cache together; each draw divides sums by sums, so every token counts the same. Of
    a single document its windows are drawn instead, which tells nothing about other documents;
    a single window has no interval, and both its ends are the mean.

    Parameters
    ----------
    scores : TextScores
    seed : int
        Seeds the draws.
    """
    units = scores.units
    tokens = _column(units, lambda one: one.tokens)
    draws = bootstrap_draws(len(units), seed)

    def mean(pick: Callable[[DocumentScore], float]) -> Estimate:
        return _estimate(_column(units, pick), tokens, draws)

    base, ours = mean(lambda one: one.nll_base), mean(lambda one: one.nll)
    return Quality(
        nll_base=base,
        nll=ours,
        delta_nll=mean(lambda one: one.nll - one.nll_base),
        perplexity_base=perplexity(base),
        perplexity=perplexity(ours),
        kl=mean(lambda one: one.kl),
        top1=mean(lambda one: one.agreements),
        rms_dp=_root(mean(lambda one: one.squared_dp)),
    )


def paired_difference(
    ours: TextScores,
    theirs: TextScores,
    seed: int = 0,
    pick: Callable[[DocumentScore], float] = attrgetter("nll"),
) -> Estimate:
    """Return the NLL, or what `pick` gives, of `ours` minus that of `theirs` on the same text.

    Means per token, nats.
    """
    pairs = list(zip(ours.units, theirs.units, strict=True))
    differences = np.array([pick(a) - pick(b) for a, b in pairs])
    tokens = np.array([float(a.tokens) for a, _ in pairs])
    return _estimate(differences, tokens, bootstrap_draws(len(pairs), seed))


def compared(ours: TextScores, theirs: TextScores, seed: int = 0) -> Compared:
    """Return `ours` minus `theirs`, scored on the same text."""
    nll, kl = (paired_difference(ours, theirs, seed, attrgetter(n)) for n in ("nll", "kl"))
    return Compared(nll, kl)


def _column(
    units: Sequence[DocumentScore], pick: Callable[[DocumentScore], float]
) -> NDArray[np.float64]:
    return np.array([float(pick(one)) for one in units])


def _estimate(
    sums: NDArray[np.float64], tokens: NDArray[np.float64], draws: NDArray[np.float64]
) -> Estimate:
    value = float(sums.sum() / tokens.sum())
    low, high = interval((draws @ sums) / (draws @ tokens))
    # Rounding alone can put the mean of equal documents outside by the last digit.
    return Estimate(value, min(low, value), max(high, value))


def _root(mean: Estimate) -> Estimate:
    return Estimate(mean.value**0.5, mean.low**0.5, mean.high**0.5)
