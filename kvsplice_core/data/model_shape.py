"""Which models there are: presets, and whatever a ``config.json`` describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kvsplice_core.base.errors import ModelShapeError

Config = Mapping[str, object]


@dataclass(frozen=True)
class ModelShape:
    """What of a model decides the size of its cache.

    Parameters
    ----------
    name : str
        Name on screen.
    layers, kv_heads, head_dim : int
        Layers, key/value heads of each, and numbers of one key or value vector.
    query_heads : int
        Heads that read them; more than `kv_heads` under grouped-query attention.
    hidden : int
        Width of the model.
    """

    name: str
    layers: int
    kv_heads: int
    head_dim: int
    query_heads: int
    hidden: int


def _gpt2(name: str, layers: int, heads: int) -> ModelShape:
    return ModelShape(name, layers, heads, 64, heads, 64 * heads)


PRESETS = {
    "gpt2-mini": ModelShape("gpt2-mini", 4, 4, 64, 4, 256),
    "gpt2": _gpt2("GPT-2 124M", 12, 12),
    "gpt2-medium": _gpt2("GPT-2 355M", 24, 16),
    "gpt2-large": _gpt2("GPT-2 774M", 36, 20),
    "gpt2-xl": _gpt2("GPT-2 1.5B", 48, 25),
}
"""Models by the word typed on the command line."""


def load_model_shape(model: str | Path) -> ModelShape:
    """Return the shape of a preset or of the model a Hugging Face ``config.json`` describes.

    Parameters
    ----------
    model : str or Path
        A preset's key or name, spelled loosely (``gpt2-xl``, ``GPT-2 1.5B``), or the path of a
        ``config.json`` or of the folder that holds one.

    Raises
    ------
    ModelShapeError
        If it is neither, or the file does not say layers, heads and width.
    """
    wanted = _loose(str(model))
    for key, shape in PRESETS.items():
        if wanted in {_loose(key), _loose(shape.name)}:
            return shape
    path = _config_path(model)
    config = _read_config(path)
    name = str(config.get("_name_or_path") or config.get("model_type") or path.parent.name)
    return shape_of_config(config, name, path)


def _loose(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _config_path(model: str | Path) -> Path:
    try:
        path = Path(model).expanduser()
        path = path / "config.json" if path.is_dir() else path
        found = path.is_file()
    except (OSError, RuntimeError):  # a name too long for a path, or no home to expand
        found = False
    if not found:
        raise ModelShapeError(
            f"a model must be one of {', '.join(PRESETS)} or a config.json; got {str(model)!r}"
        )
    return path


def _read_config(path: Path) -> Config:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelShapeError(f"{path} must be readable JSON; it is not", str(error)) from error
    if not isinstance(config, dict):
        raise ModelShapeError(f"{path} must hold a JSON object; got {type(config).__name__}")
    return config


def shape_of_config(config: Config, name: str, path: str | Path | None = None) -> ModelShape:
    """Return the shape a model's configuration describes.

    Parameters
    ----------
    config : mapping
        What its ``config.json`` holds.
    name : str
        Name on screen.
    path : str or Path, optional
        What to call the configuration in errors; `name` when omitted.

    Raises
    ------
    ModelShapeError
        If it does not say layers, heads and width, or its cache holds no K and V per head.
    """
    path = name if path is None else path
    # Models that also see or hear keep their language part apart.
    nested = config.get("text_config")
    config = nested if isinstance(nested, dict) else config
    if config.get("kv_lora_rank"):
        raise ModelShapeError(
            f"{path} must describe a cache of K and V per head; "
            "got multi-head latent attention, which stores one latent instead"
        )
    layers = _number(config, path, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    heads = _number(config, path, "num_attention_heads", "n_head", "num_heads", "n_heads")
    hidden = _number(config, path, "hidden_size", "n_embd", "d_model")
    return ModelShape(
        name,
        layers,
        kv_heads=_kv_heads(config, path, heads),
        head_dim=_head_dim(config, path, hidden, heads),
        query_heads=heads,
        hidden=hidden,
    )


def _kv_heads(config: Config, path: str | Path, heads: int) -> int:
    names = ("num_key_value_heads", "num_kv_heads", "n_kv_heads")
    if any(config.get(name) is not None for name in names):
        return _number(config, path, *names)
    shared = config.get("multi_query") is True and not config.get("new_decoder_architecture")
    return 1 if shared else heads


def _head_dim(config: Config, path: str | Path, hidden: int, heads: int) -> int:
    if config.get("head_dim") is not None:
        return _number(config, path, "head_dim")
    if hidden % heads:
        raise ModelShapeError(
            f"{path} must say head_dim, or a width its heads divide; got {hidden} over {heads}"
        )
    return hidden // heads


def _number(config: Config, path: str | Path, *names: str) -> int:
    name = next((name for name in names if config.get(name) is not None), None)
    if name is None:
        raise ModelShapeError(f"{path} must say {' or '.join(names)}; it does not")
    value = config[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelShapeError(f"{name} in {path} must be a positive integer; got {value!r}")
    return value
