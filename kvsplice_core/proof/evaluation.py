"""An audited evaluation of one card: numbers, controls, errors of each head, a continuation."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from kvsplice_core.base.progress import relay
from kvsplice_core.cache.compressed import StoredBytes, cache_for
from kvsplice_core.language.texts import Document, text_hash
from kvsplice_core.proof import audit as auditing
from kvsplice_core.proof.continuation import continuation_of
from kvsplice_core.proof.intervals import quality_of
from kvsplice_core.proof.reading import CacheReader, MakeCache, dense_cache, read, require_card_of
from kvsplice_core.proof.requirements import require_provable
from kvsplice_core.proof.scoring import BaseLogProbs, score_text
from kvsplice_core.proof.tensor_view import tensor_view
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.proof.windows import TextWindow, text_windows
from kvsplice_core.tasks.evaluate import EvalResult, EvalSpec, EvalStep
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel


def evaluate(
    language: LanguageModel,
    card: Card,
    documents: Sequence[Document],
    spec: EvalSpec = EvalSpec(),  # noqa: B008 - frozen
    make_cache: MakeCache = cache_for,
) -> Generator[EvalStep, None, EvalResult]:
    """Measure what a card costs a model, through the cache, with its controls.

    A generator: it yields progress after every window of text and returns the result; closing it
    cancels. What the cache hands out in every scored pass is set beside the card's reconstruction.

    Parameters
    ----------
    language : LanguageModel
    card : Card
        Made for these very weights.
    documents : sequence of Document
        Text the card was not made of.
    spec : EvalSpec
    make_cache : MakeCache
        What makes the caches; the audit is there to distrust it.

    Raises
    ------
    LanguageModelError
        If the card was made for other weights, or for K before its rotary embedding; if the
        model's attention cannot be seen, or its predictions are not numbers.
    DataError
        If no document has 2 tokens, or two are the same.
    SpecError
        If more context is wished than the model reads, or the raw window leaves nothing
        compressed.
    """
    started = time.monotonic()
    require_card_of(language, card)
    yield EvalStep("reading the text", 0.0)
    windows = text_windows(language, documents, spec.tokens, spec.context)
    seen = text_windows(language, documents, spec.tensor_tokens, spec.context)
    reader = CacheReader.of(language, spec, make_cache)
    require_provable(reader, windows)
    clock = _Clock(len(windows) + auditing.STEPS + len(seen) + 2)
    audited = yield from relay(auditing.audit(reader, card, windows, spec.seed), clock.step)
    base = BaseLogProbs(language, kept_bytes=0)  # one card reads each window once
    watch = ReadErrors()
    work = score_text(reader.watched_by(watch), card, windows, base)
    scores = yield from relay(work, clock.step)
    heads = yield from relay(tensor_view(language, card, seen), clock.step)
    yield clock.step("continuation")
    continuation = continuation_of(reader, card, windows[0], spec.continuation_tokens)
    yield clock.step("bytes of the cache")
    longest = max(windows, key=lambda window: window.tokens)
    stored, dense_bytes = cache_bytes(reader, card, longest)
    return EvalResult(
        card=card.title,
        model=language.name,
        model_sha256=language.sha256,
        text_sha256=text_hash(documents),
        spec=spec,
        quality=quality_of(scores, spec.seed),
        documents=scores.documents,
        audit=audited.with_scored(watch),
        heads=heads,
        continuation=continuation,
        stored_bytes=stored.total,
        dense_bytes=dense_bytes,
        tokens_held=longest.tokens,
        device=str(language.device),
        elapsed_s=time.monotonic() - started,
        versions=library_versions(),
        side_bytes=stored.side,
    )


def cache_bytes(reader: CacheReader, card: Card, window: TextWindow) -> tuple[StoredBytes, int]:
    """Return the bytes of the compressed cache and of the dense one after reading a window."""
    ours, dense = reader.cache(card), dense_cache()
    for cache in (ours, dense):
        read(reader.language, cache, window.ids)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in dense.layers)
    return ours.stored_bytes(), held


class _Clock:
    """Turns what the parts say they do into progress of the whole."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def step(self, text: str) -> EvalStep:
        self._done += 1
        return EvalStep(text, min(1.0, self._done / self._total))
