"""The vectors of one layer and head, ready to calibrate on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.data.documents import boundaries_in, document_starts, nearest_boundary
from kvsplice_core.data.picking import Pick, arrange, gather, pick, sample_tokens
from kvsplice_core.data.readers import open_tensors
from kvsplice_core.data.samples import SAMPLES, open_sample
from kvsplice_core.data.source import VectorSource
from kvsplice_core.data.summary import SAMPLE_BUDGET, DataSummary
from kvsplice_core.data.tensors import Array, TensorFile, TensorInfo, array_file

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_VECTORS = 16
_NOT_VECTORS = {"kvsplice-card": "a card (the codecs of a model)", "kvsplice-codec": "a codec"}
MIN_DIM = 2
MIN_PART = 2
Source = str | Path | Tensor | NDArray[Any]
"""A sample's name, a path, an ndarray or a tensor."""


@dataclass(frozen=True, eq=False)
class Values:
    """Vectors and where they come from.

    Parameters
    ----------
    rows : Tensor, shape (n, d)
        float32, contiguous, on the CPU; batch by batch, token by token, and within a token head
        by head when heads are pooled.
    summary : DataSummary
        What was picked.
    boundaries : tuple of int
        The rows at which documents begin, the first document left out; empty when unknown.
    """

    rows: Tensor
    summary: DataSummary
    boundaries: tuple[int, ...] = ()

    @property
    def rows_per_token(self) -> int:
        """Rows that belong to one token: the pooled heads, or 1."""
        return self.summary.pooled_heads

    def split(self, train_fraction: float) -> tuple[Tensor, Tensor]:
        """Cut the rows in order, between two tokens, into training and test part.

        Where documents are known the cut lies between two of them, nearest to the wished share,
        so that no document is in both parts; of three or more, the training part gets two at
        least, the second of which can decide (see `calibration.split_parts`).

        Parameters
        ----------
        train_fraction : float
            Share of the tokens in the first part, between 0 and 1; rounded down.

        Returns
        -------
        train, test : Tensor, shapes (n_train, d) and (n_test, d)
            Views of `rows`.

        Raises
        ------
        SpecError
            If the share lies outside 0 … 1.
        DataError
            If a part would have fewer than 2 rows.
        """
        if not 0 < train_fraction < 1:
            raise SpecError(f"the training share must lie between 0 and 1; got {train_fraction}")
        tokens = len(self.rows) // self.rows_per_token
        # 0.29 · 100 is 28.999…: rounded first, so that whole shares stay whole.
        cut = int(round(tokens * train_fraction, 6)) * self.rows_per_token
        between = self.boundaries[1:] or self.boundaries
        cut = nearest_boundary(between, cut, len(self.rows), MIN_PART)
        train, test = self.rows[:cut], self.rows[cut:]
        if min(len(train), len(test)) < MIN_PART:
            raise DataError(
                f"training and test part need at least {MIN_PART} rows each; "
                f"got {len(train)} and {len(test)}"
            )
        return train, test


def describe(source: Source) -> tuple[TensorInfo, ...]:
    """List the tensors of a source that may hold vectors.

    Raises
    ------
    DataError
        If the source cannot be read or holds none.
    """
    return _open(source).tensors


def load(source: VectorSource) -> Values:
    """Read the vectors that a task names; see `load_values`."""
    return load_values(
        source.data,
        tensor=source.tensor,
        layer=source.layer,
        head=source.head,
        pool_heads=source.pool_heads,
        axes=source.axes,
        budget=source.budget,
        seed=source.seed,
    )


def load_values(
    source: Source,
    *,
    tensor: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    pool_heads: bool = False,
    axes: str | Sequence[str] | None = None,
    budget: int = SAMPLE_BUDGET,
    seed: int = 0,
) -> Values:
    """Read vectors to calibrate on.

    Parameters
    ----------
    source : str, Path, ndarray or Tensor
        A sample's name (see ``SAMPLES``), a file (see `open_tensors`), or the numbers
        themselves, shape (n, d) up to (layer, batch, head, token, d).
    tensor : str, optional
        The tensor's name; needed only when several hold the same layer.
    layer : int, optional
        Layer in the tensor's name or index of its layer axis; the lowest by default.
    head : int, optional
        Index of the head axis; 0 by default.
    pool_heads : bool
        Take every head; the rows of a token stand together.
    axes : str or sequence of str, optional
        What the axes are, for example ``"token head dim"``; else as the file says, else inferred.
    budget : int
        At most so many rows, ≥ 16: a seeded sample of whole tokens, kept in order. Nothing else
        is read of a file that can be mapped.
    seed : int
        Seeds that sample; ≥ 0.

    Raises
    ------
    SpecError
        If an option fits nothing in the source.
    DataError
        If the source cannot be read, has fewer than 16 vectors or 2 dimensions, or holds NaN or
        infinite numbers.

    Examples
    --------
    >>> load_values("geometric-mix").rows.shape
    torch.Size([6000, 128])
    """
    if budget < MIN_VECTORS:
        raise SpecError(f"the budget must be at least {MIN_VECTORS} rows; got {budget}")
    if seed < 0:
        raise SpecError(f"the seed must be at least 0; got {seed}")
    file = _open(source)
    picked = pick(file, tensor=tensor, layer=layer, head=head, pool_heads=pool_heads, axes=axes)
    view = arrange(file.read(picked.info.name), picked)
    tokens = _sampled(view, picked.pooled_heads, budget, seed)
    rows = gather(view, tokens)
    _require_usable(rows, file.source)
    starts = document_starts(file, picked.info, _count(view))
    summary = _summary(file, picked, rows, _count(view) * picked.pooled_heads, seed)
    boundaries = boundaries_in(tokens, starts, picked.pooled_heads)
    documents = len(boundaries) + 1 if starts is not None else 0
    return Values(rows, replace(summary, documents=documents), boundaries)


def _open(source: Source) -> TensorFile:
    if isinstance(source, np.ndarray | Tensor):
        return array_file("array", source)
    if not isinstance(source, str | Path):
        kind = type(source).__name__
        raise DataError(f"vectors must be a sample, a file, an ndarray or a tensor; got {kind}")
    if source in SAMPLES:
        return _open_sample(str(source))
    if isinstance(source, str) and not Path(source).suffix:
        known = ", ".join(SAMPLES)
        raise DataError(f"vectors must be a sample ({known}) or a tensor file; got {source!r}")
    file = open_tensors(source)
    for schema, what in _NOT_VECTORS.items():
        if schema in file.metadata:
            raise DataError(f"{source} must hold vectors; it holds {what}")
    return file


def _open_sample(name: str) -> TensorFile:
    sample = open_sample(name)
    file = open_tensors(sample) if isinstance(sample, Path) else array_file(name, sample)
    metadata = file.metadata or {"provenance": SAMPLES[name]}
    return TensorFile(name, file.tensors, file.read, metadata)


def _count(view: Array) -> int:
    return view.shape[0] * view.shape[1]


def _sampled(view: Array, pooled_heads: int, budget: int, seed: int) -> NDArray[np.int64]:
    if pooled_heads > budget:
        raise SpecError(f"the budget must hold one token of {pooled_heads} heads; got {budget}")
    return sample_tokens(_count(view), budget // pooled_heads, seed)


def _require_usable(rows: Tensor, source: str) -> None:
    n, d = rows.shape
    if n < MIN_VECTORS or d < MIN_DIM:
        raise DataError(
            f"{source} must give at least {MIN_VECTORS} vectors of {MIN_DIM} dimensions; "
            f"got {n} × {d}"
        )
    finite = torch.isfinite(rows).all(dim=1)
    if not bool(finite.all()):
        bad = n - int(finite.sum())
        raise DataError(
            f"{source} must hold finite numbers; {bad} of {n} rows have NaN or infinite ones"
        )


def _summary(
    file: TensorFile, picked: Pick, rows: Tensor, available: int, seed: int
) -> DataSummary:
    return DataSummary(
        source=file.source,
        tensor=picked.info.name,
        layer=picked.layer,
        head=picked.head,
        pooled_heads=picked.pooled_heads,
        axes=str(picked.info.axes),
        vectors=rows.shape[0],
        dim=rows.shape[1],
        available=available,
        seed=seed,
        sha256=hashlib.sha256(rows.numpy().data).hexdigest(),
        provenance=file.provenance,
    )
