"""What must hold before anything is measured; each refusal is one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.data.capture import KeyState
from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.proof.reading import CacheReader, dense_cache, read
from kvsplice_core.proof.windows import TextWindow

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.language.models import LanguageModel

_TOKENS = 16


def require_card_of(language: LanguageModel, card: Card) -> None:
    """Raise LanguageModelError unless the card was made for these very weights."""
    if card.model.sha256 != language.sha256:
        raise LanguageModelError(
            f"a card fits only the weights it was made for, {card.model.sha256[:12]}… of "
            f"{card.model.name}; {language.name} has {language.sha256[:12]}…"
        )


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


def require_provable(reader: CacheReader, windows: Sequence[TextWindow]) -> None:
    """Raise unless the text is read compressed and the model shows what it reads.

    Raises
    ------
    LanguageModelError
        If a layer's attention cannot be seen, or the model predicts NaN.
    SpecError
        If the raw window leaves nothing compressed.
    """
    require_compressed(reader, windows)
    require_seen(reader.language, windows[0].first(_TOKENS).ids)


def require_compressed(reader: CacheReader, windows: Sequence[TextWindow]) -> None:
    """Raise SpecError if every token that a scored prediction reads stays raw."""
    if reader.mode == "strict":
        return
    sinks, newest = reader.window.sinks, reader.window.newest
    longest = max(window.tokens for window in windows)
    if sinks + newest >= longest - 1:  # the last token's prediction is not scored
        raise SpecError(
            f"the first {sinks} and the newest {newest} tokens stay raw, so a window of text of "
            f"at least {sinks + newest + 2} tokens is required; the longest has {longest}"
        )


@torch.no_grad()
def require_seen(language: LanguageModel, ids: Tensor) -> None:
    """Raise LanguageModelError unless every layer's attention is seen and predictions are numbers.

    Parameters
    ----------
    language : LanguageModel
    ids : Tensor, shape (1, tokens)
        A little text, read once with the model's own cache.
    """
    seen: set[int] = set()

    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        seen.add(call.layer)
        return call.compute()

    with attention_through(language.model, answer):
        logits = read(language, dense_cache(), ids)
    if len(seen) < language.shape.layers:
        raise LanguageModelError(
            f"{language.name} computes attention outside transformers' interface, so nothing can "
            "prove what it reads"
        )
    if logits.isnan().any():
        raise LanguageModelError(
            f"{language.name} must predict numbers with its own cache; it predicts NaN"
        )
