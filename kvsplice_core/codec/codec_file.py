"""A codec as one safetensors file with JSON metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.base.files import atomic_path
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.history import History
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.projection import restore_bottleneck
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.registry import load

SCHEMA = "kvsplice-codec"
SCHEMA_VERSION = 2
_HISTORY = "history."
_PARTS = ("transform", "projection", "correction", "quantizer")
_MOST_DIM = 16_384  # all heads of a layer joined; a damaged header must not ask for more memory


def save_codec(codec: Codec, path: str | Path, history: History | None = None) -> None:
    """Write `codec` to `path` whole or not at all.

    The file is a ``.safetensors`` with the tensors of all parts and, as metadata
    ``kvsplice-codec``, JSON: schema version, method, d, k, decoder, quantizer and where it comes
    from.
    A `history` of the vectors it was made of lies beside them, for updating it; decoding needs
    none of it, so no count of side information holds it.

    Raises
    ------
    KVSpliceError
        If `path` does not end in ``.safetensors`` or cannot be written.
    """
    if Path(path).suffix.lower() != ".safetensors":
        raise SpecError(f"a codec is saved as .safetensors; got {str(path)!r}")
    header = {"schema_version": SCHEMA_VERSION, **codec_header(codec)}
    header["info"] = codec.provenance.to_json()
    tensors = codec_tensors(codec)
    if history is not None:
        kept = history.tensors().items()
        tensors |= {_HISTORY + name: tensor.cpu().contiguous().clone() for name, tensor in kept}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={SCHEMA: json.dumps(header, sort_keys=True)})


def load_codec(path: str | Path, device: torch.device | str = "cpu") -> Codec:
    """Read a codec that `save_codec` wrote; bit for bit the same.

    Raises
    ------
    CodecFileError
        If the file is missing, damaged, not a codec, of another schema, or inconsistent.
    """
    header, tensors = _read_codec(path)
    parts = {n: t for n, t in tensors.items() if not n.startswith(_HISTORY)}
    made = replace(
        codec_of(header, parts, str(path)), provenance=Provenance.from_json(header["info"])
    )
    return made.to(device)


def load_history(path: str | Path) -> History:
    """Read what a codec's file remembers of the vectors it was made of.

    Raises
    ------
    CodecFileError
        As for `load_codec`; or if the file remembers nothing.
    """
    _, tensors = _read_codec(path)
    held = tensors_below(_HISTORY, tensors)
    if not held:
        raise CodecFileError(
            "an update needs the history of the vectors a codec was made of; "
            f"{path} holds none: fit it again"
        )
    return History.restore(held, len(held.get("mean", ())))


def _read_codec(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header of a codec's file, of the right schema, and all its tensors."""
    header, tensors = read_tensors(Path(path), SCHEMA, "a codec")
    version = header.get("schema_version")
    if version != SCHEMA_VERSION:
        raise CodecFileError(f"{path} must have codec schema {SCHEMA_VERSION}; it has {version!r}")
    if not isinstance(header.get("info"), dict):
        raise CodecFileError(f"{path} holds a damaged codec header")
    return header, tensors


def codec_header(codec: Codec) -> dict[str, object]:
    """Return what a header says of one codec."""
    decoder: dict[str, object] = {"kind": codec.decoding.key}
    if codec.correction is not None:
        decoder["settings"] = dict(codec.correction.settings())
    quantizer: dict[str, object] | None = None
    if codec.quantizer is not None:
        settings = dict(codec.quantizer.settings())
        quantizer = {"kind": codec.quantizer.kind.key, "settings": settings}
    return {
        "method": codec.method.key,
        "dim": codec.dim,
        "k": codec.k,
        "decoder": decoder,
        "quantizer": quantizer,
    }


def codec_tensors(codec: Codec, prefix: str = "") -> dict[str, Tensor]:
    """Return the tensors of one codec as they are stored, every name behind `prefix`."""
    return {
        prefix + name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in codec.tensors().items()
    }


def codec_of(
    header: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    path: str,
) -> Codec:
    """Rebuild one codec from what `codec_header` and `codec_tensors` gave.

    Raises
    ------
    CodecFileError
        If they do not fit each other; `path` is what the sentence calls the file.
    """
    try:
        dim, k = _whole(header["dim"]), _whole(header["k"])
        transform = load(Method.of(str(header["method"])))
        decoder, quantizer = dict(header["decoder"]), header["quantizer"]
        decoding = load(Decoding.of(str(decoder["kind"])))
        corrects = decoder["kind"] != Decoding.LINEAR.key or "settings" in decoder
        settings = dict(decoder["settings"]) if corrects else {}
        quantization, options = None, {}
        if quantizer is not None:
            quantization = load(Quantization.of(str(quantizer["kind"])))
            options = dict(quantizer["settings"])
        _require_known_parts(tensors, corrects=corrects, quantizes=quantization is not None)
    except (KeyError, TypeError, ValueError, AttributeError, SpecError) as error:
        raise CodecFileError(f"{path} holds a damaged codec header", str(error)) from error
    parts = {name: tensors_below(f"{name}.", tensors) for name in _PARTS}
    return Codec(
        transform.restore(parts["transform"], dim),
        restore_bottleneck(parts["projection"], dim, k, path),
        correction=decoding.restore(parts["correction"], settings, k, dim) if corrects else None,
        quantizer=None
        if quantization is None
        else quantization.restore(parts["quantizer"], options, k),
    )


def read_tensors(path: Path, schema: str, what: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the JSON under `schema` in a file's metadata, and its tensors, each one finite.

    Raises
    ------
    CodecFileError
        If the file is missing, damaged, or has no such metadata; `what` names what it must hold.
    """
    if not path.is_file():
        raise CodecFileError(f"{what} file was required; there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if schema not in metadata:
                raise CodecFileError(
                    f"{path} must be {what} saved by KVSplice; it has no {schema} header"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CodecFileError(f"{path} is not a readable .safetensors file", str(error)) from error
    try:
        header = json.loads(metadata[schema])
    except (json.JSONDecodeError, RecursionError) as error:
        raise CodecFileError(f"{path} holds a damaged codec header", str(error)) from error
    if not isinstance(header, dict):
        raise CodecFileError(f"{path} holds a damaged codec header")
    for name, tensor in tensors.items():
        _require_usable(name, tensor, path)
    return header, tensors


def _require_usable(name: str, tensor: Tensor, path: Path) -> None:
    history = name.startswith(_HISTORY) and tensor.dtype in (torch.float64, torch.float16)
    if not history and tensor.dtype not in (torch.float32, torch.int64, torch.int8):
        raise CodecFileError(
            f"a codec must hold float32 numbers and int64 or int8 places; "
            f"{name} in {path} is {tensor.dtype}"
        )
    if not bool(tensor.isfinite().all()):
        raise CodecFileError(f"a codec must be finite; {name} in {path} is not")


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MOST_DIM:
        raise TypeError(f"a whole number in 1 … {_MOST_DIM} was required; got {number!r}")
    return number


def _require_known_parts(tensors: Mapping[str, Tensor], *, corrects: bool, quantizes: bool) -> None:
    """Raise CodecFileError if there are tensors of a part that the header does not name."""
    named = dict(zip(_PARTS, (True, True, corrects, quantizes), strict=True))
    for name in tensors:
        if not named.get(name.split(".")[0], False):
            raise CodecFileError(f"a codec must hold tensors of its own parts; got {name}")


def tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
