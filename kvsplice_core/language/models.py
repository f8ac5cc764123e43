"""Loading a causal language model from the bundle, a folder or the hub."""

from __future__ import annotations

import hashlib
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch

from kvsplice_core.base.devices import resolve_device
from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.base.resources import resource_path
from kvsplice_core.data.model_shape import ModelShape, shape_of_config
from kvsplice_core.language.bundled import BUNDLED

_USUAL_CONTEXT = 1_024


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal language model with its tokenizer, ready to read.

    Parameters
    ----------
    name : str
        What the user asked for.
    model : PreTrainedModel
        In evaluation mode, on its device.
    tokenizer : PreTrainedTokenizerBase
        Its tokenizer.
    sha256 : str
        Hash of its weights (names and bytes, in the order of names), in hexadecimal.
    shape : ModelShape
        Layers, KV heads, head_dim.
    context : int
        Most tokens it reads at once.
    """

    name: str
    model: Any
    tokenizer: Any
    sha256: str
    shape: ModelShape
    context: int

    @property
    def device(self) -> torch.device:
        """Where its weights live."""
        device: torch.device = self.model.device
        return device

    @cached_property
    def start(self) -> tuple[int, ...]:
        """Tokens its tokenizer puts before a text (a beginning-of-sequence token), often none."""
        with_start, plain = (
            self.tokenizer("a", add_special_tokens=special)["input_ids"]
            for special in (True, False)
        )
        before = next((i for i, token in enumerate(with_start) if token == plain[0]), 0)
        return tuple(with_start[:before])

    def context_for(self, wished: int | None) -> int:
        """Return the tokens to read at once: what is wished, else its own, at most 1024.

        Raises
        ------
        SpecError
            If more is wished than it reads, or no more than the tokens it starts a text with.
        """
        if wished is None:
            return min(self.context, _USUAL_CONTEXT)
        if not len(self.start) < wished <= self.context:
            raise SpecError(
                f"context must lie between {len(self.start) + 1} and the {self.context} tokens "
                f"{self.name} reads; got {wished}"
            )
        return wished

    @property
    def facts(self) -> ModelFacts:
        """What captures and cards write down of it."""
        shape = self.shape
        # Older families (GPT-J, CodeGen) turn K inside attention and only name the dimensions.
        inside = bool(getattr(self.model.config, "rotary_dim", None))
        rotary = inside or rotary_of(self.model) is not None
        return ModelFacts(
            self.name, self.sha256, shape.layers, shape.kv_heads, shape.head_dim, rotary
        )


def load_model(
    name: str,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    attention: str = "sdpa",
) -> LanguageModel:
    """Load a model and its tokenizer; nothing in it is unpickled or executed.

    Parameters
    ----------
    name : str
        ``gpt2-mini`` for the bundled one, a local folder, or a hub id, looked for on this machine
        first.
    device : str
        As `resolve_device` takes it.
    dtype : torch.dtype
        What weights and cache are computed in.
    attention : str
        ``eager``, or ``sdpa`` where the family has it (else ``eager`` as well).

    Raises
    ------
    LanguageModelError
        If it is not at hand, damaged, or no causal language model with a KV cache.
    SpecError
        If the device is not available.
    """
    place = resolve_device(device)
    source = _source(name)
    _silence()
    config, model, tokenizer = _load(name, source, dtype, attention)
    model = model.to(place).eval().requires_grad_(False)
    shape = shape_of_config(config.to_dict(), name)
    return LanguageModel(name, model, tokenizer, weights_hash(model), shape, _context(config))


def rotary_of(model: Any) -> Any | None:  # noqa: ANN401 - transformers has no types here
    """Return the module that gives the angles of the rotary embedding, or None."""
    return getattr(model.get_decoder(), "rotary_emb", None)


def weights_hash(model: Any) -> str:  # noqa: ANN401
    """Return the SHA-256 of the weights as fp32, whatever their order in the file.

    Weights stored in fp16 or bf16 give the same hash whichever dtype they are loaded in; tied ones
    count once.
    """
    digest = hashlib.sha256()
    seen = set()
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _source(name: str) -> str:
    if name == BUNDLED:
        return str(resource_path(BUNDLED))
    with suppress(OSError, RuntimeError, ValueError):
        folder = Path(name).expanduser()
        if folder.is_dir():
            if not (folder / "config.json").is_file():
                raise LanguageModelError(f"a model's folder must hold config.json; {name} does not")
            return str(folder)
    return name


def _silence() -> None:
    """Keep the library's own bars and warnings off the screen; what matters is raised."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _load(name: str, source: str, dtype: torch.dtype, attention: str) -> tuple[Any, Any, Any]:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    last: Exception | None = None
    # On this machine first: a model at hand must open without a network, and at once.
    for local in (True,) if Path(source).is_dir() else (True, False):
        if not local and not _hub_answers():
            break
        try:
            config = AutoConfig.from_pretrained(source, local_files_only=local)
            if config.is_encoder_decoder:
                raise LanguageModelError(
                    f"a model must be causal (decoder only); {name} is {config.model_type}"
                )
            model = AutoModelForCausalLM.from_pretrained(
                source,
                config=config,
                dtype=dtype,
                # Left to the library, sdpa is taken where the family has it (Gemma 2 has not).
                attn_implementation=None if attention == "sdpa" else attention,
                use_safetensors=True,
                local_files_only=local,
            )
            return config, model, AutoTokenizer.from_pretrained(source, local_files_only=local)
        except LanguageModelError:
            raise
        except Exception as error:  # noqa: BLE001 - a library's words about a user's model
            last = error
    raise LanguageModelError(_why_not(name, source), details=str(last)) from last


def _hub_answers() -> bool:
    """Say whether the hub's name can be looked up; the library would retry for half a minute."""
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname
    if getproxies():
        return True  # then it is the proxy that looks names up
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def _why_not(name: str, source: str) -> str:
    if Path(source).is_dir():
        return f"{name} must hold a causal language model that transformers can load; it does not"
    return (
        f"the model {name!r} is neither a folder nor at hand, and could not be downloaded; "
        f"name a folder with config.json and safetensors, connect once, or use {BUNDLED}"
    )


def _context(config: Any) -> int:  # noqa: ANN401
    text = config.get_text_config()
    for field in ("max_position_embeddings", "n_positions", "n_ctx"):
        length = getattr(text, field, None)
        if isinstance(length, int) and length > 0:
            return length
    return 2048
