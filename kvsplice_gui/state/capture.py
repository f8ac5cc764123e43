"""What a capture is wished to be, and what can be said of it before it starts; free of Qt."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kvsplice_core.base.errors import KVSpliceError, SpecError
from kvsplice_core.base.options import entries
from kvsplice_core.base.resources import resource_path
from kvsplice_core.data.capture import DEFAULT_TOKENS, CaptureSpec, Sides
from kvsplice_core.data.model_shape import PRESETS, ModelShape, load_model_shape
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.report import commands
from kvsplice_core.tasks.capture import CaptureTask

_NUMBER_BYTES = 2
_ATTENTION_BYTES = 4
_NO_ROTARY = frozenset({"gpt2", "gpt_bigcode", "opt", "bloom", "mpt", "gpt_neo"})


@dataclass(frozen=True)
class CaptureWish:
    """Everything a user can set of a capture.

    Parameters
    ----------
    model : str
        ``gpt2-mini``, a folder or a hub id.
    texts : tuple of str
        Files and folders of text; empty for the bundled model's calibration books.
    layers : str
        For example ``0-3, 5``; empty for all.
    path : str
        The file to write.
    tokens, sides, keys_before_rotary, dtype, attention
        See `CaptureSpec`.
    """

    model: str = BUNDLED
    texts: tuple[str, ...] = ()
    tokens: int = DEFAULT_TOKENS
    sides: Sides = Sides.V
    keys_before_rotary: bool = False
    layers: str = ""
    dtype: str = "float16"
    attention: bool = False
    path: str = ""

    @property
    def spec(self) -> CaptureSpec:
        """The capture these wishes ask for; raises SpecError if there is none like it."""
        return CaptureSpec(
            tokens=self.tokens,
            sides=self.sides,
            layers=parse_layers(self.layers),
            keys_before_rotary=self.keys_before_rotary,
            dtype=self.dtype,
            attention=self.attention,
        )


@dataclass(frozen=True)
class KnownModel:
    """What can be told of a model without loading it.

    Parameters
    ----------
    shape : ModelShape
        Layers, KV heads and head_dim.
    rotary : bool or None
        Whether its K has a rotary embedding; None if its configuration does not tell.
    """

    shape: ModelShape
    rotary: bool | None


def model_at_hand(model: str) -> KnownModel | None:
    """Return what the configuration of `model` tells, or None where there is none on this machine.

    Parameters
    ----------
    model : str
        ``gpt2-mini``, a folder or a hub id.
    """
    config = config_at_hand(model)
    if config is None:
        return None
    with suppress(KVSpliceError):
        return KnownModel(load_model_shape(config), _has_rotary(config))
    return None


def config_at_hand(model: str) -> str | None:
    """Return what `load_model_shape` takes for `model`, or None: a preset or a ``config.json``."""
    with suppress(OSError, RuntimeError, ValueError):
        own = Path(model).expanduser() / "config.json"
        if model and own.is_file():
            return str(own)
        if model in PRESETS:
            return model
        cached = _hub_cache() / f"models--{model.replace('/', '--')}" / "snapshots"
        if model and (found := sorted(cached.glob("*/config.json"), key=_written)):
            return str(found[-1])
    return None


def require_usable(wish: CaptureWish, known: KnownModel | None) -> None:
    """Check everything that can be told before a model is loaded.

    Raises
    ------
    SpecError
        With one sentence on the first field that cannot be used.
    """
    if not wish.model:
        raise SpecError(f"a model is required: {BUNDLED}, a folder or a hub id; got none")
    if not wish.texts and wish.model != BUNDLED:
        raise SpecError(
            f"text is required for {short_name(wish.model)}; add a file "
            f"(only {BUNDLED} brings its own)"
        )
    layers = wish.spec.layers
    if known is not None and layers is not None and layers[-1] >= known.shape.layers:
        raise SpecError(f"layers must lie in 0 … {known.shape.layers - 1}; got {layers[-1]}")
    if not wish.path:
        raise SpecError("a file to write is required; got none")
    if Path(wish.path).suffix != ".safetensors":
        raise SpecError(f"the file must end in .safetensors; got {Path(wish.path).name}")


def parse_layers(text: str) -> tuple[int, ...] | None:
    """Read layers such as ``0-3, 5``; None for an empty text, which means all.

    Raises
    ------
    SpecError
        If it is something else.
    """
    listed = ",".join(filter(None, re.split(r"[,\s]+", text.replace("–", "-"))))
    (layers,) = (entry for entry in entries(CaptureSpec) if entry.name == "layers")
    return tuple(sorted(set(layers.read(listed)))) if listed else None


def estimated_bytes(wish: CaptureWish, known: KnownModel) -> int | None:
    """Return the size of the file if the text is long enough; None for impossible layers."""
    with suppress(SpecError):
        layers = parse_layers(wish.layers)
        count = known.shape.layers if layers is None else len(layers)
        numbers = known.shape.head_dim * len(wish.sides.names) * _NUMBER_BYTES
        attention = _ATTENTION_BYTES if wish.attention else 0
        return count * wish.tokens * known.shape.kv_heads * (numbers + attention)
    return None


def file_name(wish: CaptureWish) -> str:
    """Return a name for the file: ``gpt2-mini-v.safetensors``."""
    sides = "kv" if wish.sides is Sides.BOTH else wish.sides.value
    return f"{short_name(wish.model) or 'capture'}-{sides}.safetensors"


def short_name(model: str) -> str:
    """Return the last part of a folder or hub id, with nothing a file's name may not hold."""
    last = re.split(r"[/\\]", model.rstrip("/\\"))[-1]
    return re.sub(r"[^\w.+-]+", "-", last)


def books_at_hand() -> int:
    """Return how many calibration books are bundled; 0 in a broken installation."""
    with suppress(KVSpliceError):
        return len(list(resource_path(BUNDLED, "text", "calibration").glob("*.txt")))
    return 0


def as_command(wish: CaptureWish) -> str:
    """Return the ``kvsplice capture`` line that does the same."""
    task = CaptureTask(wish.model, wish.path, wish.texts, wish.spec)
    return commands.as_command(task)


def _has_rotary(config: str) -> bool | None:
    if config in PRESETS:
        return False
    found = json.loads(Path(config).read_text(encoding="utf-8"))
    text = found.get("text_config") or found
    if any(key.startswith(("rope", "rotary")) for key, value in text.items() if value is not None):
        return True
    return False if text.get("model_type") in _NO_ROTARY else None


def _hub_cache() -> Path:
    """Return where transformers keeps what it has downloaded."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _written(path: Path) -> float:
    return path.stat().st_mtime
