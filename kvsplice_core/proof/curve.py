"""What several methods cost at several k, each measured through the cache."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step, counted, relay
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import Sides
from kvsplice_core.fit.card import CardSpec, fit_card
from kvsplice_core.language.texts import Document
from kvsplice_core.proof.bench import Bench
from kvsplice_core.proof.intervals import paired_difference, quality_of
from kvsplice_core.proof.requirements import require_capture_of
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.curve import CurveResult, CurveSpec, QualityPoint
from kvsplice_core.tasks.evaluate import HeadErrors
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card, HeadScore
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.language.models import LanguageModel

_FIT, _MEASURE = 0.5, 0.4
"""Shares of one point's time, for the progress; the errors of each head have the rest."""
_BYTES = 2  # fp16

CurveStep = Step[CurveResult]


def quality_curve(
    language: LanguageModel, capture: Capture, documents: Sequence[Document], spec: CurveSpec
) -> Generator[CurveStep, None, CurveResult]:
    """Make a card for every method and k, and measure each through the cache.

    A generator: with every finished point, the wished k first, it yields the result so far, and
    from a control that fails on with every step; it returns all points; closing it cancels. The
    first point of every method is audited, and what the cache hands out is watched in every scored
    pass of every point. The dense cache's predictions are computed once, and under recipe
    ``origin`` every transform is learnt once.

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
    bench = Bench(language, documents, spec.evaluation)
    curve = _Curve(bench, capture, spec)
    methods = [method for method in Method if method in spec.methods]
    todo = list(product(ks, methods))
    for done, (k, method) in enumerate(todo):
        for step in curve.measure(method, k):
            found = curve.result() if bench.failed else step.found
            yield replace(step, fraction=(done + step.fraction) / len(todo), found=found)
    return curve.result()


def _ks(language: LanguageModel, spec: CurveSpec) -> list[int]:
    dim = language.shape.head_dim
    ks = [k for k in spec.ordered_ks if k <= dim]
    if not ks:
        raise SpecError(f"k must be at most head_dim {dim}; got {min(spec.ks)} and more")
    return ks


class _Curve:
    """The points so far, and what they share."""

    def __init__(self, bench: Bench, capture: Capture, spec: CurveSpec) -> None:
        self._started = time.monotonic()
        self._bench, self._capture, self._spec = bench, capture, spec
        self._cards: dict[Method, Card] = {}
        self._pca: dict[int, TextScores] = {}
        self._points: list[QualityPoint] = []

    def measure(self, method: Method, k: int) -> Generator[CurveStep, None, None]:
        """Make and measure one point; fractions are those of the point."""
        name, bench, seen = f"{method.label} k {k}", self._bench, _FIT + _MEASURE
        card = yield from self._fitted(method, k, name)
        shown = counted(bench.steps(method), _FIT, seen, name)
        measured = yield from relay(bench.measure(card, name, method), shown)
        shown = counted(len(bench.seen), seen, 1.0, name)
        heads = yield from relay(bench.heads(card), shown)
        if method is Method.PCA:
            self._pca[k] = measured.scores
        self._points.append(self._point(method, k, card, measured.scores, heads))
        yield Step(name, 1.0, self.result())

    def _fitted(self, method: Method, k: int, name: str) -> Generator[CurveStep, None, Card]:
        spec = CardSpec(
            self._spec.at(method, k), sides=Sides(self._spec.side), budget=self._spec.budget
        )
        work = fit_card(self._capture, spec, reuse=self._cards.get(method))

        def shown(step: Step[HeadScore]) -> CurveStep:
            return Step(f"{name}: calibrating {step.text}", _FIT * step.fraction)

        card = yield from relay(work, shown)
        self._cards.setdefault(method, card)
        return card

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
        bench, language = self._bench, self._bench.language
        return CurveResult(
            model=language.name,
            model_sha256=language.sha256,
            text_sha256=bench.text_sha256,
            capture_sha256=self._capture.sha256,
            spec=self._spec,
            points=tuple(sorted(self._points, key=lambda p: (p.k, place[p.method]))),
            audit=bench.controls,
            context=bench.context,
            tokens=bench.tokens,
            documents=bench.documents,
            device=str(language.device),
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
