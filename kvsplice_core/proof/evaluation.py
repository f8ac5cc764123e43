"""An audited evaluation of one card: numbers, controls, errors of each head, a continuation."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kvsplice_core.base.progress import Step, counted, relay
from kvsplice_core.cache.compressed import StoredBytes, cache_for
from kvsplice_core.language.texts import Document
from kvsplice_core.proof.bench import Bench
from kvsplice_core.proof.intervals import quality_of
from kvsplice_core.proof.reading import CacheReader, MakeCache, dense_cache, read
from kvsplice_core.proof.requirements import require_card_of
from kvsplice_core.proof.windows import TextWindow
from kvsplice_core.tasks.evaluate import Continuation, EvalResult, EvalSpec
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel

PROMPT = 64


def evaluate(
    language: LanguageModel,
    card: Card,
    documents: Sequence[Document],
    spec: EvalSpec = EvalSpec(),  # noqa: B008 - frozen
    make_cache: MakeCache = cache_for,
) -> Generator[Step[None], None, EvalResult]:
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
    require_card_of(language, card)
    yield Step("reading the text", 0.0)
    bench = Bench(language, documents, spec, make_cache)
    return (yield from evaluate_on(bench, card))


def evaluate_on(bench: Bench, card: Card) -> Generator[Step[None], None, EvalResult]:
    """Evaluate a card on a bench; it is audited, whatever was before."""
    started, language = time.monotonic(), bench.language
    shown = counted(bench.steps(card) + len(bench.seen) + 2)
    measured = yield from relay(bench.measure(card, card.title, card), shown)
    heads = yield from relay(bench.heads(card), shown)
    yield shown("continuation")
    continuation = continuation_of(
        bench.reader, card, bench.windows[0], bench.spec.continuation_tokens
    )
    yield shown("bytes of the cache")
    longest = max(bench.windows, key=lambda window: window.tokens)
    stored, dense_bytes = cache_bytes(bench.reader, card, longest)
    return EvalResult(
        card=card.title,
        model=language.name,
        model_sha256=language.sha256,
        text_sha256=bench.text_sha256,
        spec=bench.spec,
        quality=quality_of(measured.scores, bench.spec.seed),
        documents=measured.scores.documents,
        audit=measured.controls,
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


def continuation_of(
    reader: CacheReader, card: Card, window: TextWindow, tokens: int
) -> Continuation | None:
    """Continue the beginning of a text with both caches, the most likely token each time.

    Parameters
    ----------
    reader : CacheReader
    card : Card
    window : TextWindow
        Its first 64 tokens are the prompt; fewer where prompt and continuation would exceed the
        model's context.
    tokens : int
        Tokens to generate; for 0 there is no continuation.

    Returns
    -------
    Continuation or None
    """
    language = reader.language
    tokens = min(tokens, language.context - 1)
    if tokens < 1:
        return None
    prompt = window.ids[:, : min(PROMPT, language.context - tokens)]
    base = greedy(language, dense_cache(), prompt, tokens)
    ours = greedy(language, reader.cache(card), prompt, tokens)
    same = next((i for i in range(tokens) if base[i] != ours[i]), tokens)
    words = language.tokenizer.decode
    return Continuation(
        prompt=words(prompt[0].tolist()),
        base=words(base),
        compressed=words(ours),
        first_divergence=None if same == tokens else same,
        shared=words(base[:same]),
        tokens=tokens,
    )


def greedy(language: LanguageModel, cache: Any, prompt: Tensor, tokens: int) -> list[int]:  # noqa: ANN401
    """Return the `tokens` most likely tokens, one after another, behind a prompt (1, n)."""
    found: list[int] = []
    ids = prompt
    for _ in range(tokens):
        found.append(int(read(language, cache, ids)[-1].argmax()))
        ids = torch.tensor([[found[-1]]])
    return found
