"""What an update of a codec asks for and reports: frozen values, free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from kvsplice_core.base.estimates import Judgement, Verdict
from kvsplice_core.base.formats import percent, three_digits, with_interval
from kvsplice_core.base.options import option, part, require_ranges, shared
from kvsplice_core.data.source import VectorSource
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.codec import Codec
    from kvsplice_core.codec.history import History


@dataclass(frozen=True)
class UpdateSpec:
    """One update of a codec.

    Parameters
    ----------
    forget : float
        How much less every earlier vector weighs, 0 … 1: at 0 all vectors weigh the same, at 1
        only the new ones count. Repeated updates forget exponentially.
    epochs : int, optional
        Passes of a spline or flow over the vectors, ≥ 1; a quarter of those it was made with when
        omitted.
    train_fraction, validation_fraction, seed, device
        As in `CalibrationSpec`, of the new vectors.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    """

    forget: float = option(
        "Share to forget",
        "how much less earlier vectors weigh: at 0 all vectors weigh the same, at 1 only the new "
        "ones count",
        0.0,
        flag="--forget",
        metavar="F",
        low=0,
        high=1,
    )
    epochs: int | None = option(
        "Epochs",
        "passes of a spline or flow",
        None,
        metavar="N",
        low=1,
        unset="a quarter of those it was made with",
    )
    train_fraction: float = shared(CalibrationSpec, "train_fraction")
    validation_fraction: float = shared(CalibrationSpec, "validation_fraction")
    seed: int = shared(CalibrationSpec, "seed")
    device: str = shared(CalibrationSpec, "device")
    threads: int | None = shared(CalibrationSpec, "threads")

    def __post_init__(self) -> None:
        require_ranges(self)
        _ = self.calibration

    @property
    def calibration(self) -> CalibrationSpec:
        """How the new vectors are cut, and where; validates what it shares with this."""
        return CalibrationSpec(
            epochs=self.epochs,
            seed=self.seed,
            device=self.device,
            threads=self.threads,
            train_fraction=self.train_fraction,
            validation_fraction=self.validation_fraction,
        )


class Kept(StrEnum):
    """What an update ends with."""

    UPDATED = "updated"
    PCA = "pca"
    BEFORE = "before"


@dataclass(frozen=True)
class Drift:
    """How far the vectors have moved from those the codec was made of.

    Parameters
    ----------
    mean_angle, largest_angle : float
        Of the k principal angles between the first k principal axes of the earlier vectors and
        those of the new ones; degrees, 0 … 90.
    chance_angle : float
        The mean angle between two halves of the new vectors (blocks of 64 tokens in turn): what
        is found where nothing drifts. Halves hold fewer vectors, so it is rather too large.
    mean_shift : float
        Distance of the two means, in units of the earlier vectors' standard deviation (the root
        of the total variance).
    variance_ratio : float
        Total variance of the new vectors over that of the earlier ones.

    References
    ----------
    Björck & Golub 1973, "Numerical methods for computing angles between linear subspaces".
    """

    mean_angle: float
    largest_angle: float
    chance_angle: float
    mean_shift: float
    variance_ratio: float

    @property
    def text(self) -> str:
        """One clause, such as ``the geometry drifted by 12.0° (largest 41.0°, by chance 5.0°)``."""
        return (
            f"the geometry drifted by {self.mean_angle:.1f}° (largest {self.largest_angle:.1f}°, "
            f"by chance {self.chance_angle:.1f}°), the mean by {self.mean_shift:.2f} standard "
            f"deviations, the variance by a factor of {self.variance_ratio:.2f}"
        )


@dataclass(frozen=True)
class Adapted:
    """An updated codec, and what was found on the way.

    Parameters
    ----------
    codec : Codec
        The one to use.
    history : History
        What to keep for the next update; it holds the new vectors whatever was kept.
    kept : Kept
        ``BEFORE`` where the update is no clear gain on the validation part of the new vectors;
        ``PCA`` where a transform does not beat PCA any more.
    drift : Drift
        Of the new vectors against the earlier ones.
    new, old : Judgement
        Of the codec against the one before, on the test part of the new vectors, and on those of
        the earlier test parts that the file kept.
    validation : Judgement
        What decided: the update as it was on trial against the codec before.
    data : DataSummary
        The new vectors.
    vectors : float
        The weight of all vectors learnt from so far.
    elapsed_s : float
        Seconds it took.
    """

    codec: Codec
    history: History
    kept: Kept
    drift: Drift
    new: Judgement
    old: Judgement
    validation: Judgement
    data: DataSummary
    vectors: float
    elapsed_s: float

    @property
    def text(self) -> str:
        """The verdict in one sentence: the drift, and what updating does to new and old vectors."""
        return f"{_capital(self.drift.text)}; {self._outcome}."

    @property
    def _outcome(self) -> str:
        if self.kept is Kept.BEFORE:
            ours, theirs = map(three_digits, (self.validation.ours, self.validation.theirs))
            return (
                "the codec stays as it was, for updating does not help on the validation part "
                f"(MSE {ours} against {theirs})"
            )
        became = " (PCA, which a transform does not beat any more)"
        what = f"updating{became if self.kept is Kept.PCA else ''}"
        return f"{what}: {effect(self.new)} on the new vectors, {effect(self.old)} on the old"


_EFFECT = {Verdict.GAIN: "a gain", Verdict.TIE: "a tie", Verdict.LOSS: "a loss"}


def effect(found: Judgement) -> str:
    """Return what happened to the MSE, such as ``a gain, −8.10 % [−9.00 %, −7.20 %]``."""
    change = found.change
    written = with_interval(change.percent, change.low, change.high, percent)
    return f"{_EFFECT[change.verdict]}, {written}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class UpdateTask(Task):
    """A codec that goes on with new vectors."""

    command: ClassVar[str] = "update"
    runner: ClassVar[str] = "fit.tasks:update_task"
    writes: ClassVar[tuple[str, ...]] = ("--out", "codec.safetensors")
    shows: ClassVar[str] = "print(result.text)"

    codec: str = option("Codec", "a codec saved by kvsplice fit", flag="CODEC")
    vectors: VectorSource = part(title="vectors")
    spec: UpdateSpec = part(UpdateSpec, "update")
