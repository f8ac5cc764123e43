"""Whatever holds a tensor, its memory is counted, and once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest
import torch

from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.layers import CompressedLayer
from kvsplice_core.cache.reachable import reachable_bytes
from kvsplice_core.codec.kinds import Method
from tests.kvsplice_core.cache.cards import card_of, ids_of, logits_of, method_card
from tests.language_models import tiny_gpt2


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x

    def method(self):
        return self.x


@dataclass(frozen=True)
class Frozen:
    x: torch.Tensor


def closing_over(x):
    return lambda: x


HOLDERS = {
    "itself": lambda x: x,
    "list": lambda x: [[x]],
    "mapping": lambda x: {"x": (x,)},
    "deque": lambda x: deque([x]),
    "slots": Slotted,
    "method": lambda x: Slotted(x).method,
    "dataclass": Frozen,
    "closure": closing_over,
    "view": lambda x: x[:1],
    "twice": lambda x: [x, x[2:], {"x": x}],
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_holder_is_seen(holder):
    assert reachable_bytes(HOLDERS[holder](torch.ones(10))) == 40


def test_circles_end():
    circle = [torch.ones(10)]
    circle.append(circle)
    assert reachable_bytes(circle) == 40


class Hoard(CompressedLayer):
    """Reports latents, and keeps the originals beside them."""

    def update(self, key_states, value_states, *args, **kwargs):
        self.hoard = [*getattr(self, "hoard", []), {"v": value_states.clone()}]
        return super().update(key_states, value_states, *args, **kwargs)


def test_a_layer_that_hoards_originals_is_seen():
    language = tiny_gpt2()
    ids, card = ids_of(language, 30), card_of(language, "v", 4)
    honest, hoard = cache_for(language.model, card), cache_for(language.model, card)
    for layer in hoard.layers:
        layer.__class__ = Hoard
    for cache in (honest, hoard):
        logits_of(language, ids, cache, piece=20)
    ours, theirs = honest.stored_bytes(), hoard.stored_bytes()
    assert ours.other == 0
    assert theirs.other == 2 * 4 * 16 * 30 * 4
    assert theirs.total == ours.total + theirs.other
    assert (theirs.keys, theirs.values) == (ours.keys, ours.values)


@pytest.mark.parametrize("mode", ["strict", "window"])
@pytest.mark.parametrize("method", list(Method))
def test_an_honest_cache_holds_nothing_else(method, mode):
    language = tiny_gpt2()
    cache = cache_for(language.model, method_card(language, method, 4, keys=True), mode=mode)
    for ids in (ids_of(language, 90), ids_of(language, 1)):
        logits_of(language, ids, cache)
    assert cache.stored_bytes().other == 0


def test_what_a_crop_leaves_behind_is_held_until_the_next_token():
    language = tiny_gpt2()
    cache = cache_for(language.model, card_of(language, "v", 4))
    logits_of(language, ids_of(language, 30), cache)
    whole = cache.stored_bytes()
    cache.crop(-10)
    assert cache.stored_bytes().total == whole.total
    assert cache.stored_bytes().other > 0
    logits_of(language, ids_of(language, 1), cache)
    assert cache.stored_bytes().other == 0
