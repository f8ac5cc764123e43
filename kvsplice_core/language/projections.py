"""The output projection behind attention (W_O), found in any family's module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from kvsplice_core.base.errors import LanguageModelError

_NAMES = ("o_proj", "c_proj", "out_proj", "dense")


@dataclass(frozen=True, eq=False)
class OutputProjection:
    """W_O of one layer.

    Parameters
    ----------
    attention : nn.Module
        The module that owns it.
    name : str
        Its attribute there.
    weight : Tensor, shape (query_heads, head_dim, hidden)
        Maps each query head's output to the residual stream; fp32.
    bias : Tensor or None, shape (hidden,)
    """

    attention: nn.Module
    name: str
    weight: Tensor
    bias: Tensor | None


def attention_modules(model: Any) -> dict[int, nn.Module]:  # noqa: ANN401
    """Return the self-attention module of every layer."""
    found = {
        int(module.layer_idx): module
        for module in model.modules()
        if isinstance(getattr(module, "layer_idx", None), int)
        and any(isinstance(getattr(module, name, None), nn.Module) for name in _NAMES)
        and not getattr(module, "is_cross_attention", False)
    }
    if not found:
        raise LanguageModelError("a model must have attention layers of a known form; none found")
    return found


def output_projection(attention: nn.Module, head_dim: int) -> OutputProjection:
    """Return W_O of an attention module.

    Raises
    ------
    LanguageModelError
        If it has none of a known form.
    """
    from transformers.pytorch_utils import Conv1D

    for name in _NAMES:
        module = getattr(attention, name, None)
        if isinstance(module, nn.Linear):
            weight = module.weight.T
        elif isinstance(module, Conv1D):
            weight = module.weight
        else:
            continue
        split = weight.detach().float().reshape(-1, head_dim, weight.shape[1])
        bias = None if module.bias is None else module.bias.detach().float()
        return OutputProjection(attention, name, split, bias)
    raise LanguageModelError(f"no output projection of a known form in {type(attention).__name__}")
