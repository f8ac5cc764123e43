"""What an opened source holds, before any of its numbers are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.axes import MAX_AXES, MIN_AXES, Axes, resolve_axes
from kvsplice_core.data.capture import ATTENTION, is_capture_metadata
from kvsplice_core.data.names import Kind, kind_of, layer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")

Array = Tensor | NDArray[Any]
"""A tensor or an ndarray, mapped from a file or in memory."""


@dataclass(frozen=True)
class TensorInfo:
    """One tensor that may hold vectors.

    Parameters
    ----------
    name : str
        Its name in the file; ``array`` when it has none.
    shape : tuple of int
        Its sizes.
    dtype : str
        ``float16``, ``bfloat16``, ``float32`` or ``float64``.
    axes : Axes
        What the sizes mean, and who said so.
    layer : int or None
        The layer in its name.
    kind : str
        ``v``, ``k``, or empty when the name does not tell.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    axes: Axes
    layer: int | None
    kind: Kind

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers it offers: those of its layer axis, else the one in its name, else none."""
        size = self.axes.size(self.shape, "layer")
        if size is not None:
            return tuple(range(size))
        return () if self.layer is None else (self.layer,)

    @property
    def heads(self) -> int:
        """Length of its head axis; 0 when there is none."""
        return self.axes.size(self.shape, "head") or 0

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return self.shape[-1]


@dataclass(frozen=True)
class Entry:
    """A tensor as a file lists it; `dtype` in the words of numpy, or the file's own."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_candidate(self) -> bool:
        """Whether it may hold vectors: floats, two to five axes, none of them empty."""
        fits = MIN_AXES <= len(self.shape) <= MAX_AXES and 0 not in self.shape
        return fits and self.dtype in FLOAT_DTYPES

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {self.shape}"


@dataclass(frozen=True)
class TensorFile:
    """An opened source.

    Parameters
    ----------
    source : str
        What the user named: a path, a sample, or ``array``.
    tensors : tuple of TensorInfo
        Everything in it that may hold vectors; at least one.
    read : callable
        Returns a tensor by name, memory-mapped where the format allows.
    metadata : mapping
        What the file says about itself.
    """

    source: str
    tensors: tuple[TensorInfo, ...]
    read: Callable[[str], Array]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def provenance(self) -> str:
        """Where the vectors come from, as the metadata say; may be empty."""
        keys = ("provenance", "model", "text", "source", "license")
        return "; ".join(self.metadata[key] for key in keys if key in self.metadata)


def tensor_file(
    source: str,
    entries: Iterable[Entry],
    read: Callable[[str], Array],
    metadata: Mapping[str, str] | None = None,
) -> TensorFile:
    """Keep the entries that may hold vectors and name their axes.

    Raises
    ------
    DataError
        If none is left, with what was there, or the metadata's ``axes`` make no sense.
    """
    listed = tuple(entries)
    known = dict(metadata or {})
    offered = [entry for entry in listed if entry.is_candidate and not _is_beside(entry, known)]
    kept = tuple(_info(entry, known.get("axes")) for entry in offered)
    if not kept:
        raise DataError(
            f"{source} must hold a float16, bfloat16, float32 or float64 tensor of "
            f"{MIN_AXES} to {MAX_AXES} axes; got {brief([str(entry) for entry in listed])}",
            details="\n".join(str(entry) for entry in listed),
        )
    return TensorFile(source, kept, read, known)


def entry_of(name: str, array: Array) -> Entry:
    """Describe an array or a tensor in memory or mapped."""
    if isinstance(array, Tensor):
        # Sparse and meta tensors have no rows to index; the prefix keeps them from being picked.
        layout = "" if array.layout is torch.strided else f"{array.layout} "
        device = "meta " if array.is_meta else ""
        return Entry(
            name, tuple(array.shape), f"{layout}{device}{array.dtype}".replace("torch.", "")
        )
    return Entry(name, tuple(array.shape), array.dtype.name)


def array_file(source: str, array: Array) -> TensorFile:
    """Wrap an array or a tensor as a source of one tensor named ``array``."""
    held = array.detach() if isinstance(array, Tensor) else np.asarray(array)
    return tensor_file(source, [entry_of("array", held)], lambda _: held)


def brief(words: list[str], most: int = 8) -> str:
    """Join `words`, cut after `most` of them; ``nothing`` when there are none."""
    shown = ", ".join(words[:most]) or "nothing"
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def _is_beside(entry: Entry, metadata: Mapping[str, str]) -> bool:
    """Whether a tensor of a capture stands beside its vectors (attention received)."""
    return is_capture_metadata(metadata) and entry.name.endswith(ATTENTION)


def _info(entry: Entry, metadata_axes: str | None) -> TensorInfo:
    axes = resolve_axes(entry.shape, metadata=metadata_axes)
    name = entry.name
    return TensorInfo(name, entry.shape, entry.dtype, axes, layer_of(name), kind_of(name))
