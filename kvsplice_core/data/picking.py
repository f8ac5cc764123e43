"""Which tensor, layer and heads of a source to use, and which of its tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.data.axes import resolve_axes, split_axes
from kvsplice_core.data.tensors import Array, TensorFile, TensorInfo, brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Pick:
    """What was picked.

    Parameters
    ----------
    info : TensorInfo
        The tensor, its axes as stated if they were.
    layer : int or None
        The layer, where the source tells it.
    head : int or None
        The head; None when heads are pooled or there is no head axis.
    """

    info: TensorInfo
    layer: int | None
    head: int | None

    @property
    def pooled_heads(self) -> int:
        """Rows that each token gives."""
        return 1 if self.head is not None else max(1, self.info.heads)


def pick(
    file: TensorFile,
    *,
    tensor: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    pool_heads: bool = False,
    axes: str | Sequence[str] | None = None,
) -> Pick:
    """Pick one tensor, layer and head; by default V, the lowest layer, and head 0.

    Raises
    ------
    SpecError
        If a wish fits nothing in the file, or several tensors fit it equally.
    """
    if head is not None and pool_heads:
        raise SpecError(f"either a head is picked or heads are pooled; got head {head} and both")
    named = _with_axes(_with_name(file, tensor), axes)
    found = _with_layer(named, layer)
    if len(found) > 1:
        names = [info.name for info in found]
        raise SpecError(f"a tensor must be chosen from {brief(names)}", details="\n".join(names))
    info = found[0]
    chosen = min(info.layers, default=None) if layer is None else layer
    return Pick(info, chosen, _head(info, head, pool_heads))


def _with_name(file: TensorFile, name: str | None) -> list[TensorInfo]:
    if name is None:
        return list(file.tensors)
    found = [info for info in file.tensors if info.name == name]
    if not found:
        names = [info.name for info in file.tensors]
        raise SpecError(f"tensor must be one of {brief(names)}; got {name!r}", "\n".join(names))
    return found


def _with_axes(infos: list[TensorInfo], axes: str | Sequence[str] | None) -> list[TensorInfo]:
    if axes is None:
        return infos
    count = len(split_axes(axes))
    # Where no tensor has that many axes, the first one is used to say so.
    fitting = [info for info in infos if len(info.shape) == count] or infos[:1]
    return [replace(info, axes=resolve_axes(info.shape, axes)) for info in fitting]


def _with_layer(infos: list[TensorInfo], layer: int | None) -> list[TensorInfo]:
    if layer is not None:
        known = sorted({number for info in infos for number in info.layers})
        if layer not in known:
            there = (
                f"must be one of {brief([str(n) for n in known], 40)}"
                if known
                else ("cannot be picked, because no tensor tells its layer")
            )
            raise SpecError(f"layer {there}; got {layer}")
        return _of_best_kind([info for info in infos if layer in info.layers])
    values = _of_best_kind(infos)
    lowest = min((min(info.layers) for info in values if info.layers), default=None)
    return [info for info in values if lowest is None or lowest in info.layers]


def _of_best_kind(infos: list[TensorInfo]) -> list[TensorInfo]:
    for kind in ("v", "", "k"):
        found = [info for info in infos if info.kind == kind]
        if found:
            return found
    return infos


def _head(info: TensorInfo, head: int | None, pool_heads: bool) -> int | None:
    if info.heads == 0:
        if head is not None:
            raise SpecError(f"a head needs a head axis; got head {head} and axes {info.axes}")
        return None
    if pool_heads:
        return None
    if head is not None and not 0 <= head < info.heads:
        raise SpecError(f"head must lie in 0 … {info.heads - 1}; got {head}")
    return head or 0


def arrange(array: Array, picked: Pick) -> Array:
    """View `array` as (batch, token, dim), or (batch, token, head, dim) when heads are pooled."""
    names = list(picked.info.axes.names)
    for axis, index in (("layer", picked.layer), ("head", picked.head)):
        if axis in names and index is not None:
            position = names.index(axis)
            array = array[(slice(None),) * position + (index,)]
            del names[position]
    order = [names.index(name) for name in ("batch", "token", "head", "dim") if name in names]
    view = array.permute(order) if isinstance(array, Tensor) else array.transpose(order)
    return view if "batch" in names else view[None]


def sample_tokens(available: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Return `wanted` of `available` token positions, in order, without repeats."""
    if wanted >= available:
        return np.arange(available)
    chosen = np.random.default_rng(seed).choice(available, wanted, replace=False, shuffle=False)
    return np.sort(chosen)


def gather(view: Array, tokens: NDArray[np.int64]) -> Tensor:
    """Read `tokens` of an arranged view, and nothing else of it.

    Parameters
    ----------
    view : Tensor or ndarray, shape (batch, token, [head,] d)
        As `arrange` returns it.
    tokens : ndarray, shape (m,)
        Positions in the flattened (batch, token).

    Returns
    -------
    Tensor, shape (m · heads, d), float32
        Contiguous, on the CPU, sharing nothing with `view`; heads of a token stand together.
    """
    batch, token = np.divmod(tokens, view.shape[1])
    if isinstance(view, Tensor):
        device = view.device
        index = (torch.from_numpy(batch).to(device), torch.from_numpy(token).to(device))
        block = view[index].to("cpu", torch.float32)
    else:
        with np.errstate(over="ignore"):  # too large for fp32 becomes infinite, and is reported
            block = torch.from_numpy(np.ascontiguousarray(view[batch, token], dtype=np.float32))
    return block.reshape(-1, view.shape[-1]).contiguous()
