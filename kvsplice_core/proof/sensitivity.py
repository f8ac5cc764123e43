"""What each head costs when V or K of it alone is compressed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.base.progress import relay
from kvsplice_core.language.texts import Document
from kvsplice_core.proof.reading import CacheReader, require_card_of
from kvsplice_core.proof.scoring import BaseLogProbs, score_text
from kvsplice_core.proof.windows import TextWindow, text_windows
from kvsplice_core.tasks.curve import SensitivityResult, SensitivityStep
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS, EvalSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel


def sensitivity(
    language: LanguageModel,
    card: Card,
    documents: Sequence[Document],
    spec: EvalSpec = EvalSpec(tokens=SENSITIVITY_TOKENS),  # noqa: B008 - frozen
) -> Generator[SensitivityStep, None, SensitivityResult]:
    """Measure ΔNLL and KL with one side of one head compressed, V before K, head by head.

    A generator: it yields progress and every finished cell, and returns the map; closing it
    cancels. Heads of a layer that the card leaves dense cost 0. Nothing here is audited: the map
    is worth what an evaluation of the same card says of its audit.

    Parameters
    ----------
    language : LanguageModel
    card : Card
    documents : sequence of Document
    spec : EvalSpec
        Its mode, window, context and tokens; a few thousand tokens tell heads apart.

    Raises
    ------
    LanguageModelError
        If the card was made for other weights.
    """
    started = time.monotonic()
    require_card_of(language, card)
    windows = text_windows(language, documents, spec.tokens, spec.context)
    reader, base = CacheReader.of(language, spec), BaseLogProbs(language)
    cells = _cells(card)
    shape = (card.model.layers, card.model.kv_heads)
    delta_nll, kl = ({side: np.zeros(shape) for side, _, _ in cells} for _ in range(2))
    for done, (side, layer, head) in enumerate(cells):
        name = f"{side.upper()} layer {layer} head {head}"
        work = score_text(reader, card.only(layer, head, side), windows, base)
        shown = _counted(name, done * len(windows), len(cells) * len(windows))
        scores = yield from relay(work, shown)
        delta_nll[side][layer, head], kl[side][layer, head] = scores.delta_nll, scores.kl
        yield SensitivityStep(name, (done + 1) / len(cells), layer, head, scores.kl, side)
    return SensitivityResult(
        card=card.title,
        delta_nll=delta_nll,
        kl=kl,
        tokens=sum(window.tokens - 1 for window in windows),
        elapsed_s=time.monotonic() - started,
    )


def _cells(card: Card) -> list[tuple[str, int, int]]:
    return [
        (side, layer, head)
        for side, layers in (("v", card.values), ("k", card.keys))
        for layer in sorted(layers)
        for head in range(card.model.kv_heads)
    ]


def _counted(name: str, done: int, total: int) -> Callable[[str], SensitivityStep]:
    """Return what turns the windows of a cell into progress of the map."""
    counter = count(done + 1)
    return lambda _: SensitivityStep(name, next(counter) / total)


Key = tuple[str, int, int]
"""Side (``v`` or ``k``), layer, and group of heads."""


def sensitivities(
    reader: CacheReader, card: Card, keys: Sequence[Key], windows: Sequence[TextWindow]
) -> Generator[tuple[str, float], None, dict[Key, float]]:
    """Measure KL(dense ‖ compressed) of every codec by itself, nats per token.

    A generator: it yields what is in work with the share that is done, and returns the KL of each
    codec; closing it cancels.

    Parameters
    ----------
    reader : CacheReader
    card : Card
        Its codecs are tried one by one.
    keys : sequence of (side, layer, group)
    windows : sequence of TextWindow
        A few thousand tokens tell codecs apart.
    """
    base = BaseLogProbs(reader.language)
    found = {}
    for done, key in enumerate(keys):
        name = f"{key[0].upper()} layer {key[1]} group {key[2]} alone"
        work = score_text(reader, _alone(card, key), windows, base)
        scores = yield from relay(work, _shown(name, done / len(keys)))
        found[key] = scores.kl
    return found


def _shown(name: str, share: float) -> Callable[[str], tuple[str, float]]:
    return lambda _: (name, share)


def _alone(card: Card, key: Key) -> Card:
    """Return the card with one codec; what all heads share is one."""
    side, layer, group = key
    codecs = (card.values if side == "v" else card.keys)[layer]
    if len(codecs.codecs) > 1:
        return card.only(layer, group * codecs.span, side)
    kept = {layer: codecs}
    values, keys = (kept, None) if side == "v" else (None, kept)
    return replace(card, values=values or {}, keys=keys or {}, scores=(), proofs=())
