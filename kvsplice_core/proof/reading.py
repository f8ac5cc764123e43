"""Reading text through a dense and a compressed cache, and what attention really reads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from kvsplice_core.cache.by_token import by_token
from kvsplice_core.cache.compressed import CompressedCache, cache_for
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.proof.watching import ReadErrors, record_updates
from kvsplice_core.tasks.evaluate import EvalSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel


_SINGLE = 3
"""Tokens that are read one by one to see what attention reads."""


class MakeCache(Protocol):
    """Anything that makes caches as `cache_for` does."""

    def __call__(
        self,
        model: Any,  # noqa: ANN401 - a PreTrainedModel
        card: Card,
        /,
        *,
        mode: str,
        window: Window | None,
    ) -> CompressedCache:
        """Return an empty cache with the codecs of `card` in it."""


@dataclass(frozen=True, eq=False)
class CacheReader:
    """Reads text through caches of one kind; every text gets a new cache.

    Parameters
    ----------
    language : LanguageModel
    mode : str
        ``strict`` or ``window``.
    window : Window
        What stays raw in mode ``window``.
    make_cache : MakeCache
    watch : ReadErrors, optional
        Compares all that the caches hand out with what their cards say.
    """

    language: LanguageModel
    mode: str = "strict"
    window: Window = field(default_factory=Window)
    make_cache: MakeCache = cache_for
    watch: ReadErrors | None = None

    @classmethod
    def of(
        cls, language: LanguageModel, spec: EvalSpec, make_cache: MakeCache = cache_for
    ) -> CacheReader:
        """Return the reader a spec asks for."""
        return cls(language, spec.mode, Window(newest=spec.window), make_cache)

    def at_most(self, newest: int) -> CacheReader:
        """Return the reader with a window of at most `newest` tokens."""
        window = replace(self.window, newest=min(self.window.newest, newest))
        return replace(self, window=window)

    def watched_by(self, watch: ReadErrors) -> CacheReader:
        """Return the reader with `watch` following the caches it reads through."""
        return replace(self, watch=watch)

    def compressed(self, tokens: int, *, by_token: bool) -> slice:
        """Return which of so many tokens an update must hand out compressed.

        In mode ``window`` the first stay raw, and the newest unless attention overlays them itself
        (`by_token`).
        """
        if self.mode == "strict":
            return slice(0, tokens)
        end = tokens if by_token else tokens - self.window.newest
        return slice(self.window.sinks, max(self.window.sinks, end))

    def cache(self, card: Card) -> CompressedCache:
        """Return an empty cache."""
        return self.make_cache(self.language.model, card, mode=self.mode, window=self.window)

    def log_probs(self, card: Card, ids: Tensor) -> Tensor:
        """Return what one pass predicts, every token reading what it would read by itself.

        Parameters
        ----------
        card : Card
        ids : Tensor, shape (1, tokens)

        Returns
        -------
        Tensor, shape (tokens − 1, vocabulary), fp32
            Log-probabilities of each next token.
        """
        return self.log_probs_in_chunks(card, ids, ids.shape[1])

    def log_probs_in_chunks(
        self, card: Card, ids: Tensor, chunk: int, *, as_generated: bool = False
    ) -> Tensor:
        """Return what several passes of `chunk` tokens predict.

        `as_generated` leaves the window to the cache, which counts it from the newest token of a
        pass, as generation does.
        """
        cache = self.cache(card)
        if self.watch is not None:
            self.watch.follow(cache, card, partial(self.compressed, by_token=not as_generated))
        if as_generated:
            return _log_probs(self.language, cache, ids, chunk)
        with by_token(self.language.model, cache):
            return _log_probs(self.language, cache, ids, chunk)


def dense_cache() -> Any:  # noqa: ANN401 - a transformers DynamicCache
    """Return the model's own kind of cache, empty."""
    from transformers.cache_utils import DynamicCache

    return DynamicCache()


def dense_log_probs(language: LanguageModel, ids: Tensor) -> Tensor:
    """Return what the model predicts with its own cache; shape (tokens − 1, vocabulary), fp32."""
    return _log_probs(language, dense_cache(), ids, ids.shape[1])


@torch.no_grad()
def read(language: LanguageModel, cache: Any, ids: Tensor) -> Tensor:  # noqa: ANN401
    """Feed tokens (1, tokens) through a cache; return the logits (tokens, vocabulary)."""
    logits: Tensor = language.model(
        ids.to(language.device), past_key_values=cache, use_cache=True
    ).logits
    return logits[0]


@torch.no_grad()
def _log_probs(language: LanguageModel, cache: Any, ids: Tensor, chunk: int) -> Tensor:  # noqa: ANN401
    parts = [read(language, cache, part) for part in torch.split(ids, chunk, dim=1)]
    logits = parts[0] if len(parts) == 1 else torch.cat(parts)
    return logits[:-1].float().log_softmax(-1)


def read_errors(reader: CacheReader, card: Card, ids: Tensor) -> ReadErrors:
    """Return how far attention's K and V are from the card's own reconstruction.

    The text goes through one cache in one pass, and through another as generation does: half of
    it, then nearly all of the rest, then single tokens. Raw K and V are taken where the model hands
    them to the cache, with the layer's number; what attention reads is taken where attention is
    computed. Each side of each layer must be the card's codec of that very layer, applied to the
    raw vectors; a side without codecs must be raw.

    Parameters
    ----------
    reader : CacheReader
    card : Card
    ids : Tensor, shape (1, tokens)

    Returns
    -------
    ReadErrors
        Its error is NaN where no token is read compressed.
    """
    found = ReadErrors()
    tokens = ids.shape[1]
    for lengths in ((tokens,), _as_generated(tokens)):
        _read_watched(reader, card, torch.split(ids, list(lengths), dim=1), found)
    if not found.vectors:
        found.error = float("nan")
    return found


def _as_generated(tokens: int) -> tuple[int, ...]:
    """Return lengths of passes: half, the rest less a few, then one by one."""
    single = min(_SINGLE, tokens // 4)
    half = tokens // 2
    return (half, tokens - half - single, *[1] * single)


def _read_watched(
    reader: CacheReader, card: Card, parts: Sequence[Tensor], found: ReadErrors
) -> None:
    cache = reader.cache(card)
    given = record_updates(cache)

    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        tokens = reader.compressed(call.key.shape[2], by_token=False)
        found.compare(call.layer, card, given, (call.key, call.value), tokens)
        return call.compute()

    with attention_through(reader.language.model, answer):
        for part in parts:
            read(reader.language, cache, part)
