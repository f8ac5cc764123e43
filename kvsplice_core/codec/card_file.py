"""A card as one safetensors file with JSON metadata, checked anew whenever it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.files import atomic_path
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.base.serial import CHANGE_TYPES, FACTS_TYPES, PLACE_TYPES, SCORE_TYPES, a, typed
from kvsplice_core.codec.card import Card, HeadScore, full_rank
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.codec_file import (
    codec_header,
    codec_of,
    codec_tensors,
    read_tensors,
    tensors_below,
)
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.provenance import Provenance

SCHEMA = "kvsplice-card"
SCHEMA_VERSION = 2
_PROBES = 64
_TOLERANCE = 1e-3


def save_card(card: Card, path: str | Path) -> None:
    """Write a card to `path` (``.safetensors``) whole or not at all.

    The metadata ``kvsplice-card`` is JSON: schema version, the model with the hash of its
    weights, where the vectors come from, one entry for each codec, every score with its interval,
    the evaluations, library versions, and the SHA-256 of it all.

    Raises
    ------
    KVSpliceError
        If `path` does not end in ``.safetensors`` or cannot be written.
    """
    if Path(path).suffix.lower() != ".safetensors":
        raise SpecError(f"a card is saved as .safetensors; got {str(path)!r}")
    tensors: dict[str, Tensor] = {}
    codecs = []
    for side, layer, group, span, codec in _codecs(card):
        name = _name(side, layer, group)
        tensors |= codec_tensors(codec, f"{name}.")
        place = {"name": name, "side": side, "layer": layer, "group": group, "span": span}
        codecs.append(place | codec_header(codec))
    header: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "model": asdict(card.model),
        "codecs": codecs,
        "scores": [_score_entry(score) for score in card.scores],
        "info": card.provenance.to_json(),
        "proofs": [dict(proof) for proof in card.proofs],
        "keys_before_rotary": card.keys_before_rotary,
    }
    header["sha256"] = _content_hash(header, tensors)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={SCHEMA: json.dumps(header, sort_keys=True)})


def load_card(path: str | Path) -> Card:
    """Read a card and verify it.

    Checked are the schema, the hash of all it holds, every shape, that all numbers are finite,
    that splines increase, that each codec at k = d gives back what it gets, and the types of all
    that the header says.

    Raises
    ------
    CodecFileError
        If anything does not fit; the sentence says what.
    """
    header, tensors = read_tensors(Path(path), SCHEMA, "a card")
    version = header.get("schema_version")
    if version != SCHEMA_VERSION:
        raise CodecFileError(f"{path} must have card schema {SCHEMA_VERSION}; it has {version!r}")
    if header.pop("sha256", None) != _content_hash(header, tensors):
        raise CodecFileError(f"{path} must hold what it was saved with; it was changed since")
    try:
        card = _card_of(header, tensors, str(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SpecError):
            raise CodecFileError(f"{path} holds no usable card: {error}") from error
        raise CodecFileError(f"{path} holds a damaged card header", repr(error)) from error
    for side, layer, group, _, codec in _codecs(card):
        _require_invertible(codec, f"{_name(side, layer, group)} in {path}")
    return card


def is_card(path: str | Path) -> bool:
    """Say whether a file is a card, by its metadata alone."""
    try:
        with safe_open(path, framework="pt") as file:
            return SCHEMA in (file.metadata() or {})
    except Exception:  # noqa: BLE001 - whatever it is, it is no card
        return False


def _codecs(card: Card) -> Iterator[tuple[str, int, int | None, int, Codec]]:
    """Return side, layer, group of heads (None for all), heads joined, and codec."""
    for side, layers in (("v", card.values), ("k", card.keys)):
        for layer, held in sorted(layers.items()):
            for group, codec in enumerate(held.codecs):
                yield side, layer, None if len(held.codecs) == 1 else group, held.span, codec


def _name(side: str, layer: int, group: int | None) -> str:
    return f"{side}.{layer}.{'all' if group is None else group}"


def _card_of(header: Mapping[str, Any], tensors: Mapping[str, Tensor], path: str) -> Card:
    facts = ModelFacts(**typed(header["model"], FACTS_TYPES))
    found = _codecs_of(header, tensors, path)
    values, keys = (
        {
            layer: HeadCodecs(tuple(codecs), facts.kv_heads, span)
            for layer, (span, codecs) in found[side].items()
        }
        for side in ("v", "k")
    )
    return Card(
        model=facts,
        values=values,
        keys=keys,
        scores=tuple(_score_of(entry) for entry in a(list, header["scores"])),
        provenance=Provenance.from_json(a(dict, header["info"])),
        proofs=tuple(a(dict, proof) for proof in a(list, header["proofs"])),
        keys_before_rotary=a(bool, header["keys_before_rotary"]),
    )


def _codecs_of(
    header: Mapping[str, Any], tensors: Mapping[str, Tensor], path: str
) -> dict[str, dict[int, tuple[int, list[Codec]]]]:
    """Return heads joined and codecs by side and layer, in the order of the groups in the file."""
    found: dict[str, dict[int, tuple[int, list[Codec]]]] = {"v": {}, "k": {}}
    names = set()
    for entry in a(list, header["codecs"]):
        place = typed({name: entry[name] for name in PLACE_TYPES}, PLACE_TYPES)
        side, layer, group, name = (place[part] for part in ("side", "layer", "group", "name"))
        span, before = found[side].setdefault(layer, (place["span"], []))
        if group not in (None, len(before)) or (group is None and before) or span != place["span"]:
            raise ValueError(f"codec {name} is out of order")
        if name != _name(side, layer, group):
            raise ValueError(f"codec {name} must be called {_name(side, layer, group)}")
        names.add(name)
        before.append(codec_of(entry, tensors_below(f"{name}.", tensors), path))
    strangers = [name for name in tensors if ".".join(name.split(".")[:3]) not in names]
    if strangers:
        raise CodecFileError(f"{path} holds tensors of no codec of its header: {strangers[0]}")
    return found


def _score_entry(score: HeadScore) -> dict[str, object]:
    change = None if score.change is None else score.change.as_dict()
    return asdict(score) | {"change": change}


def _score_of(entry: Mapping[str, Any]) -> HeadScore:
    typed(entry, SCORE_TYPES)
    change = entry["change"]
    found = None if change is None else Change.of(typed(change, CHANGE_TYPES))
    return HeadScore(**{**entry, "change": found})


def _content_hash(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of what a card says and holds."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _require_invertible(codec: Codec, where: str) -> None:
    """Raise unless the codec, completed to k = d, gives back vectors like those it was made of."""
    generator = torch.Generator().manual_seed(0)
    spread = codec.projection.offset_in.std().clamp_min(0.1)
    probe = torch.randn(_PROBES, codec.dim, generator=generator) * spread
    missed = full_rank(codec).reconstruct(probe) - probe
    error = missed.square().mean().sqrt() / spread
    if not float(error) <= _TOLERANCE:
        raise CodecFileError(
            f"a codec at k = d must give back what it gets; "
            f"{where} misses by {float(error):.2g} of its spread"
        )
