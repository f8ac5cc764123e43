"""What is wished and known of a frontier: frozen values, free of Qt and of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import CaptureFacts, Sides
from kvsplice_core.tasks.curve import Cell, CurveResult, QualityPoint, SensitivityResult
from kvsplice_core.tasks.evaluate import Control, EvalResult, HeadErrors
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult
from kvsplice_core.tasks.measure import MeasuredMemory
from kvsplice_core.tasks.solve import SolveResult, SolveSpec
from kvsplice_core.tasks.sweep import SweepResult, SweepRow
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.knot_edits import KnotEdits
from kvsplice_gui.state.wishes import DataWish, QualityWish

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.summary import DataSummary
    from kvsplice_core.tasks.update import Adapted
    from kvsplice_gui.state.dataset import Dataset


@dataclass(frozen=True)
class CardKey:
    """Which card an evaluation or a sensitivity map is of."""

    capture: str
    calibration: CalibrationSpec
    side: str
    budget: int


@dataclass(frozen=True, eq=False)
class MeasuredCurve:
    """A quality curve, and the documents it was measured on that the capture had read."""

    result: CurveResult
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An audited evaluation, the card it is of, and how both were asked for.

    `leaked` names the documents it was measured on that the card's capture had read.
    """

    result: EvalResult
    card: Card
    key: CardKey
    wish: QualityWish
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SensitivityMap:
    """What each head costs when V or K of it alone is compressed.

    Parameters
    ----------
    kl : mapping of str to ndarray, shape (layers, heads)
        KL in nats per token, by side; NaN where it is not measured yet.
    key : CardKey
    wish : QualityWish
    result : SensitivityResult or None
        The finished map; None while it is measured.
    card : Card or None
        The card it is of; None while it is measured.
    heads : tuple of HeadErrors
        Those of the card's evaluation, ranked by sensitivity too; empty without an evaluation.
    """

    kl: Mapping[str, NDArray[np.float64]]
    key: CardKey
    wish: QualityWish
    result: SensitivityResult | None = None
    card: Card | None = None
    heads: tuple[HeadErrors, ...] = ()

    @property
    def title(self) -> str:
        """The card's title; empty while the map is measured."""
        return "" if self.result is None else self.result.card

    @property
    def is_whole(self) -> bool:
        """Whether every cell was measured."""
        return all(bool(np.isfinite(cells).all()) for cells in self.kl.values())

    def side_of(self, wished: str) -> str:
        """Return the side to show: the wished one where the map holds it."""
        return wished if wished in self.kl else next(iter(self.kl))

    def with_cell(self, cell: Cell) -> SensitivityMap:
        """Return the map with one more cell."""
        cells = self.kl[cell.side].copy()
        cells[cell.layer, cell.head] = cell.kl
        return replace(self, kl={**self.kl, cell.side: cells})


def empty_map(facts: CaptureFacts, key: CardKey, wish: QualityWish) -> SensitivityMap:
    """Return a map of the capture's model without a measured cell."""
    shape = (facts.model.layers, facts.model.kv_heads)
    sides = Sides(key.side).names
    return SensitivityMap({side: np.full(shape, np.nan) for side in sides}, key, wish)


@dataclass(frozen=True, eq=False)
class QualityFindings:
    """What has been measured of the open capture's model.

    Parameters
    ----------
    curve : CurveResult or None
        The last finished quality curve.
    curve_wish : QualityWish or None
        How it was asked for.
    ghost : CurveResult or None
        The one before it, to compare with.
    curve_leaked : tuple of str
        Documents of the curve's text that the capture had read.
    live_points : tuple of QualityPoint
        Points of the curve that is running.
    live_failed : tuple of Control
        Controls of the running curve that have failed so far.
    live : MeasuredCurve or None
        All that the running curve has measured so far.
    live_wish : QualityWish or None
        How the running curve was asked for.
    starting_over : bool
        Whether one is running.
    evaluation : Evaluation or None
        The last finished evaluation.
    sensitivity : SensitivityMap or None
        The last finished map.
    live_map : SensitivityMap or None
        The map that is being measured.
    last_audited : str
        ``curve`` or ``evaluation``: whose audit came last; empty for none.
    """

    curve: CurveResult | None = None
    curve_wish: QualityWish | None = None
    ghost: CurveResult | None = None
    curve_leaked: tuple[str, ...] = ()
    live_points: tuple[QualityPoint, ...] = field(default=())
    live_failed: tuple[Control, ...] = ()
    live: MeasuredCurve | None = None
    live_wish: QualityWish | None = None
    starting_over: bool = False
    evaluation: Evaluation | None = None
    sensitivity: SensitivityMap | None = None
    live_map: SensitivityMap | None = None
    last_audited: str = ""

    @property
    def points(self) -> tuple[QualityPoint, ...]:
        """Points to show: the running curve's, else the last result's."""
        if self.starting_over:
            return self.live_points
        return () if self.curve is None else self.curve.points

    @property
    def are_points_valid(self) -> bool:
        """Whether no control of the points to show has failed."""
        if self.starting_over:
            return not self.live_failed
        return self.curve is None or self.curve.is_valid

    @property
    def shown_ghost(self) -> CurveResult | None:
        """The curve to compare with: while another replaces it, the last one; only a valid one."""
        ghost = self.curve if self.starting_over else self.ghost
        return None if ghost is None or not ghost.is_valid else ghost

    @property
    def shown_map(self) -> SensitivityMap | None:
        """The map to show: the one in work, else the last."""
        return self.live_map or self.sensitivity

    def settled(self) -> QualityFindings:
        """Return what stays when the running work has ended early: its points, if it has any."""
        kept = self if self.live is None else self.with_curve(self.live, self.live_wish)
        return replace(
            kept,
            live_points=(),
            live_failed=(),
            live=None,
            live_wish=None,
            starting_over=False,
            live_map=None,
        )

    def with_curve(self, found: MeasuredCurve, wish: QualityWish | None) -> QualityFindings:
        """Return them with another curve; the last one is there to compare with."""
        return replace(
            self,
            curve=found.result,
            curve_wish=wish,
            curve_leaked=found.leaked,
            ghost=self.curve if self.curve is not None else self.ghost,
            last_audited="curve",
        )


DTYPES = {2: "bfloat16", 4: "float32"}
"""What a model is computed in, by the bytes of a number of its K and V."""


@dataclass(frozen=True)
class MeasureWish:
    """Which cache to measure.

    Parameters
    ----------
    key : CardKey
        The codecs in it.
    model : str
        ``gpt2-mini``, a folder or a hub id.
    element_bytes : int
        Bytes of a number of K and V: 2 or 4.
    tokens : int
        Longest sequence, as far as the model reads.
    batch : int
        Sequences at once.

    Raises
    ------
    SpecError
        If no model keeps numbers of that size.
    """

    key: CardKey
    model: str
    element_bytes: int
    tokens: int
    batch: int

    def __post_init__(self) -> None:
        if self.element_bytes not in DTYPES:
            raise SpecError(
                "a real cache is measured with K and V of 2 or 4 bytes a number; "
                f"got {self.element_bytes}"
            )


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured, the card it is of, and how it was asked for."""

    result: MeasuredMemory
    card: Card
    wish: MeasureWish


Choice = tuple[Pipeline, float]
"""A pipeline and the bits per value it was asked for."""


@dataclass(frozen=True)
class FrontierKey:
    """What a frontier was measured on; `quality` where through a model."""

    data: DataWish
    seed: int
    quality: QualityWish | None = None


@dataclass(frozen=True, eq=False)
class MeasuredFrontier:
    """A frontier, and the documents it was measured on that the capture had read."""

    result: FrontierResult
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FrontierFindings:
    """What has been measured.

    Parameters
    ----------
    result : FrontierResult or None
        The last frontier.
    key : FrontierKey or None
        What it was measured on.
    leaked : tuple of str
        Documents of its text that the capture had read.
    is_whole : bool
        Whether it was measured to the end; a cancelled one keeps its points.
    live : FrontierResult or None
        What the running one has measured so far.
    live_key : FrontierKey or None
        What the running one is measured on; None when none is running.
    chosen : (Pipeline, float) or None
        The point that was chosen.
    """

    result: FrontierResult | None = None
    key: FrontierKey | None = None
    leaked: tuple[str, ...] = ()
    is_whole: bool = True
    live: FrontierResult | None = None
    live_key: FrontierKey | None = None
    chosen: Choice | None = None

    @property
    def shown(self) -> FrontierResult | None:
        """The frontier to show: the running one as soon as it has a point, else the last."""
        return self.live or self.result

    @property
    def shown_key(self) -> FrontierKey | None:
        """What the frontier to show is measured on."""
        return self.live_key if self.live is not None else self.key

    @property
    def point(self) -> FrontierPoint | None:
        """The chosen point, where the frontier to show has it."""
        shown = self.shown
        return None if shown is None or self.chosen is None else shown.point(*self.chosen)

    def settled(self) -> FrontierFindings:
        """Return what stays when the running one ends early: its points, if it has any."""
        ended = replace(self, live=None, live_key=None)
        if self.live is None:
            return ended
        return replace(ended, result=self.live, key=self.live_key, leaked=(), is_whole=False)


@dataclass(frozen=True)
class SolveKey:
    """What a budget is solved for.

    Parameters
    ----------
    capture : str
        File of the vectors.
    model : str
        ``gpt2-mini``, a folder or a hub id.
    texts : tuple of str
        Held-out text files; empty for the bundled model's own books.
    spec : SolveSpec
    """

    capture: str
    model: str
    texts: tuple[str, ...]
    spec: SolveSpec


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved budget, its card, and how it was asked for.

    `leaked` names the documents it was checked on that the capture had read.
    """

    result: SolveResult
    card: Card
    key: SolveKey
    leaked: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """The budget of the slider, bits per value: what was asked for, or found for a loss."""
        return self.result.solved.budgets[0]


@dataclass(frozen=True, eq=False)
class OfVectors:
    """What was found of one head's vectors; the fields are those of `Findings`."""

    result: SweepResult | None = None
    ghost: SweepResult | None = None
    asked: CalibrationSpec | None = None
    knots: KnotEdits = field(default_factory=KnotEdits)
    adapted: Adapted | None = None


@dataclass(frozen=True, eq=False)
class OfSource:
    """What was found of a whole file; the fields are those of `Findings`."""

    quality: QualityFindings = field(default_factory=QualityFindings)
    frontier: FrontierFindings = field(default_factory=FrontierFindings)
    solved: Solved | None = None
    measured: Measurement | None = None


MOST_KEPT = 32
"""Heads whose findings are kept; each holds its codecs."""


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
    of_vectors : mapping of DataSummary to OfVectors
        What was found of vectors that were open before, the oldest first.
    of_sources : mapping of (source, capture) to OfSource
        What was found of files that were open before.
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
    of_vectors: Mapping[DataSummary, OfVectors] = field(default_factory=dict)
    of_sources: Mapping[tuple[str, str], OfSource] = field(default_factory=dict)

    def opened(self, dataset: Dataset, pca: SweepResult) -> Findings:
        """Return what is known of other vectors: all that was found before, else their PCA.

        What was found of the present ones is kept for when they are opened again.
        """
        vectors, sources = dict(self.of_vectors), dict(self.of_sources)
        if self.dataset is not None:
            vectors[self.dataset.values.summary] = _part(self, OfVectors)
            sources[self.dataset.place] = _part(self, OfSource)
        known = vectors.pop(dataset.values.summary, OfVectors(pca))
        source = sources.pop(dataset.place, OfSource())
        for oldest in list(vectors)[:-MOST_KEPT]:
            del vectors[oldest]
        return Findings(
            dataset=dataset,
            of_vectors=vectors,
            of_sources=sources,
            **_fields(replace(known, knots=known.knots.hold(None))),
            **_fields(source),
        )

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


Part = TypeVar("Part", OfVectors, OfSource)


def _part(findings: Findings, kind: type[Part]) -> Part:
    return kind(**{each.name: getattr(findings, each.name) for each in fields(kind)})


def _fields(part: OfVectors | OfSource) -> dict[str, Any]:
    return {each.name: getattr(part, each.name) for each in fields(part)}


def _over(old: tuple[SweepRow, ...], new: tuple[SweepRow, ...]) -> tuple[SweepRow, ...]:
    """Return rows with `new` ones in place of `old` ones of the same method and k."""
    replaced = {(row.method, row.k) for row in new}
    return (*(row for row in old if (row.method, row.k) not in replaced), *new)
