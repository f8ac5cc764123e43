"""Several methods at several k on the same vectors, compared with PCA."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace

from kvsplice_core.base.progress import relay
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.pca import PCA
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.calibrate import (
    SharedTransform,
    calibrate_parts,
    require_k,
    split_parts,
)
from kvsplice_core.fit.judge import judge, rounding_error
from kvsplice_core.fit.metrics import Reconstruction, score
from kvsplice_core.fit.training import quarter
from kvsplice_core.tasks.sweep import (
    CalibrationResult,
    CalibrationStep,
    SweepResult,
    SweepRow,
    SweepSpec,
    SweepStep,
)
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_core.version import library_versions

Sweep = Generator[SweepStep, None, SweepResult]
_PROBE_VECTORS = 256


def sweep(
    values: Values,
    spec: SweepSpec,
    start: Mapping[tuple[Method, int], Codec] | None = None,
    reuse: Mapping[Method, Codec] | None = None,
) -> Sweep:
    """Calibrate and measure every method at every k.

    A generator: it yields progress after every batch and every finished row, and returns the
    result; closing it cancels. Recipe ``origin`` trains a method once and refits PCA for each k;
    ``joint`` trains each k by itself. The wished ``first_k`` is finished first for all methods.

    Parameters
    ----------
    values : Values
        Vectors (n, d).
    spec : SweepSpec
        Methods, ks and how to calibrate.
    start : mapping of (Method, k) to Codec, optional
        Codecs to warm-start rows from, with a quarter of the epochs.
    reuse : mapping of Method to Codec, optional
        For recipe ``origin``: codecs whose transform is taken as it is, so that further k cost
        one PCA and no training.

    Raises
    ------
    SpecError
        If a k exceeds d or the device is not available.
    """
    dim = values.rows.shape[1]
    for k in spec.ks:
        require_k(k, dim)
    return (yield from _Sweep(values, spec, start or {}, reuse or {}).run())


class _Clock:
    """Knows how much of the work is done: rows of a method cost what its last one cost."""

    def __init__(self, order: list[tuple[Method, int]], *, shared: bool) -> None:
        self._order = [method for method, _ in order if method.is_learnt]
        self._shared = shared
        self._costs: dict[Method, float] = {}
        self._done = 0
        self._fraction = 0.0

    def count(self, row: SweepRow) -> None:
        """Count a finished row."""
        if row.method.is_learnt:
            first = row.method not in self._costs
            if first or not self._shared:
                self._costs[row.method] = row.calibration.elapsed_s
            self._done += 1

    def step(
        self, calibration: CalibrationStep | None = None, row: SweepRow | None = None
    ) -> SweepStep:
        """Return the progress value of now."""
        within = 0.0 if calibration is None else calibration.fraction
        weights = [self._weight(i) for i in range(len(self._order))]
        done = sum(weights[: self._done]) + within * sum(weights[self._done : self._done + 1])
        # A dearer method than was guessed must not turn the bar back.
        self._fraction = max(self._fraction, min(1.0, done / max(sum(weights), 1e-9)))
        return SweepStep(self._done, len(self._order), self._fraction, calibration, row)

    def _weight(self, place: int) -> float:
        method = self._order[place]
        if self._shared and method in self._order[:place]:
            return 0.0  # its transform is there; only PCA is refitted
        known = self._costs.values()
        guess = sum(known) / len(known) if known else 1.0
        return self._costs.get(method, guess)


class _Sweep:
    """One run of `sweep`: the vectors, the PCA they are compared with, and the rows so far."""

    def __init__(
        self,
        values: Values,
        spec: SweepSpec,
        start: Mapping[tuple[Method, int], Codec],
        reuse: Mapping[Method, Codec],
    ) -> None:
        self._values = values
        self._spec = spec
        self._start = start
        self._started = time.monotonic()
        self._parts = split_parts(values, spec.calibration)
        self._pca: PCA = self._parts.train_pca
        self._curve = tuple(self._pca.mse_for_every_k(self._parts.test).tolist())
        self._rounding = rounding_error(self._parts.test)
        self._references: dict[int, Reconstruction] = {}
        self._shared = {
            (method, spec.calibration.axes): SharedTransform.of(self._parts, codec)
            for method, codec in reuse.items()
        }
        self._rows: list[SweepRow] = []

    def run(self) -> Sweep:
        """Work through the rows."""
        order = list(self._order())
        shared = self._spec.calibration.recipe is Recipe.ORIGIN
        clock = _Clock(order, shared=shared)
        yield replace(clock.step(), pca_curve=self._curve)
        for method, k in order:
            result = yield from self._calibrated(method, k, clock)
            row = self._measured(method, k, result)
            self._rows.append(row)
            clock.count(row)
            yield clock.step(row=row)
        return self._result()

    def _order(self) -> Iterator[tuple[Method, int]]:
        for k in self._spec.ks:
            yield Method.PCA, k
        learnt = [method for method in self._spec.methods if method.is_learnt]
        first, *others = self._spec.ordered_ks
        for method in learnt:
            yield method, first
        for method in learnt:
            for k in others:
                yield method, k

    def _calibrated(
        self, method: Method, k: int, clock: _Clock
    ) -> Generator[SweepStep, None, CalibrationResult]:
        spec, previous = self._spec.at(method, k), self._start.get((method, k))
        if previous is None and method is Method.SPLINE and spec.recipe is Recipe.JOINT:
            previous = yield from self._earlier(spec, clock)
        return (yield from self._once(spec, previous, clock))

    def _earlier(
        self, spec: CalibrationSpec, clock: _Clock
    ) -> Generator[SweepStep, None, Codec | None]:
        """Follow the knots calibrated with before; None where PCA was kept in the end."""
        codec = None
        for knots in self._spec.earlier_knots:
            result = yield from self._once(replace(spec, knots=knots), codec, clock)
            codec = result.codec if result.kept is spec.method else None
        return codec

    def _once(
        self, spec: CalibrationSpec, previous: Codec | None, clock: _Clock
    ) -> Generator[SweepStep, None, CalibrationResult]:
        spec = _warm(spec, previous)
        work = calibrate_parts(self._parts, spec, previous, self._shared)
        return (yield from relay(work, clock.step))

    def _measured(self, method: Method, k: int, result: CalibrationResult) -> SweepRow:
        parts, codec = self._parts, result.codec
        measured = score(parts.test, codec.reconstruct, self._pca.mean, k)
        if method is Method.PCA:
            self._references[k] = measured
        change = None
        if method.is_learnt:
            change = judge(
                measured.row_errors,
                self._references[k].row_errors,
                self._rounding,
                self._values.rows_per_token,
                self._spec.calibration.seed,
            ).change
        every = max(1, len(parts.train) // _PROBE_VECTORS)
        shape = codec.transform.shape(parts.train[::every][:_PROBE_VECTORS])
        bend = codec.transform.bend()
        return SweepRow(method, k, measured.scores, change, result, shape, bend)

    def _result(self) -> SweepResult:
        place = {method: i for i, method in enumerate(Method)}
        rows = sorted(self._rows, key=lambda row: (row.k, place[row.method]))
        return SweepResult(
            data=self._values.summary,
            spec=self._spec,
            rows=tuple(rows),
            pca_curve=self._curve,
            variance_kept=tuple(self._pca.variance_kept().tolist()),
            train_vectors=len(self._parts.train),
            test_vectors=len(self._parts.test),
            device=str(self._parts.train.device),
            elapsed_s=time.monotonic() - self._started,
            versions=library_versions(),
        )


def _warm(spec: CalibrationSpec, previous: Codec | None) -> CalibrationSpec:
    if previous is None:
        return spec
    return replace(spec, epochs=quarter(spec.resolved_epochs))
