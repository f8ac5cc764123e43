"""What a tensor's name says: the layer it comes from, and whether it holds K or V."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

Kind = Literal["v", "k", ""]

_LAYER_WORDS = frozenset({"layer", "layers", "block", "blocks", "h", "l"})
_V_WORDS = frozenset({"v", "value", "values"})
_K_WORDS = frozenset({"k", "key", "keys"})
# "v_5", "value_cache.5", "5.v" and a plain "5" (the fifth of a list) count layers too.
_COUNTED_WORDS = _V_WORDS | _K_WORDS | {"", "cache", "states"}


def layer_of(name: str) -> int | None:
    """Return the layer number in a tensor's name, or None.

    Examples
    --------
    >>> layer_of("transformer.h.3.attn.v"), layer_of("v_5"), layer_of("arr_0")
    (3, 5, None)
    """
    parts = re.findall(r"[a-z]+|[0-9]+", name.lower())
    numbers = [(word, int(part)) for word, part in pairwise(["", *parts]) if part.isdigit()]
    for words in (_LAYER_WORDS, _COUNTED_WORDS):
        found = [number for word, number in numbers if word in words]
        if found:
            return found[0]
    return None


def kind_of(name: str) -> Kind:
    """Return ``v`` or ``k`` by the last word of the name that tells, else an empty string.

    Examples
    --------
    >>> kind_of("layer15.v"), kind_of("past_key_values.3.key"), kind_of("array")
    ('v', 'k', '')
    """
    for word in reversed(re.findall(r"[a-z]+", name.lower())):
        if word in _V_WORDS:
            return "v"
        if word in _K_WORDS:
            return "k"
    return ""
