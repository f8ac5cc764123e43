"""The types in a card's header: JSON says what it likes, a card says only this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Types = Mapping[str, tuple[type, ...]]
Kind = TypeVar("Kind")

_TEXT, _WHOLE, _TRUTH, _NUMBER = (str,), (int,), (bool,), (int, float)
_OPTIONAL_WHOLE = (int, type(None))
_OPTIONAL_NUMBER = (int, float, type(None))

FACTS_TYPES: Types = {
    "name": _TEXT,
    "sha256": _TEXT,
    "layers": _WHOLE,
    "kv_heads": _WHOLE,
    "head_dim": _WHOLE,
    "rotary": _TRUTH,
}
"""`ModelFacts`."""

PLACE_TYPES: Types = {
    "name": _TEXT,
    "side": _TEXT,
    "layer": _WHOLE,
    "group": _OPTIONAL_WHOLE,
    "span": _WHOLE,
}
"""Where a codec belongs."""

SCORE_TYPES: Types = {
    "side": _TEXT,
    "layer": _WHOLE,
    "head": _OPTIONAL_WHOLE,
    "method": _TEXT,
    "kept": _TEXT,
    "k": _WHOLE,
    "mse": _NUMBER,
    "mse_pca": _OPTIONAL_NUMBER,
    "change": (dict, type(None)),
    "bits": _OPTIONAL_NUMBER,
}
"""`HeadScore`."""

CHANGE_TYPES: Types = {"percent": _NUMBER, "low": _NUMBER, "high": _NUMBER}
"""`Change`."""


def a(kind: type[Kind], value: object) -> Kind:
    """Return `value`, which must be a `kind`; TypeError if it is not."""
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} was required; got {value!r}")
    return value


def typed(entry: Any, types: Types) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    """Return `entry`, an object with exactly the fields of `types`; TypeError if it is not.

    A truth value is no whole number here, though Python takes it for one.
    """
    if not isinstance(entry, dict) or entry.keys() != types.keys():
        raise TypeError(f"an object of {', '.join(types)} was required; got {entry!r}")
    for name, allowed in types.items():
        if type(entry[name]) not in allowed:
            raise TypeError(f"{name} must be {allowed[0].__name__}; got {entry[name]!r}")
    return entry
