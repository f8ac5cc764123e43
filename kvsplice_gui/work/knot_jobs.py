"""What edits of knots need computed, as generators; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kvsplice_core.tasks.sweep import SweepStep
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.dataset import Dataset
from kvsplice_gui.state.knot_edits import Edit
from kvsplice_gui.work.jobs import Note

if TYPE_CHECKING:
    from kvsplice_core.codec.transforms.spline import Spline
    from kvsplice_core.fit.knot_refits import Bench, Learnt


@dataclass(frozen=True)
class Setting:
    """On what edits are measured.

    Parameters
    ----------
    dataset : Dataset
        The vectors.
    calibration : CalibrationSpec
        Device, seed, epochs; its k, method and knots are set by each edit.
    """

    dataset: Dataset
    calibration: CalibrationSpec

    def matches(self, other: Setting | None) -> bool:
        """Tell whether edits of both are measured on the same bench."""
        if other is None or other.dataset is not self.dataset:
            return False
        return replace(self.calibration, k=1, knots=None) == replace(
            other.calibration, k=1, knots=None
        )


class BenchKeeper:
    """Keeps the bench of the last setting, so that an edit costs its own work only.

    For one thread: whatever runs on it finds what its last run left.
    """

    def __init__(self) -> None:
        self._setting: Setting | None = None
        self._bench: Bench | None = None

    def bench(self, setting: Setting) -> Bench:
        """Return the bench of `setting`."""
        from kvsplice_core.fit.knot_refits import Bench

        if self._bench is None or not setting.matches(self._setting):
            self._bench = Bench.of(setting.dataset.values, setting.calibration)
            self._setting = setting
        return self._bench


def start_job(keeper: BenchKeeper, setting: Setting) -> Generator[Note, None, Spline]:
    """Return straight lines over the quantiles of the training vectors."""
    yield Note("Placing knots…")
    from kvsplice_core.fit.knot_editing import identity_spline

    train = keeper.bench(setting).parts.train.cpu()
    return identity_spline(train, setting.calibration.resolved_knots)


def refit_job(
    keeper: BenchKeeper, setting: Setting, edit: Edit, ks: tuple[int, ...]
) -> Generator[SweepStep, None, None]:
    """Refit an edit and measure it at every k; a step for each row."""
    from kvsplice_core.fit.knot_refits import refit_rows

    rows = refit_rows(keeper.bench(setting), edit.spline, ks)
    for done, row in enumerate(rows, start=1):
        yield SweepStep(done, len(ks), done / len(ks), row=row)


def learn_job(setting: Setting, spline: Spline, k: int) -> Generator[SweepStep, None, Learnt]:
    """Go on from a spline by calibration at k."""
    from kvsplice_core.fit.knot_refits import Bench, learn_from

    bench = Bench.of(setting.dataset.values, setting.calibration)
    return (yield from learn_from(bench, spline, k))
