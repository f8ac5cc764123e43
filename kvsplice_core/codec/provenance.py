"""Where a codec or a card comes from, as its file says it; free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self

from kvsplice_core.base.errors import CodecFileError, SpecError

# Settings of a calibration that stood among the other words before they had a place of their own.
_FLAT = (
    *("method", "k", "recipe", "knots", "curve", "knot_placement", "axes", "coupling"),
    *("epochs", "seed", "train_fraction"),
)
_BY_HAND = "by hand"


@dataclass(frozen=True)
class Provenance:
    """What was learnt from, how, and what came to it since.

    Parameters
    ----------
    data, data_sha256, provenance : str
        Title and hash of the vectors, and what their file says of where they come from.
    train_vectors : int
        How many were learnt from.
    training : mapping
        Every option of the calibration, as JSON values (`kvsplice_core.base.options.settings`).
    versions : mapping of str to str
        Of the libraries.
    pipeline, kept : str
        The words of the pipeline that was asked for, and of what was kept in its place.
    label : str
        A card's pipeline in words; empty where methods were asked for by name.
    bits : mapping of str to float
        Of a card: mean bits per value of each side.
    counted_tokens : int
        Tokens over which the codecs' own bytes were spread.
    replaced : mapping of str to str
        Of a card: what was kept, where that is not what was asked for.
    capture_sha256, text_sha256 : str
        Hashes of the capture and of its whole text.
    documents, document_sha256 : tuple of str
        The documents that the capture has read: names and hashes.
    tokens : int
        Tokens that it has read.
    updates : int
        How often it was updated.
    updated_with, updated_with_sha256 : str
        Title and hash of the vectors of the last update.
    forget : float
        How much less every earlier vector weighed in it.
    edited : bool
        Whether a hand has set the knots.
    notes : mapping
        What else is worth knowing and decides nothing; JSON values, none named like a field.

    Raises
    ------
    SpecError
        If a note is named like a field.
    """

    data: str = ""
    data_sha256: str = ""
    provenance: str = ""
    train_vectors: int = 0
    training: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = ""
    kept: str = ""
    label: str = ""
    bits: Mapping[str, float] = field(default_factory=dict)
    counted_tokens: int = 0
    replaced: Mapping[str, str] = field(default_factory=dict)
    capture_sha256: str = ""
    text_sha256: str = ""
    documents: tuple[str, ...] = ()
    document_sha256: tuple[str, ...] = ()
    tokens: int = 0
    updates: int = 0
    updated_with: str = ""
    updated_with_sha256: str = ""
    forget: float = 0.0
    edited: bool = False
    notes: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        odd = sorted(self.notes.keys() & _DEFAULTS.keys())
        if odd:
            raise SpecError(f"a note must not be named like a field; got {', '.join(odd)}")

    @property
    def method(self) -> str:
        """The key of the method that was calibrated; empty where it is not known."""
        return str(self.training.get("method", ""))

    def to_json(self) -> dict[str, object]:
        """Return what a file says: the fields that say something, and the notes."""
        said = {name: getattr(self, name) for name in _DEFAULTS if name != "notes"}
        told = {name: value for name, value in said.items() if value != _DEFAULTS[name]}
        return dict(self.notes) | {
            name: list(value) if isinstance(value, tuple) else value for name, value in told.items()
        }

    @classmethod
    def from_json(cls, info: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote, or earlier versions did; what is missing says nothing.

        Raises
        ------
        CodecFileError
            If a value is of another type.
        """
        info = _settled(info)
        said = {name: _typed(name, value) for name, value in info.items() if name in _DEFAULTS}
        return cls(**said, notes={n: value for n, value in info.items() if n not in _DEFAULTS})


_DEFAULTS: dict[str, Any] = {
    one.name: one.default if one.default_factory is MISSING else one.default_factory()
    for one in fields(Provenance)
}
_WORDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number"}
_WORDS |= {bool: "true or false", tuple: "a list of texts", dict: "an object"}
_TEXTS, _NUMBERS = ((str,), " of texts"), ((int, float), " of numbers")
_INSIDE: dict[str, tuple[tuple[type, ...], str]] = {
    "versions": _TEXTS,
    "replaced": _TEXTS,
    "bits": _NUMBERS,
}


def _settled(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return words with the settings of a calibration in their place, and with one name each."""
    found = {name: value for name, value in info.items() if name != "notes"}
    if isinstance(found.get("bits"), int | float):
        found["budget_bits"] = found.pop("bits")
    if "training" in found:
        return found
    flat = {name: found.pop(name) for name in _FLAT if name in found}
    if str(flat.get("recipe", "")).startswith(_BY_HAND):
        found |= {"made": flat.pop("recipe"), "epochs": flat.pop("epochs", 0)}
    return found | ({"training": flat} if flat else {})


def _typed(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON in, the field's type out
    kind = type(_DEFAULTS[name])
    allowed = {float: (int, float), tuple: (list,)}.get(kind, (kind,))
    inside, of = _INSIDE.get(name, ((), ""))
    fits = type(value) in allowed
    if fits and kind is tuple:
        fits = all(isinstance(one, str) for one in value)
    if fits and inside:
        fits = all(type(one) in inside for one in value.values())
    if not fits:
        what = name.replace("_", " ")
        raise CodecFileError(f"a codec's {what} must be {_WORDS[kind]}{of}; got {value!r}")
    return tuple(value) if kind is tuple else value
