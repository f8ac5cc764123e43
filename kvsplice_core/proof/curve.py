"""What several methods cost at several k, each measured through the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import KeyState, Sides
from kvsplice_core.fit.card import CardSpec, CardStep, fit_card
from kvsplice_core.language.texts import Document, text_hash
from kvsplice_core.proof.audit import audit
from kvsplice_core.proof.controls import reads
from kvsplice_core.proof.intervals import paired_difference, quality_of
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.requirements import require_provable
from kvsplice_core.proof.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.proof.tensor_view import tensor_view
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.curve import CurveResult, CurveSpec, CurveStep, QualityPoint
from kvsplice_core.tasks.evaluate import Control, HeadErrors
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.language.models import LanguageModel

_FIT, _AUDIT, _SCORE, _VIEW = 0.5, 0.1, 0.3, 0.1
"""Shares of one point's time, for the progress."""
_BYTES = 2  # fp16


def quality_curve(
    language: LanguageModel, capture: Capture, documents: Sequence[Document], spec: CurveSpec
) -> Generator[CurveStep, None, CurveResult]:
    """Make a card for every method and k, and measure each through the cache.

    A generator: it yields progress and every finished point, the wished k first, and returns all
    of them; closing it cancels. The first point of every method is audited, and what the cache
    hands out is watched in every scored pass of every point. The dense cache's predictions are
    computed once, and under recipe ``origin`` every transform is learnt once.

    Parameters
    ----------
    language : LanguageModel
    capture : Capture
        Vectors of this very model.
    documents : sequence of Document
        Held-out text.
    spec : CurveSpec
        Every k beyond the model's head_dim is left out.

    Raises
    ------
    LanguageModelError
        If the capture is of other weights, or holds K before its rotary embedding where K is
        asked for; if the model's attention cannot be seen, or its predictions are not numbers.
    DataError
        If no document has 2 tokens, or two are the same.
    SpecError
        If every k exceeds head_dim, the capture lacks a side, or the raw window leaves nothing
        compressed.
    """
    require_capture_of(language, capture, spec.side)
    ks = _ks(language, spec)
    curve = _Curve(language, capture, documents, spec)
    methods = [method for method in Method if method in spec.methods]
    todo = list(product(ks, methods))
    for done, (k, method) in enumerate(todo):
        for step in curve.measure(method, k, done, len(todo)):
            yield replace(step, failed=curve.failed)
    return curve.result()


def require_capture_of(language: LanguageModel, capture: Capture, side: str) -> None:
    """Raise LanguageModelError unless the capture is of this model, as its cache holds `side`."""
    made_of = capture.facts.model
    if made_of.sha256 != language.sha256:
        raise LanguageModelError(
            f"a capture fits only the weights it was made with, {made_of.sha256[:12]}… of "
            f"{made_of.name}; {language.name} has {language.sha256[:12]}…"
        )
    if side != "v" and capture.facts.key_state is KeyState.BEFORE:
        raise LanguageModelError(
            "a cache holds K after its rotary embedding; this capture holds K before it"
        )


def _ks(language: LanguageModel, spec: CurveSpec) -> list[int]:
    dim = language.shape.head_dim
    ks = [k for k in spec.ordered_ks if k <= dim]
    if not ks:
        raise SpecError(f"k must be at most head_dim {dim}; got {min(spec.ks)} and more")
    return ks


class _Curve:
    """The points so far, and what they share."""

    def __init__(
        self,
        language: LanguageModel,
        capture: Capture,
        documents: Sequence[Document],
        spec: CurveSpec,
    ) -> None:
        self._started = time.monotonic()
        self._language, self._capture, self._spec = language, capture, spec
        self._text_sha256 = text_hash(documents)
        wanted = spec.evaluation
        self._windows = text_windows(language, documents, wanted.tokens, wanted.context)
        self._seen = text_windows(language, documents, wanted.tensor_tokens, wanted.context)
        self._reader = CacheReader.of(language, wanted)
        require_provable(self._reader, self._windows)
        self._base = BaseLogProbs(language)
        self._cards: dict[Method, Card] = {}
        self._pca: dict[int, TextScores] = {}
        self._audits: dict[str, tuple[Control, ...]] = {}
        self._points: list[QualityPoint] = []

    def measure(
        self, method: Method, k: int, done: int, total: int
    ) -> Generator[CurveStep, None, None]:
        """Make and measure one point."""
        name = f"{method.label} k {k}"

        def at(share: float, text: str) -> CurveStep:
            return CurveStep(f"{name}: {text}", (done + share) / total)

        first = method not in self._cards
        card = yield from self._fitted(method, k, at)
        share, watch = _FIT, ReadErrors()
        audited = None
        if first:
            work = audit(self._reader, card, self._windows, self._spec.evaluation.seed)
            audited = yield from relay(work, lambda text: at(share, text))
            self._audits[name] = audited.controls
        share += _AUDIT
        scores = yield from self._scores(card, watch, share, at)
        if audited is not None:
            self._audits[name] = audited.with_scored(watch)
        elif not (control := reads(watch)).passed:
            self._audits[name] = (control,)
        share += _SCORE
        view = tensor_view(self._language, card, self._seen)
        heads = yield from relay(view, lambda text: at(share, text))
        if method is Method.PCA:
            self._pca[k] = scores
        self._points.append(self._point(method, k, card, scores, heads))
        yield CurveStep(name, (done + 1) / total, self._points[-1], so_far=self.result())

    def _fitted(
        self, method: Method, k: int, at: Callable[[float, str], CurveStep]
    ) -> Generator[CurveStep, None, Card]:
        spec = CardSpec(
            self._spec.at(method, k), sides=Sides(self._spec.side), budget=self._spec.budget
        )
        work = fit_card(self._capture, spec, reuse=self._cards.get(method))

        def shown(step: CardStep) -> CurveStep:
            return at(_FIT * step.fraction, f"calibrating {step.text}")

        card = yield from relay(work, shown)
        self._cards.setdefault(method, card)
        return card

    @property
    def failed(self) -> tuple[Control, ...]:
        """The controls that failed so far."""
        return tuple(control for control in self._controls() if not control.passed)

    def _controls(self) -> Iterator[Control]:
        for name, controls in self._audits.items():
            yield from (replace(one, claim=f"{name}: {one.claim}") for one in controls)

    def _scores(
        self, card: Card, watch: ReadErrors, share: float, at: Callable[[float, str], CurveStep]
    ) -> Generator[CurveStep, None, TextScores]:
        counted = 0

        def shown(text: str) -> CurveStep:
            nonlocal counted
            counted += 1
            return at(share + _SCORE * counted / len(self._windows), text)

        reader = self._reader.watched_by(watch)
        return (yield from relay(score_text(reader, card, self._windows, self._base), shown))

    def _point(
        self,
        method: Method,
        k: int,
        card: Card,
        scores: TextScores,
        heads: Sequence[HeadErrors],
    ) -> QualityPoint:
        seed = self._spec.evaluation.seed
        against = None
        if method is not Method.PCA:
            against = paired_difference(scores, self._pca[k], seed)
        return QualityPoint(
            method=method,
            k=k,
            quality=quality_of(scores, seed),
            mse=fmean(head.mse for head in heads),
            weighted_mse=fmean(head.weighted_mse for head in heads),
            output_error=fmean(head.output_error for head in heads),
            kept=sum(score.kept == method.key for score in card.scores),
            codecs=len(card.scores),
            bytes_per_token=bytes_per_token(card),
            against_pca=against,
        )

    def result(self) -> CurveResult:
        """Return all points in order."""
        place = {method: i for i, method in enumerate(Method)}
        return CurveResult(
            model=self._language.name,
            model_sha256=self._language.sha256,
            text_sha256=self._text_sha256,
            capture_sha256=self._capture.sha256,
            spec=self._spec,
            points=tuple(sorted(self._points, key=lambda p: (p.k, place[p.method]))),
            audit=tuple(self._controls()),
            context=self._language.context_for(self._spec.evaluation.context),
            tokens=sum(window.tokens - 1 for window in self._windows),
            documents=len({window.index for window in self._windows}),
            device=str(self._language.device),
            elapsed_s=time.monotonic() - self._started,
            versions=library_versions(),
        )


def bytes_per_token(card: Card) -> int:
    """Return the bytes of K and V of a token in all layers, numbers at fp16, codecs left out."""
    dense = card.model.kv_heads * card.model.head_dim * _BYTES
    return sum(
        side[layer].bytes_per_token(_BYTES) if layer in side else dense
        for side in (card.keys, card.values)
        for layer in range(card.model.layers)
    )
