"""A greedy continuation with the dense and with the compressed cache, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kvsplice_core.proof.reading import CacheReader, dense_cache, read
from kvsplice_core.proof.windows import TextWindow
from kvsplice_core.tasks.evaluate import Continuation

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel

PROMPT = 64


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
