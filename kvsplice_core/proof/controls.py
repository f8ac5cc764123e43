"""What the audit requires of its measures; a measure that is no number fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kvsplice_core.proof.watching import ReadErrors, larger
from kvsplice_core.tasks.evaluate import Control

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.codec.codec import Codec

MOST_DELTA_NLL = 1e-4
MOST_DELTA_LOG_PROB = 1e-3
MOST_READ_ERROR = 1e-3
MOST_FLIPS = 0.25
"""An honest quantized cache was measured at up to 0.1, one that hands out originals at 1."""
LEAST_KL = 1e-6
WORSE = 1.05
MUCH_WORSE = 2.0


def identity(delta_nll: float) -> Control:
    """Judge the change of the NLL with every codec at k = d."""
    return Control(
        key="identity",
        claim="with every codec at k = d the cache changes nothing",
        measured=f"|ΔNLL| {abs(delta_nll):.3g} nat per token",
        required=f"at most {MOST_DELTA_NLL:g} nat per token",
        passed=abs(delta_nll) <= MOST_DELTA_NLL,
    )


def rank_one(kl_one: float, kl: float, card: Card) -> Control:
    """Judge the KL with every codec at k = 1 beside the card's own.

    Much worse can only be asked where at least half the dimensions are kept: the KL flattens out
    when hardly anything is. And a card of too few vectors can cost as much as one axis; that says
    nothing against the cache as long as k = 1 changes what is read.
    """
    claim, least = _rank_one_bound(kl, card)
    required, passed = f"at least {least:.3g} nat per token", kl_one >= least
    if LEAST_KL <= kl_one < WORSE * kl and kl > LEAST_KL and _most_kept(card) > 1:
        claim = "with every codec at k = 1 other predictions come; the card costs as much as that"
        required = f"other than the card's {kl:.3g} nat per token"
        passed = not math.isclose(kl_one, kl, rel_tol=LEAST_KL)
    return Control(
        key="rank-one",
        claim=claim,
        measured=f"KL {kl_one:.3g} nat per token",
        required=required,
        passed=passed,
    )


def _rank_one_bound(kl: float, card: Card) -> tuple[str, float]:
    """Return the claim and the least KL at k = 1."""
    if _most_kept(card) == 1:
        return "the card keeps k = 1, and that changes what the dense cache predicts", LEAST_KL
    if 2 * _share_kept(card) < 1:
        return "with every codec at k = 1 the predictions are worse", larger(LEAST_KL, WORSE * kl)
    claim = "with every codec at k = 1 the predictions are much worse"
    return claim, larger(LEAST_KL, MUCH_WORSE * kl)


def _most_kept(card: Card) -> int:
    return max(codec.k for codec in _codecs(card))


def _share_kept(card: Card) -> float:
    """Return the largest share of its dimensions that a codec keeps; joined heads have more."""
    return max(codec.k / codec.dim for codec in _codecs(card))


def _codecs(card: Card) -> list[Codec]:
    layers = (*card.values.values(), *card.keys.values())
    return [codec for layer in layers for codec in layer.codecs]


def random_basis(kl_random: float, kl: float, kl_one: float) -> Control:
    """Judge the KL with random axes beside the card's own.

    A card that costs more than half of what k = 1 does may be no better than random axes: that is
    the card's fault and not the cache's, as long as other axes change what is read.
    """
    claim = "with random orthogonal axes at the card's k the predictions are worse"
    required, passed = f"above the card's {kl:.3g} nat per token", kl_random > kl
    if LEAST_KL <= kl_random <= kl and MUCH_WORSE * kl >= kl_one:
        claim = "with random axes other predictions come; the card is no better than they are"
        required = f"other than the card's {kl:.3g} nat per token"
        passed = not math.isclose(kl_random, kl, rel_tol=LEAST_KL)
    return Control(
        key="random-basis",
        claim=claim,
        measured=f"KL {kl_random:.3g} nat per token",
        required=required,
        passed=passed,
    )


def chunks(claim: str, largest: float, mean: float, share: float | None = None) -> Control:
    """Judge the change of log p between one pass and several: of a token, and of the mean.

    Parameters
    ----------
    claim : str
    largest, mean : float
        Nats.
    share : float, optional
        Of a quantized card: the change beside what compression changes, both root mean squares. A
        number at the edge between two levels may fall to either side when sums are rounded
        otherwise, and one level's step is felt by every later token; a cache that hands out
        originals in some passes changes as much as compression does.
    """
    measured = f"|Δ log p| of a token up to {largest:.3g}, |ΔNLL| {mean:.3g} nat per token"
    required = f"at most {MOST_DELTA_LOG_PROB:g}, and {MOST_DELTA_NLL:g} nat per token"
    passed = largest <= MOST_DELTA_LOG_PROB and mean <= MOST_DELTA_NLL
    if share is not None:
        measured += f", RMS {100 * share:.3g} % of what compression changes"
        required += f"; or, as levels flip, RMS at most {100 * MOST_FLIPS:g} %"
        passed = passed or share <= MOST_FLIPS
    return Control("chunks", claim, measured, required, passed)


def reads(audited: ReadErrors, scored: ReadErrors | None = None) -> Control:
    """Judge how far what attention read is from the card's reconstruction.

    Parameters
    ----------
    audited : ReadErrors
        Of the audit's own passes.
    scored : ReadErrors, optional
        Of every pass that was scored.
    """
    error, where = audited.error, ""
    if scored is not None:
        error, where = larger(error, scored.error), f", {scored.vectors} of them in scored passes"
    vectors = audited.vectors + (0 if scored is None else scored.vectors)
    return Control(
        key="reads",
        claim="attention reads the card's reconstruction of each layer's own K and V",
        measured=f"relative error up to {error:.3g} over {vectors} vectors{where}"
        if vectors
        else "no token of so short a text is read compressed",
        required=f"at most {MOST_READ_ERROR:g} in every layer and pass",
        passed=error <= MOST_READ_ERROR,
    )
