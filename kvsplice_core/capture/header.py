"""What a capture says of itself in its file, as JSON; free of torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kvsplice_core.capture.specs import CaptureFacts, DocumentSpan, KeyState, Sides
from kvsplice_core.errors import DataError
from kvsplice_core.model_facts import ModelFacts

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
