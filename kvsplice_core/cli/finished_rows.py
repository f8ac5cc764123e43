"""What a sweep leaves when it is cut short."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kvsplice_core.methods import Method
from kvsplice_core.results import SweepResult
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.results import SweepRow, SweepStep
    from kvsplice_core.specs import SweepSpec
    from kvsplice_core.values.values import Values


class FinishedRows:
    """Collects the rows of a sweep as they are finished.

    Parameters
    ----------
    values : Values
        The vectors of the sweep.
    spec : SweepSpec
        What was asked for.
    """

    def __init__(self, values: Values, spec: SweepSpec) -> None:
        self._values = values
        self._spec = spec
        self._started = time.monotonic()
        self._pca_curve: tuple[float, ...] = ()
        self.rows: list[SweepRow] = []

    def add(self, step: SweepStep) -> None:
        """Keep what a progress value brings."""
        self._pca_curve = step.pca_curve or self._pca_curve
        if step.row is not None:
            self.rows.append(step.row)

    def result(self) -> SweepResult:
        """Return the rows so far as a result."""
        place = {method: index for index, method in enumerate(Method)}
        train, test = self._values.split(self._spec.calibration.train_fraction)
        return SweepResult(
            data=self._values.summary,
            spec=self._spec,
            rows=tuple(sorted(self.rows, key=lambda row: (row.k, place[row.method]))),
            pca_curve=self._pca_curve,
            variance_kept=(),
            train_vectors=len(train),
            test_vectors=len(test),
            device=self._spec.calibration.device,
            elapsed_s=time.monotonic() - self._started,
            versions=library_versions(),
        )
