"""Long work of the window, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.progress import relay
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.tasks.sweep import SweepResult, SweepRow, SweepSpec, SweepStep
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.dataset import (
    Dataset,
    density_of,
)
from kvsplice_gui.state.wishes import DataWish

if TYPE_CHECKING:
    from kvsplice_core.codec.codec import Codec
    from kvsplice_core.data.capture import CaptureFacts


@dataclass(frozen=True)
class Note:
    """A line for the status bar while work is going on."""

    text: str


def load_job(wish: DataWish, device: str) -> Generator[Note, None, tuple[Dataset, SweepResult]]:
    """Read vectors and compare nothing yet: PCA at the usual k, which takes no calibration."""
    yield Note("Loading the engine (torch)…")
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.data.vectors import describe, load_values
    from kvsplice_core.fit.sweep import sweep

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
    from kvsplice_core.data.capture_file import is_capture, open_capture

    return open_capture(source).facts if is_capture(source) else None


def sweep_job(
    dataset: Dataset,
    spec: SweepSpec,
    warm: SweepResult | None = None,
    reuse: SweepResult | None = None,
) -> Generator[SweepStep, None, SweepResult]:
    """Sweep, from the codecs of `warm` if given; `reuse` gives transforms taken as they are."""
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.fit.sweep import sweep

    limit_threads(spec.calibration.threads)
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


def cut_short(
    last: SweepResult, spec: SweepSpec, rows: tuple[SweepRow, ...], elapsed_s: float
) -> SweepResult:
    """Return the finished rows of a sweep that was cancelled as a result of the same vectors.

    Parameters
    ----------
    last : SweepResult
        Any other sweep of those vectors.
    spec : SweepSpec
        What was asked for.
    rows : tuple of SweepRow
    elapsed_s : float
        Seconds it took until then.
    """
    from kvsplice_core.base.devices import resolve_device

    place = {method: i for i, method in enumerate(Method)}
    ordered = sorted(rows, key=lambda row: (row.k, place[row.method]))
    device = str(resolve_device(spec.calibration.device))
    return replace(last, spec=spec, rows=tuple(ordered), device=device, elapsed_s=elapsed_s)


def _codecs(result: SweepResult) -> Mapping[tuple[Method, int], Codec]:
    if result.spec.calibration.recipe is not Recipe.JOINT:
        return {}  # one transform serves every k and takes seconds: it starts anew
    learnt = (row for row in result.rows if row.method.is_learnt and row.kept is row.method)
    return {(row.method, row.k): row.calibration.codec for row in learnt}


def _transforms(result: SweepResult) -> Mapping[Method, Codec]:
    if result.spec.calibration.recipe is not Recipe.ORIGIN:
        return {}
    return {row.method: row.calibration.codec for row in result.rows if row.method.is_learnt}
