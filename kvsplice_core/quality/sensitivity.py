"""What each head costs when V or K of it alone is compressed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.language.texts import Document
from kvsplice_core.progress import relay
from kvsplice_core.quality.curve_results import SensitivityResult, SensitivityStep
from kvsplice_core.quality.reading import CacheReader, require_card_of
from kvsplice_core.quality.scoring import BaseLogProbs, score_text
from kvsplice_core.quality.specs import SENSITIVITY_TOKENS, EvalSpec
from kvsplice_core.quality.windows import text_windows

if TYPE_CHECKING:
    from kvsplice_core.card import Card
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
