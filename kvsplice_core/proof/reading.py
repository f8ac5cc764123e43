"""Reading text through a dense and through a compressed cache."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.cache.by_token import by_token
from kvsplice_core.cache.compressed import CompressedCache, cache_for
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.tasks.evaluate import EvalSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel


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


def require_card_of(language: LanguageModel, card: Card) -> None:
    """Raise LanguageModelError unless the card was made for these very weights."""
    if card.model.sha256 != language.sha256:
        raise LanguageModelError(
            f"a card fits only the weights it was made for, {card.model.sha256[:12]}… of "
            f"{card.model.name}; {language.name} has {language.sha256[:12]}…"
        )


@torch.no_grad()
def _log_probs(language: LanguageModel, cache: Any, ids: Tensor, chunk: int) -> Tensor:  # noqa: ANN401
    parts = [read(language, cache, part) for part in torch.split(ids, chunk, dim=1)]
    logits = parts[0] if len(parts) == 1 else torch.cat(parts)
    return logits[:-1].float().log_softmax(-1)
