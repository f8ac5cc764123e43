"""Long work of the window, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.capture.specs import CaptureFacts
from kvsplice_core.methods import Method
from kvsplice_core.progress import relay
from kvsplice_core.results import SweepResult, SweepStep
from kvsplice_core.shapes import SplineShape
from kvsplice_core.specs import CalibrationSpec, Recipe, SweepSpec
from kvsplice_gui.state import DataWish

if TYPE_CHECKING:
    from kvsplice_core.capture.specs import CaptureFacts
    from kvsplice_core.codec import Codec
    from kvsplice_core.values.tensors import TensorInfo
    from kvsplice_core.values.values import Values

_BINS = 60
_DENSITY_VECTORS = 20_000
_DENSITY_RANGE = (0.1, 99.9)


@dataclass(frozen=True)
class Density:
    """Histograms of every dimension, to draw behind the splines.

    Parameters
    ----------
    edges : ndarray, shape (d, bins + 1)
        In units of V.
    counts : ndarray, shape (d, bins)
        Relative to the fullest bin of each dimension, 0 … 1.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.float64]

    @cached_property
    def identity(self) -> SplineShape:
        """Straight lines over the range of the data."""
        ends = self.edges[:, [0, self.edges.shape[1] // 2, -1]].astype(np.float32)
        return SplineShape(ends, ends, np.ones((len(ends), 2), dtype=np.float32))


@dataclass(frozen=True)
class Dataset:
    """Vectors, the tensors beside them in the file, and their densities.

    `capture` is what the file says of the model it was captured from; None for any other file.
    """

    values: Values
    tensors: tuple[TensorInfo, ...]
    density: Density
    wish: DataWish
    capture: CaptureFacts | None = None


@dataclass(frozen=True)
class Note:
    """A line for the status bar while work is going on."""

    text: str


def load_job(wish: DataWish, device: str) -> Generator[Note, None, tuple[Dataset, SweepResult]]:
    """Read vectors and compare nothing yet: PCA at the usual k, which takes no calibration."""
    yield Note("Loading the engine (torch)…")
    from kvsplice_core.sweeping import sweep
    from kvsplice_core.threads import limit_threads
    from kvsplice_core.values.values import describe, load_values

    limit_threads()
    yield Note(f"Reading {Path(wish.source).name}…")
    tensors = describe(wish.source)
    values = load_values(
        wish.source,
        tensor=wish.tensor,
        layer=wish.layer,
        head=wish.head,
        pool_heads=wish.pool_heads,
        axes=wish.axes,
        budget=wish.budget,
        seed=wish.seed,
    )
    yield Note("Measuring PCA…")
    density = density_of(values.rows.numpy())
    dataset = Dataset(values, tensors, density, wish, _capture_facts(wish.source))
    spec = SweepSpec((Method.PCA,), calibration=CalibrationSpec(device=device))
    usual = tuple(k for k in spec.ks if k <= values.summary.dim)
    work = sweep(values, replace(spec, ks=usual))
    result = yield from relay(work, lambda _: Note("Measuring PCA…"))
    return dataset, result


def _capture_facts(source: str) -> CaptureFacts | None:
    from kvsplice_core.capture.file import is_capture, open_capture

    return open_capture(source).facts if is_capture(source) else None


def sweep_job(
    dataset: Dataset,
    spec: SweepSpec,
    warm: SweepResult | None = None,
    reuse: SweepResult | None = None,
) -> Generator[SweepStep, None, SweepResult]:
    """Sweep, from the codecs of `warm` if given; `reuse` gives transforms taken as they are."""
    from kvsplice_core.sweeping import sweep

    start = {} if warm is None else _codecs(warm)
    shared = {} if reuse is None else _transforms(reuse)
    return (yield from sweep(dataset.values, spec, start, shared))


def merged(result: SweepResult, update: SweepResult) -> SweepResult:
    """Return `result` with the rows of `update` in place of its own."""
    new = {(row.method, row.k) for row in update.rows}
    rows = [row for row in result.rows if (row.method, row.k) not in new]
    place = {method: i for i, method in enumerate(Method)}
    rows = sorted((*rows, *update.rows), key=lambda row: (row.k, place[row.method]))
    spec = replace(
        update.spec,
        methods=tuple(dict.fromkeys((*result.spec.methods, *update.spec.methods))),
        ks=tuple(sorted({row.k for row in rows})),
    )
    return replace(update, rows=tuple(rows), spec=spec)


def density_of(rows: NDArray[np.float32]) -> Density:
    """Count where the values of each dimension lie; shape (n, d) in."""
    every = max(1, len(rows) // _DENSITY_VECTORS)
    part = rows[::every].astype(np.float64)
    low, high = np.percentile(part, _DENSITY_RANGE, axis=0)
    span = np.maximum(high - low, 1e-12)
    place = np.clip(((part - low) / span * _BINS).astype(np.int64), 0, _BINS - 1)
    flat = place + np.arange(part.shape[1]) * _BINS
    counts = np.bincount(flat.ravel(), minlength=part.shape[1] * _BINS).reshape(-1, _BINS)
    edges = low[:, None] + span[:, None] * np.linspace(0, 1, _BINS + 1)
    return Density(edges, counts / np.maximum(counts.max(1, keepdims=True), 1))


def _codecs(result: SweepResult) -> Mapping[tuple[Method, int], Codec]:
    if result.spec.calibration.recipe is not Recipe.JOINT:
        return {}  # one transform serves every k and takes seconds: it starts anew
    learnt = (row for row in result.rows if row.method.is_learnt and row.kept is row.method)
    return {(row.method, row.k): row.calibration.codec for row in learnt}


def _transforms(result: SweepResult) -> Mapping[Method, Codec]:
    if result.spec.calibration.recipe is not Recipe.ORIGIN:
        return {}
    return {row.method: row.calibration.codec for row in result.rows if row.method.is_learnt}
