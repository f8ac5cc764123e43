"""What the user wishes and what has been found: frozen values behind two signals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal

from kvsplice_core.axes import Axes
from kvsplice_core.methods import Method
from kvsplice_core.results import SweepResult, SweepRow
from kvsplice_core.specs import (
    DEFAULT_KS,
    RECIPE_DEFAULTS,
    SAMPLE_BUDGET,
    CalibrationSpec,
    CouplingKind,
    Curve,
    KnotPlacement,
    Recipe,
    SweepSpec,
)
from kvsplice_gui.frontier.state import FrontierFindings, FrontierWish
from kvsplice_gui.knots.state import KnotEdits
from kvsplice_gui.quality.state import MEASURES, QualityFindings, QualityWish
from kvsplice_gui.solving.state import Solved, SolveWish

if TYPE_CHECKING:
    from kvsplice_core.updates import Adapted
    from kvsplice_gui.jobs import Dataset
    from kvsplice_gui.memory_jobs import Measurement


@dataclass(frozen=True)
class DataWish:
    """Which vectors to read; the fields are those of ``load_values``."""

    source: str = ""
    tensor: str | None = None
    layer: int | None = None
    head: int | None = None
    pool_heads: bool = False
    axes: str | None = None
    budget: int = SAMPLE_BUDGET
    seed: int = 0


@dataclass(frozen=True)
class MemoryWish:
    """Which cache to weigh.

    Parameters
    ----------
    model : str
        A preset's key or the path of a ``config.json``.
    tokens, batch : int
        Sequence length and sequences at once.
    kept_tokens : int or None
        Tokens whose V is kept at all; None for all.
    element_bytes, latent_bytes : int
        Bytes of a number of K and V, and of a compressed one.
    """

    model: str = "gpt2"
    tokens: int = 1024
    batch: int = 1
    kept_tokens: int | None = None
    element_bytes: int = 2
    latent_bytes: int = 2


@dataclass(frozen=True)
class ViewWish:
    """How to look at it."""

    dims: tuple[int, ...] = (0, 1, 2, 3)
    log_mse: bool = True
    theme: str = "system"
    quality_measure: str = MEASURES[0]
    log_quality: bool = True
    sensitivity_side: str = "v"
    given_side: str = "v"


@dataclass(frozen=True)
class Wishes:
    """Everything a user can set.

    Parameters
    ----------
    data : DataWish
        The vectors.
    methods : tuple of Method
        Methods to compare; PCA is always among them.
    method : Method
        The one in focus: its curves are drawn, it is exported.
    k : int
        Bottleneck dimension, the same everywhere.
    recipe, knots, epochs, seed, device, curve, knot_placement, axes, coupling
        See `CalibrationSpec`.
    memory, quality, frontier, solve, view
        See their classes.
    """

    data: DataWish = field(default_factory=DataWish)
    methods: tuple[Method, ...] = tuple(Method)
    method: Method = Method.SPLINE
    k: int = 16
    recipe: Recipe = Recipe.JOINT
    knots: int = RECIPE_DEFAULTS[Recipe.JOINT].knots
    epochs: int = RECIPE_DEFAULTS[Recipe.JOINT].epochs
    seed: int = 5
    device: str = "auto"
    curve: Curve = Curve.LINEAR
    knot_placement: KnotPlacement = KnotPlacement.QUANTILES
    axes: Axes = Axes.RAW
    coupling: CouplingKind = CouplingKind.AFFINE
    memory: MemoryWish = field(default_factory=MemoryWish)
    quality: QualityWish = field(default_factory=QualityWish)
    frontier: FrontierWish = field(default_factory=FrontierWish)
    solve: SolveWish = field(default_factory=SolveWish)
    view: ViewWish = field(default_factory=ViewWish)

    @property
    def calibration(self) -> CalibrationSpec:
        """The calibration these wishes ask for."""
        return CalibrationSpec(
            method=self.method,
            k=self.k,
            recipe=self.recipe,
            knots=self.knots,
            epochs=self.epochs,
            seed=self.seed,
            device=self.device,
            curve=self.curve,
            knot_placement=self.knot_placement,
            axes=self.axes,
            coupling=self.coupling,
        )

    def sweep(self, dim: int) -> SweepSpec:
        """Return the sweep over the usual k up to `dim`, and the chosen one, which comes first."""
        ks = {k for k in DEFAULT_KS if k <= dim} | {min(self.k, dim)}
        return SweepSpec(self.methods, tuple(ks), self.calibration, first_k=min(self.k, dim))


@dataclass(frozen=True)
class Findings:
    """What has been computed.

    Parameters
    ----------
    dataset : Dataset or None
        The vectors read.
    result : SweepResult or None
        The last finished sweep.
    ghost : SweepResult or None
        The one before it, to compare with.
    live_rows : tuple of SweepRow
        Rows of the sweep that is running.
    starting_over : bool
        Whether the running sweep replaces the result rather than adding to it.
    asked : CalibrationSpec or None
        What the last sweep that starts over was asked for.
    quality : QualityFindings
        What it costs the model.
    frontier : FrontierFindings
        What pipelines lose at how many bits.
    solved : Solved or None
        A budget shared among the heads of the model, and its card.
    measured : Measurement or None
        What a real cache was measured to hold and to cost.
    knots : KnotEdits
        What a hand made of the spline's knots; it stands over the result.
    adapted : Adapted or None
        A saved codec updated with the vectors, and their drift.
    """

    dataset: Dataset | None = None
    result: SweepResult | None = None
    ghost: SweepResult | None = None
    live_rows: tuple[SweepRow, ...] = ()
    starting_over: bool = False
    asked: CalibrationSpec | None = None
    quality: QualityFindings = field(default_factory=QualityFindings)
    frontier: FrontierFindings = field(default_factory=FrontierFindings)
    solved: Solved | None = None
    measured: Measurement | None = None
    knots: KnotEdits = field(default_factory=KnotEdits)
    adapted: Adapted | None = None

    @property
    def dim(self) -> int:
        """Dimension d of the vectors; 0 without data."""
        return 0 if self.dataset is None else self.dataset.values.summary.dim

    @property
    def shown_ghost(self) -> SweepResult | None:
        """The run to compare with: the result where another, or a hand, replaces it."""
        return self.result if self.starting_over or self.knots.is_edited else self.ghost

    @property
    def edited_rows(self) -> tuple[SweepRow, ...]:
        """Rows of knots set by hand; none while a calibration replaces everything."""
        return () if self.starting_over else self.knots.shown_rows

    @property
    def rows(self) -> tuple[SweepRow, ...]:
        """Rows to show: the hand's, over live ones, over the last result's unless replaced."""
        old = () if self.result is None or self.starting_over else self.result.rows
        return _over(old, _over(self.live_rows, self.edited_rows))

    @property
    def shown_result(self) -> SweepResult | None:
        """The last result with what a hand made of it, to take away."""
        if self.result is None or not self.edited_rows:
            return self.result
        rows = _over(self.result.rows, self.edited_rows)
        place = {method: i for i, method in enumerate(Method)}
        return replace(
            self.result, rows=tuple(sorted(rows, key=lambda row: (row.k, place[row.method])))
        )

    def row(self, method: Method, k: int) -> SweepRow | None:
        """Return the row of `method` at `k`, or None."""
        found = (row for row in self.rows if row.method is method and row.k == k)
        return next(found, None)

    def nearest_row(self, method: Method, k: int) -> SweepRow | None:
        """Return the row of `method` whose k is nearest to `k`, or None."""
        rows = [row for row in self.rows if row.method is method]
        return min(rows, key=lambda row: abs(row.k - k), default=None)


def _over(old: tuple[SweepRow, ...], new: tuple[SweepRow, ...]) -> tuple[SweepRow, ...]:
    """Return rows with `new` ones in place of `old` ones of the same method and k."""
    replaced = {(row.method, row.k) for row in new}
    return (*(row for row in old if (row.method, row.k) not in replaced), *new)


class State(QObject):
    """Holds the truth; widgets show it and write only what a hand changed."""

    wishes_changed = pyqtSignal(object, object)
    findings_changed = pyqtSignal(object, object)

    def __init__(self, wishes: Wishes | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wishes = wishes or Wishes()
        self._findings = Findings()

    @property
    def wishes(self) -> Wishes:
        """What the user wants now."""
        return self._wishes

    @property
    def findings(self) -> Findings:
        """What is known now."""
        return self._findings

    def wish(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of Wishes
        """Change wishes by field; an impossible value raises SpecError and changes nothing."""
        new = replace(self._wishes, **changes)
        _ = new.calibration, new.quality.evaluation
        if new.frontier is not self._wishes.frontier:
            new.frontier.require_valid()
        if new.solve is not self._wishes.solve:
            new.solve.require_valid()
        if new != self._wishes:
            old, self._wishes = self._wishes, new
            self.wishes_changed.emit(old, new)

    def wish_data(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.data`."""
        self.wish(data=replace(self._wishes.data, **changes))

    def wish_memory(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.memory`."""
        self.wish(memory=replace(self._wishes.memory, **changes))

    def wish_quality(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.quality`."""
        self.wish(quality=replace(self._wishes.quality, **changes))

    def wish_frontier(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.frontier`."""
        self.wish(frontier=replace(self._wishes.frontier, **changes))

    def wish_solve(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.solve`."""
        self.wish(solve=replace(self._wishes.solve, **changes))

    def wish_view(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.view`."""
        self.wish(view=replace(self._wishes.view, **changes))

    def find_quality(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field of `Findings.quality`."""
        self.find(quality=replace(self._findings.quality, **changes))

    def find_knots(self, edits: KnotEdits) -> None:
        """Record what a hand made of the knots."""
        self.find(knots=edits)

    def find_frontier(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field of `Findings.frontier`."""
        self.find(frontier=replace(self._findings.frontier, **changes))

    def find(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field."""
        old, self._findings = self._findings, replace(self._findings, **changes)
        self.findings_changed.emit(old, self._findings)
