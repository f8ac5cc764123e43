"""What each head costs when V or K of it alone is compressed."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.base.progress import Step, counted, relay
from kvsplice_core.language.texts import Document
from kvsplice_core.proof.bench import Probe
from kvsplice_core.proof.requirements import require_card_of
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.curve import Cell, SensitivityResult
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS, EvalSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.fit.layers import Key
    from kvsplice_core.language.models import LanguageModel


def sensitivity(
    language: LanguageModel,
    card: Card,
    documents: Sequence[Document],
    spec: EvalSpec = EvalSpec(tokens=SENSITIVITY_TOKENS),  # noqa: B008 - frozen
) -> Generator[Step[Cell], None, SensitivityResult]:
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
    probe = Probe(language, documents, spec)
    found = yield from alone(probe, card, _cells(card))
    shape = (card.model.layers, card.model.kv_heads)
    delta_nll, kl = ({side: np.zeros(shape) for side, _, _ in found} for _ in range(2))
    for (side, layer, head), scores in found.items():
        delta_nll[side][layer, head], kl[side][layer, head] = scores.delta_nll, scores.kl
    return SensitivityResult(
        card=card.title,
        delta_nll=delta_nll,
        kl=kl,
        tokens=probe.tokens,
        elapsed_s=time.monotonic() - started,
    )


def _cells(card: Card) -> list[Key]:
    return [
        (side, layer, head)
        for side, layers in (("v", card.values), ("k", card.keys))
        for layer in sorted(layers)
        for head in range(card.model.kv_heads)
    ]


def alone(
    probe: Probe, card: Card, keys: Sequence[Key], *, whole_codec: bool = False
) -> Generator[Step[Cell], None, dict[Key, TextScores]]:
    """Score each of many heads, or codecs, by itself.

    A generator: it yields progress and every finished cell, and returns the scores of each; closing
    it cancels.

    Parameters
    ----------
    probe : Probe
        A few thousand tokens tell heads apart.
    card : Card
        Its codecs are tried one by one.
    keys : sequence of (side, layer, head)
        With `whole_codec` groups of heads in place of heads; see `Probe.alone`.
    whole_codec : bool
    """
    found = {}
    for done, key in enumerate(keys):
        side, layer, place = key
        name = f"{side.upper()} layer {layer} {'group' if whole_codec else 'head'} {place}"
        work = probe.alone(card, key, whole_codec=whole_codec)
        before, behind = done / len(keys), (done + 1) / len(keys)
        found[key] = yield from relay(work, counted(len(probe.windows), before, behind, name))
        yield Step(name, behind, Cell(*key, found[key].kl))
    return found
