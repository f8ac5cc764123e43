"""Controls that would expose a cache which only seems to compress.

They run with every evaluation, through the very caches that are evaluated: what costs many passes
on a little text, what costs few on the longest window that is scored, as it is scored.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.progress import run
from kvsplice_core.codec.card import full_rank, random_basis, rank_one
from kvsplice_core.proof import controls
from kvsplice_core.proof.reading import CacheReader, read_errors
from kvsplice_core.proof.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.proof.watching import ReadErrors, larger
from kvsplice_core.proof.windows import TextWindow
from kvsplice_core.tasks.evaluate import Control

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card

TEXTS = 3
TOKENS = 512
CHUNK = 16
STEPS = 7
"""Progress values an audit yields."""


@dataclass(frozen=True)
class Audit:
    """The controls, and the errors of what was read; `with_scored` adds those of the scoring.

    Parameters
    ----------
    controls : tuple of Control
        ``reads`` is the last.
    errors : ReadErrors
    """

    controls: tuple[Control, ...]
    errors: ReadErrors

    def with_scored(self, errors: ReadErrors) -> tuple[Control, ...]:
        """Return the controls with every scored pass in ``reads``."""
        return (*self.controls[:-1], controls.reads(self.errors, errors))


@dataclass(frozen=True, eq=False)
class _Scored:
    """Reads text through caches with variants of one card."""

    reader: CacheReader
    texts: tuple[TextWindow, ...]
    base: BaseLogProbs

    def __call__(self, card: Card) -> TextScores:
        return run(score_text(self.reader, card, self.texts, self.base))


def audit(
    reader: CacheReader,
    card: Card,
    windows: Sequence[TextWindow],
    seed: int = 0,
    base: BaseLogProbs | None = None,
) -> Generator[str, None, Audit]:
    """Run every control.

    A generator: it yields what it does next, `STEPS` times, and returns the controls.

    Parameters
    ----------
    reader : CacheReader
        Makes the caches to be audited.
    card : Card
    windows : sequence of TextWindow
        The evaluation's text. At most 512 tokens of the beginnings of up to 3 documents are read
        again and again; where a window of raw tokens leaves too little of them compressed, with a
        smaller one, which the claims name. The longest window is read in one pass as it is scored,
        in chunks, and as generation does.
    seed : int
        Seeds the random basis.
    base : BaseLogProbs, optional
        The dense cache's predictions, where others need them too.
    """
    texts = audit_texts(windows)
    longest = max(windows, key=lambda window: window.tokens)
    little = reader_of_little(reader, texts)
    base = base or BaseLogProbs(reader.language)
    scored = _Scored(little, texts, base)
    yield "audit: the card itself"
    kl = scored(card).kl
    yield "audit: k = d"
    full = card.replace_codecs(full_rank)
    whole = _Scored(reader, (longest,), base)
    deltas = (abs(scored(full).delta_nll), abs(whole(full).delta_nll))
    found = [controls.identity(larger(*deltas))]
    yield "audit: k = 1"
    kl_one = scored(card.replace_codecs(rank_one)).kl
    found.append(controls.rank_one(kl_one, kl, card))
    yield "audit: a random basis"
    random = scored(card.replace_codecs(partial(random_basis, seed=seed))).kl
    found.append(controls.random_basis(random, kl, kl_one))
    errors = ReadErrors()
    yield "audit: chunks"
    cuts = [_cut(reader.watched_by(errors), card, longest, CHUNK, base)]
    yield "audit: token by token"
    short = max(texts, key=lambda text: text.tokens)
    cuts.append(_cut(little, card, short, 1, base))
    found.append(_chunks(cuts, card, longest.tokens, short.tokens))
    if little.window != reader.window:
        named = f" (newest {little.window.newest} tokens raw)"
        found = [replace(control, claim=control.claim + named) for control in found]
    yield "audit: what attention reads"
    errors.add(read_errors(reader, card, longest.ids))
    return Audit((*found, controls.reads(errors)), errors)


def audit_texts(windows: Sequence[TextWindow]) -> tuple[TextWindow, ...]:
    """Return the beginnings of up to 3 documents, those with the longest first window."""
    firsts: dict[int, TextWindow] = {}
    for window in windows:
        firsts.setdefault(window.index, window)
    longest = sorted(firsts.values(), key=lambda window: -window.tokens)[:TEXTS]
    return tuple(window.first(TOKENS // len(longest)) for window in longest)


def reader_of_little(reader: CacheReader, texts: Sequence[TextWindow]) -> CacheReader:
    """Return the reader, with fewer raw tokens where they are most of every text.

    At most three quarters of the longest text may stay raw, else a quarter of the shortest does.
    """
    lengths = [text.tokens for text in texts]
    raw = reader.window.sinks + reader.window.newest
    if reader.mode == "strict" or 4 * raw <= 3 * max(lengths):
        return reader
    return reader.at_most(max(1, min(lengths) // 4))


@dataclass(frozen=True, eq=False)
class _Cut:
    """What reading a text in several passes changes, beside what compressing it does.

    Parameters
    ----------
    change : Tensor, shape (tokens − 1,), fp64
        Of log p of every token.
    compression : float
        Root mean square of what compression changes, the larger of both ways to read.
    """

    change: Tensor
    compression: float

    @property
    def share(self) -> float:
        """The change beside that of compression, both root mean squares."""
        change = _rms(self.change)
        return change / self.compression if self.compression > 0 else math.inf * change


@torch.no_grad()
def _cut(
    reader: CacheReader, card: Card, window: TextWindow, chunk: int, base: BaseLogProbs
) -> _Cut:
    """Read a text in one pass and in several."""
    targets = window.ids[0, 1:, None]

    def true(log_probs: Tensor) -> Tensor:
        return log_probs.gather(1, targets.to(log_probs.device)).cpu().double()[:, 0]

    whole = true(reader.log_probs(card, window.ids))
    parts = true(reader.log_probs_in_chunks(card, window.ids, chunk, as_generated=chunk == 1))
    dense = true(base.of(window))
    return _Cut(parts - whole, larger(_rms(whole - dense), _rms(parts - dense)))


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def _chunks(cuts: Sequence[_Cut], card: Card, longest: int, short: int) -> Control:
    largest, mean, share = 0.0, 0.0, 0.0
    for cut in cuts:
        largest = larger(largest, float(cut.change.abs().max()))
        mean = larger(mean, abs(float(cut.change.mean())))
        share = larger(share, cut.share)
    claim = f"one pass = chunks of {CHUNK} ({longest} tokens) = token by token ({short} tokens)"
    return controls.chunks(claim, largest, mean, share if card.is_quantized else None)
