"""Taking the rotary position embedding off K again, by the model's own functions."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.language.models import LanguageModel, rotary_of
from kvsplice_core.language.projections import attention_modules
from kvsplice_core.language.recording import read_window

_PROBE = 32
_SHIFT = 5
_TOLERANCE = 0.1
"""Of the norm of K: bfloat16 stays far below it, a wrong rotation far above."""


@dataclass(frozen=True, eq=False)
class RotaryInverse:
    """Turns K as a cache holds it into K before its rotary embedding.

    Parameters
    ----------
    model : PreTrainedModel
    rotary : nn.Module
        Gives cos and sin of positions.
    applies : dict
        The rotation of each layer's modelling module.
    """

    model: Any
    rotary: Any
    applies: dict[int, Callable[..., tuple[Tensor, Tensor]]]

    def __call__(self, layer: int, keys: Tensor, first_position: int = 0) -> Tensor:
        """Return K (batch, kv_heads, tokens, head_dim) before rotary, fp32."""
        cos, sin = self._angles(layer, keys, first_position)
        # Scaled embeddings (YaRN) are no pure rotation: cos² + sin² is their squared scale.
        square = cos.square() + sin.square()
        turned, rest = keys[..., : cos.shape[-1]].float(), keys[..., cos.shape[-1] :].float()
        _, turned = self.applies[layer](turned, turned, cos / square, -sin / square)
        return torch.cat([turned, rest], dim=-1)

    def _angles(self, layer: int, keys: Tensor, first: int) -> tuple[Tensor, Tensor]:
        positions = torch.arange(first, first + keys.shape[2], device=keys.device)[None]
        options = {}
        if "layer_type" in inspect.signature(self.rotary.forward).parameters:
            options["layer_type"] = self.model.config.get_text_config().layer_types[layer]
        # In the dtype of K, so that the angles are rounded just as they were in the model.
        cos, sin = self.rotary(keys, positions, **options)
        return cos.float(), sin.float()


def rotary_inverse(
    language: LanguageModel, tokens: Tensor, layers: tuple[int, ...]
) -> RotaryInverse:
    """Return the inverse for a model, tried on the first of `tokens`.

    Moving every position by the same distance changes nothing but the rotation of K: so the tokens
    are read at two places, and K before rotary must be the same.

    Raises
    ------
    LanguageModelError
        If the model has no rotary embedding, or of a kind that cannot be taken off.
    """
    if not language.facts.rotary:
        raise LanguageModelError(
            f"K before rotary needs a model with rotary embedding; {language.name} has none"
        )
    probe = tokens[: min(_PROBE, language.context - _SHIFT)]
    try:
        inverse = RotaryInverse(language.model, rotary_of(language.model), _applies(language.model))
        errors = _errors(language, inverse, probe, layers)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _unknown(language, "form unknown", repr(error)) from error
    for layer, miss in errors.items():
        if not miss <= _TOLERANCE:
            raise _unknown(language, f"layer {layer} misses by {miss:.2g}")
    return inverse


def _applies(model: Any) -> dict[int, Callable[..., Any]]:  # noqa: ANN401
    modules = {i: type(module).__module__ for i, module in attention_modules(model).items()}
    return {i: sys.modules[name].apply_rotary_pos_emb for i, name in modules.items()}


def _errors(
    language: LanguageModel, inverse: RotaryInverse, probe: Tensor, layers: tuple[int, ...]
) -> dict[int, float]:
    found: list[dict[int, Tensor]] = []
    for first in (0, _SHIFT):
        keys: dict[int, Tensor] = {}

        def record(layer: int, key: Tensor, value: Tensor) -> None:
            del value
            if layer in layers:
                keys[layer] = inverse(layer, key, first)  # noqa: B023 - used before it changes

        read_window(language, probe, record, first_position=first)
        found.append(keys)
    here, there = found
    return {i: float((there[i] - here[i]).norm() / here[i].norm()) for i in here}


def _unknown(language: LanguageModel, why: str, details: str = "") -> LanguageModelError:
    return LanguageModelError(
        f"K before rotary needs a rotary embedding that can be taken off; that of "
        f"{language.name} cannot ({why})",
        details,
    )
