"""What is asked of a capture, and what its file says of itself; free of torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.base.options import option, require_ranges

CAPTURE_DTYPES = ("float16", "bfloat16")
DEFAULT_TOKENS = 32_768


class Sides(StrEnum):
    """Which vectors of the cache."""

    V = "v"
    K = "k"
    BOTH = "both"

    @property
    def names(self) -> tuple[str, ...]:
        """The sides as tensors are named: ``v``, ``k``."""
        return ("v", "k") if self is Sides.BOTH else (self.value,)


class KeyState(StrEnum):
    """What the rotary position embedding (RoPE) has done to K in a file."""

    NONE = "none"
    """No K in the file, or a model without rotary embedding."""
    AFTER = "after rotary"
    BEFORE = "before rotary"


@dataclass(frozen=True)
class CaptureSpec:
    """How to capture.

    Parameters
    ----------
    tokens : int
        Token budget of each layer, ≥ 16; spread over the documents in proportion to their length.
    sides : Sides
        V as the cache holds it, K, or both.
    layers : tuple of int, optional
        All when omitted.
    keys_before_rotary : bool
        Store K as it was before its rotary embedding; only for a model that has one.
    dtype : str
        ``float16`` or ``bfloat16``.
    attention : bool
        Also store, for each key token, the mean of the squared attention it receives.
    context : int, optional
        Tokens the model reads at once, ≥ 2; its own, at most 1024, when omitted.
    """

    tokens: int = option(
        "Token budget",
        "tokens at most, spread over the documents by their length",
        DEFAULT_TOKENS,
        flag="--tokens",
        metavar="N",
        low=16,
        suffix=" tokens",
    )
    sides: Sides = option("Vectors", "which vectors of the cache to store", Sides.V, flag="--kv")
    layers: tuple[int, ...] | None = option(
        "Layers",
        "layers to store, such as 0-3,5",
        None,
        low=0,
        ranges=True,
        unset="all",
    )
    keys_before_rotary: bool = option(
        "K before rotary",
        "K as it is before its rotary embedding",
        default=False,
        flag="--before-rotary",
    )
    dtype: str = option(
        "Type of numbers",
        "type of a stored number; bfloat16 holds larger ones, less exactly",
        "float16",
        flag="--dtype",
        choices=CAPTURE_DTYPES,
    )
    attention: bool = option(
        "Attention",
        "also the mean squared attention each token receives; takes longer",
        default=False,
        flag="--attention",
    )
    context: int | None = option(
        "Context",
        "tokens the model reads at once",
        None,
        metavar="N",
        low=2,
        unset="its own, 1024 at most",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "sides", Sides(self.sides))
        require_ranges(self)
        if self.layers is not None and not self.layers:
            raise SpecError("a capture needs at least one layer; got none")
        if self.keys_before_rotary and self.sides is Sides.V:
            raise SpecError("K before rotary needs K among the sides; got v alone")


@dataclass(frozen=True)
class DocumentSpan:
    """One document in a capture.

    Parameters
    ----------
    name : str
    tokens : int
        How many tokens of it were read, from its beginning.
    sha256 : str
        Hash of its whole text; empty in captures of before it was written down.
    """

    name: str
    tokens: int
    sha256: str = ""


@dataclass(frozen=True)
class CaptureFacts:
    """What a capture says of itself, stored in its metadata.

    Parameters
    ----------
    model : ModelFacts
    text_sha256 : str
        Hash of the documents.
    documents : tuple of DocumentSpan
        In the order of the rows.
    layers : tuple of int
        The layers it holds.
    sides : Sides
    key_state : KeyState
    attention : bool
        Whether attention received is stored too.
    context : int
        Tokens the model read at once.
    dtype : str
    versions : dict
    """

    model: ModelFacts
    text_sha256: str
    documents: tuple[DocumentSpan, ...]
    layers: tuple[int, ...]
    sides: Sides
    key_state: KeyState
    attention: bool
    context: int
    dtype: str
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of each layer."""
        return sum(span.tokens for span in self.documents)

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Token at which each document but the first begins."""
        starts, at = [], 0
        for span in self.documents[:-1]:
            at += span.tokens
            starts.append(at)
        return tuple(starts)


@dataclass(frozen=True)
class CaptureResult:
    """A finished capture.

    Parameters
    ----------
    path : str
    facts : CaptureFacts
    file_bytes : int
    elapsed_s : float
    """

    path: str
    facts: CaptureFacts
    file_bytes: int
    elapsed_s: float


SCHEMA = "kvsplice-capture"
"""The key of the metadata that holds the facts."""
SCHEMA_VERSION = 1
AXES = "token head dim"
ATTENTION = ".attention"
"""How the names of tensors end that hold attention received, not vectors."""


def metadata_of(facts: CaptureFacts) -> dict[str, str]:
    """Return the metadata of a capture: the facts for programs, sentences for people."""
    header = {"schema_version": SCHEMA_VERSION, **asdict(facts)}
    model, count = facts.model, len(facts.documents)
    return {
        SCHEMA: json.dumps(header, sort_keys=True),
        "axes": AXES,
        "provenance": f"captured by kvsplice {facts.versions.get('kvsplice', '')}".rstrip(),
        "model": f"{model.name} (weights {model.sha256[:12]})",
        "text": f"{count} document{'s' * (count != 1)}, {facts.tokens} tokens "
        f"({facts.text_sha256[:12]})",
    }


def is_capture_metadata(metadata: Mapping[str, str]) -> bool:
    """Say whether metadata are those of a capture."""
    return SCHEMA in metadata


def facts_of(metadata: Mapping[str, str], source: str) -> CaptureFacts:
    """Read the facts back.

    Raises
    ------
    DataError
        If `source` is no capture, of another schema, or its header is damaged.
    """
    if not is_capture_metadata(metadata):
        raise DataError(f"{source} must be a capture (made by kvsplice capture); it is not one")
    try:
        header = dict(json.loads(metadata[SCHEMA]))
        version = header.pop("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(f"{source} must have capture schema {SCHEMA_VERSION}; it has {version}")
        return _facts(header)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source} holds a damaged capture header", repr(error)) from error


def _facts(header: Mapping[str, Any]) -> CaptureFacts:
    spans = tuple(map(_span, header["documents"]))
    if not spans or min(span.tokens for span in spans) < 1:
        raise ValueError("every document of a capture has tokens")
    return CaptureFacts(
        model=ModelFacts(**header["model"]),
        text_sha256=str(header["text_sha256"]),
        documents=spans,
        layers=tuple(int(layer) for layer in header["layers"]),
        sides=Sides(header["sides"]),
        key_state=KeyState(header["key_state"]),
        attention=bool(header["attention"]),
        context=int(header["context"]),
        dtype=str(header["dtype"]),
        versions=dict(header["versions"]),
    )


def _span(entry: Mapping[str, Any]) -> DocumentSpan:
    return DocumentSpan(str(entry["name"]), int(entry["tokens"]), str(entry.get("sha256", "")))
