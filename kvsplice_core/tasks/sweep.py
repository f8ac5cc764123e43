"""What calibrations and sweeps report: frozen values, free of torch, for tables and plots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from kvsplice_core.base.estimates import Change, Judgement
from kvsplice_core.base.options import option, part
from kvsplice_core.codec.kinds import (
    Method,
)
from kvsplice_core.data.source import VectorSource, source_of
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import (
    CalibrationSpec,
    _require,
)

if TYPE_CHECKING:
    from kvsplice_core.codec.codec import Codec
    from kvsplice_core.codec.shapes import Shape

DEFAULT_KS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class SweepSpec:
    """Several methods at several k on the same vectors.

    Parameters
    ----------
    methods : tuple of Method
        In the order they are computed; PCA is always computed too, as the reference.
    ks : tuple of int
        Bottleneck dimensions, each 1 … d; sorted and freed of repeats.
    calibration : CalibrationSpec
        Everything else; its ``method`` and ``k`` are set for each row in turn.
    first_k : int, optional
        The k to compute first (the GUI's chosen one); the results do not depend on it.
    earlier_knots : tuple of int
        For splines of recipe ``joint``: knots calibrated with before, first to last, each run
        warm-started from the one before and the last one handing its curves on. This is what
        moving the knots by hand does, and how it is repeated.

    Raises
    ------
    SpecError
        If no method or no k is given, or a k is below 1.
    """

    methods: tuple[Method, ...] = option(
        "Compare",
        "methods to calibrate; pca always comes with them",
        tuple(Method),
        flag="--methods",
    )
    ks: tuple[int, ...] = option(
        "k of the curve",
        "bottleneck dimensions such as 1-8,16,32; the usual ones go as far as the vectors do",
        DEFAULT_KS,
        flag="--ks",
        low=1,
        ranges=True,
    )
    calibration: CalibrationSpec = part(CalibrationSpec, "calibration", without=("method", "k"))
    first_k: int | None = None
    earlier_knots: tuple[int, ...] = option(
        "Earlier knots",
        "knots calibrated with before, in order; each hands its curves on (a warm start), as "
        "moving the knots in the window does",
        (),
    )

    def __post_init__(self) -> None:
        _require(len(self.methods) > 0, "a sweep needs at least one method; got none")
        _require(len(self.ks) > 0, "a sweep needs at least one k; got none")
        _require(min(self.ks) >= 1, f"k must be at least 1; got {min(self.ks)}")
        for knots in self.earlier_knots:
            replace(self.calibration, knots=knots)  # the range of knots stands there
        object.__setattr__(self, "ks", tuple(sorted(set(self.ks))))
        wanted = (Method.PCA, *self.methods)
        object.__setattr__(self, "methods", tuple(dict.fromkeys(wanted)))

    def within(self, dim: int) -> SweepSpec:
        """Return the sweep for vectors of `dim` numbers: the usual k go as far as these do."""
        if self.ks != DEFAULT_KS:
            return self
        return replace(self, ks=tuple(k for k in DEFAULT_KS if k <= dim))

    def at(self, method: Method, k: int) -> CalibrationSpec:
        """Return the calibration of one row."""
        return replace(self.calibration, method=method, k=k)

    @property
    def ordered_ks(self) -> tuple[int, ...]:
        """The ks, the wished one first."""
        if self.first_k not in self.ks:
            return self.ks
        return (self.first_k, *(k for k in self.ks if k != self.first_k))


@dataclass(frozen=True)
class Scores:
    """How well test vectors come back.

    Parameters
    ----------
    mse : float
        Mean squared error over all elements, in units of V squared.
    nmse : float
        `mse` over the test vectors' variance about the training mean; 0 … 1 for useful codecs.
    pearson : float
        Correlation between all elements and their reconstruction.
    cosine : float
        Mean cosine between a vector and its reconstruction.
    compression_ratio : float
        Numbers before over numbers after, d / k.
    """

    mse: float
    nmse: float
    pearson: float
    cosine: float
    compression_ratio: float


@dataclass(frozen=True)
class CalibrationStep:
    """Progress of one calibration; yielded after every batch.

    Parameters
    ----------
    method, k
        What is being calibrated.
    epoch, epochs : int
        Present epoch, counted from 1, and how many there are.
    epochs_done : float
        Epochs done, fractions included.
    fraction : float
        Share of the batches done, 0 … 1.
    loss : float or None
        Mean training MSE since the last one reported; None between reports (at most 30 a second).
    test_mse : float or None
        MSE on the test part, at the end of an epoch when `loss` is reported.
    shape : SplineShape, ScatterShape or None
        The transform as it is now, with `loss`.
    """

    method: Method
    k: int
    epoch: int
    epochs: int
    epochs_done: float
    fraction: float
    loss: float | None = None
    test_mse: float | None = None
    shape: Shape | None = None


@dataclass(frozen=True)
class CalibrationResult:
    """A calibrated codec and what was found on the way.

    Parameters
    ----------
    codec : Codec
        The codec to use: PCA where the method did not win (recipe ``joint``).
    spec : CalibrationSpec
        What was asked for.
    kept : Method
        The method itself, or PCA where the method did not beat it on the validation part. Recipe
        ``origin`` only marks this and keeps its codec.
    judgement : Judgement
        What decided: the codec as it was on trial against PCA, on the validation part.
    losses : tuple of float
        Mean training MSE of each epoch; empty for PCA.
    elapsed_s : float
        Seconds it took.
    warm_start : bool
        Whether it started from an earlier codec rather than from the identity.
    edited : bool
        Whether knots were set by hand: no command repeats it.
    """

    codec: Codec
    spec: CalibrationSpec
    kept: Method
    judgement: Judgement
    losses: tuple[float, ...]
    elapsed_s: float
    warm_start: bool = False
    edited: bool = False

    @property
    def validation_mse(self) -> float:
        """MSE on the validation part of the codec on trial."""
        return self.judgement.ours

    @property
    def validation_mse_pca(self) -> float:
        """The same of PCA."""
        return self.judgement.theirs


@dataclass(frozen=True)
class SweepRow:
    """One method at one k.

    Parameters
    ----------
    method : Method
        What was asked for.
    k : int
        Bottleneck dimension.
    scores : Scores
        On the test part, of the codec that is kept.
    change : Change or None
        Against PCA; None for PCA itself.
    calibration : CalibrationResult
        The codec and how it came about.
    shape : SplineShape, ScatterShape or None
        The transform, to draw.
    bend : float
        Mean departure of the transform from a straight line, 0 for the identity.
    """

    method: Method
    k: int
    scores: Scores
    change: Change | None
    calibration: CalibrationResult
    shape: Shape | None = None
    bend: float = 0.0

    @property
    def kept(self) -> Method:
        """What the validation part chose."""
        return self.calibration.kept


@dataclass(frozen=True)
class SweepStep:
    """Progress of a sweep.

    Parameters
    ----------
    rows_done, rows_total : int
        Rows of learnt methods finished and to finish; PCA takes no time.
    fraction : float
        Share of the work done, 0 … 1.
    calibration : CalibrationStep or None
        Progress of the row in work.
    row : SweepRow or None
        A row that has just been finished.
    pca_curve : tuple of float
        Test MSE of PCA for k = 1 … d; in the first step only, else empty.
    """

    rows_done: int
    rows_total: int
    fraction: float
    calibration: CalibrationStep | None = None
    row: SweepRow | None = None
    pca_curve: tuple[float, ...] = ()


@dataclass(frozen=True)
class SweepResult:
    """All rows of a sweep, sorted by k, then in the order of the methods.

    Parameters
    ----------
    data : DataSummary
        The vectors.
    spec : SweepSpec
        What was asked for.
    rows : tuple of SweepRow
        The finished rows; fewer than asked for when the sweep was cut short.
    pca_curve : tuple of float
        Test MSE of PCA for k = 1 … d.
    variance_kept : tuple of float
        Share of the training variance in the first k axes, k = 1 … d.
    train_vectors, test_vectors : int
        How the vectors were split.
    device : str
        Where it ran.
    elapsed_s : float
        Seconds it took.
    versions : dict
        Versions of kvsplice, python, torch and numpy.
    """

    data: DataSummary
    spec: SweepSpec
    rows: tuple[SweepRow, ...]
    pca_curve: tuple[float, ...]
    variance_kept: tuple[float, ...]
    train_vectors: int
    test_vectors: int
    device: str
    elapsed_s: float
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def task(self) -> SweepTask:
        """What repeats it, on the device where it ran: another may differ in the last digits."""
        calibration = replace(self.spec.calibration, device=self.device)
        return SweepTask(source_of(self.data), replace(self.spec, calibration=calibration))

    @property
    def methods(self) -> tuple[Method, ...]:
        """Methods with at least one row, in the registry's order."""
        present = {row.method for row in self.rows}
        return tuple(method for method in Method if method in present)

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k with at least one row."""
        return tuple(sorted({row.k for row in self.rows}))

    def row(self, method: Method, k: int) -> SweepRow | None:
        """Return the row of `method` at `k`, or None."""
        for row in self.rows:
            if row.method is method and row.k == k:
                return row
        return None

    def of(self, method: Method) -> tuple[SweepRow, ...]:
        """Return the rows of `method`, k ascending."""
        return tuple(row for row in self.rows if row.method is method)


@dataclass(frozen=True)
class SweepTask(Task):
    """Several methods at several k on the same vectors."""

    command: ClassVar[str] = "sweep"
    runner: ClassVar[str] = "fit.tasks:sweep_task"
    shows: ClassVar[str] = (
        "for row in result.rows:\n    print(row.method.label, row.k, row.scores.mse)"
    )

    vectors: VectorSource = part(title="vectors")
    spec: SweepSpec = part(SweepSpec, "sweep")
