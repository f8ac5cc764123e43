"""Controls that would expose a cache which only seems to compress.

They run with every evaluation, on a little text, through the very caches that are evaluated.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from kvsplice_core.card import full_rank, random_basis, rank_one
from kvsplice_core.quality.reading import CacheReader
from kvsplice_core.quality.reads import read_error
from kvsplice_core.quality.results import Control
from kvsplice_core.quality.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.quality.windows import TextWindow

if TYPE_CHECKING:
    from kvsplice_core.card import Card

TEXTS = 3
TOKENS = 512
CHUNK = 16
STEPS = 7
"""Progress values an audit yields."""
MOST_DELTA_NLL = 1e-4
MOST_DELTA_LOG_PROB = 1e-3
MOST_READ_ERROR = 1e-3
LEAST_KL = 1e-6
MUCH_WORSE = 2.0
FAR_FROM_ONE = 8


@dataclass(frozen=True, eq=False)
class _Scored:
    """Reads the audit's text through caches with variants of one card."""

    reader: CacheReader
    texts: tuple[TextWindow, ...]
    base: BaseLogProbs

    def __call__(self, card: Card) -> TextScores:
        work = score_text(self.reader, card, self.texts, self.base)
        while True:
            try:
                next(work)
            except StopIteration as end:
                scores: TextScores = end.value
                return scores


def audit(
    reader: CacheReader, card: Card, windows: Sequence[TextWindow], seed: int = 0
) -> Generator[str, None, tuple[Control, ...]]:
    """Run every control.

    A generator: it yields what it does next, `STEPS` times, and returns the controls. In mode
    ``window`` at most a quarter of the text stays raw, so that something is read compressed.

    Parameters
    ----------
    reader : CacheReader
        Makes the caches to be audited.
    card : Card
    windows : sequence of TextWindow
        The evaluation's text; at most 512 tokens of the beginnings of up to 3 documents are read.
    seed : int
        Seeds the random basis.
    """
    texts = audit_texts(windows)
    reader = reader.at_most(max(1, min(text.tokens for text in texts) // 4))
    scored = _Scored(reader, texts, BaseLogProbs(reader.language))
    yield "audit: the card itself"
    kl = scored(card).kl
    yield "audit: k = d"
    controls = [_identity(scored(card.replace_codecs(full_rank)).delta_nll)]
    yield "audit: k = 1"
    controls.append(_rank_one(scored(card.replace_codecs(rank_one)).kl, kl, card))
    yield "audit: a random basis"
    random = scored(card.replace_codecs(partial(random_basis, seed=seed))).kl
    controls.append(_random_basis(random, kl))
    yield "audit: chunks"
    ids = max(texts, key=lambda text: text.tokens).ids
    whole = reader.log_probs(card, ids)
    chunks = reader.log_probs_in_chunks(card, ids, CHUNK)
    yield "audit: token by token"
    single = reader.log_probs_in_chunks(card, ids, 1, as_generated=True)
    controls.append(_chunks(ids, whole, (chunks, single)))
    yield "audit: what attention reads"
    controls.append(_reads(*read_error(reader, card, ids)))
    return tuple(controls)


def audit_texts(windows: Sequence[TextWindow]) -> tuple[TextWindow, ...]:
    """Return the beginnings of up to 3 documents, those with the longest first window."""
    firsts: dict[int, TextWindow] = {}
    for window in windows:
        firsts.setdefault(window.index, window)
    longest = sorted(firsts.values(), key=lambda window: -window.tokens)[:TEXTS]
    return tuple(window.first(TOKENS // len(longest)) for window in longest)


def _identity(delta_nll: float) -> Control:
    return Control(
        key="identity",
        claim="with every codec at k = d the cache changes nothing",
        measured=f"|ΔNLL| {abs(delta_nll):.3g} nat per token",
        required=f"at most {MOST_DELTA_NLL:g} nat per token",
        passed=abs(delta_nll) <= MOST_DELTA_NLL,
    )


def _rank_one(kl_one: float, kl: float, card: Card) -> Control:
    claim, least = _rank_one_bound(kl, card)
    return Control(
        key="rank-one",
        claim=claim,
        measured=f"KL {kl_one:.3g} nat per token",
        required=f"at least {least:.3g} nat per token",
        passed=kl_one >= least,
    )


def _rank_one_bound(kl: float, card: Card) -> tuple[str, float]:
    """Return the claim and the least KL at k = 1.

    Twice the card's KL can only be asked where the card keeps far more than k = 1: the KL
    flattens out when hardly anything is kept.
    """
    most = max(k for codecs in (*card.values.values(), *card.keys.values()) for k in codecs.ks)
    if most == 1:
        return "the card keeps k = 1, and that changes what the dense cache predicts", LEAST_KL
    if most < FAR_FROM_ONE:
        return "with every codec at k = 1 the predictions are worse", max(LEAST_KL, kl)
    claim = "with every codec at k = 1 the predictions are much worse"
    return claim, max(LEAST_KL, MUCH_WORSE * kl)


def _random_basis(kl_random: float, kl: float) -> Control:
    return Control(
        key="random-basis",
        claim="with random orthogonal axes at the card's k the predictions are worse",
        measured=f"KL {kl_random:.3g} nat per token",
        required=f"above the card's {kl:.3g} nat per token",
        passed=kl_random > kl,
    )


def _chunks(ids: Tensor, whole: Tensor, others: Sequence[Tensor]) -> Control:
    targets = ids[0, 1:, None].to(whole.device)
    reference = whole.gather(1, targets).double()
    changes = [x.gather(1, targets).double() - reference for x in others]
    largest = max(float(change.abs().max()) for change in changes)
    mean = max(abs(float(change.mean())) for change in changes)
    return Control(
        key="chunks",
        claim=f"one pass = chunks of {CHUNK} = token by token",
        measured=f"|Δ log p| of a token up to {largest:.3g}, |ΔNLL| {mean:.3g} nat per token",
        required=f"at most {MOST_DELTA_LOG_PROB:g}, and {MOST_DELTA_NLL:g} nat per token",
        passed=largest <= MOST_DELTA_LOG_PROB and mean <= MOST_DELTA_NLL,
    )


def _reads(error: float, tokens: int) -> Control:
    return Control(
        key="reads",
        claim="attention reads the card's reconstruction of each layer's own K and V",
        measured=f"relative error up to {error:.3g} over {tokens} vectors"
        if tokens
        else "no token of so short a text is read compressed",
        required=f"at most {MOST_READ_ERROR:g} in every layer",
        passed=error <= MOST_READ_ERROR,
    )
