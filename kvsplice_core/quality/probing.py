"""What each codec of a card costs when it alone compresses."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kvsplice_core.progress import relay
from kvsplice_core.quality.reading import CacheReader
from kvsplice_core.quality.scoring import BaseLogProbs, score_text
from kvsplice_core.quality.windows import TextWindow

if TYPE_CHECKING:
    from kvsplice_core.card import Card

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
