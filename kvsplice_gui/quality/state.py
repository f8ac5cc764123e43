"""What is wished and known of quality: frozen values, free of Qt and of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.capture.specs import CaptureFacts, Sides
from kvsplice_core.quality.curve_results import (
    CurveResult,
    QualityPoint,
    SensitivityResult,
    SensitivityStep,
)
from kvsplice_core.quality.results import Control, EvalResult, HeadErrors
from kvsplice_core.quality.specs import EvalSpec
from kvsplice_core.specs import CalibrationSpec

if TYPE_CHECKING:
    from kvsplice_core.card import Card

MEASURES = ("nll", "kl")


@dataclass(frozen=True)
class QualityWish:
    """How quality is to be measured.

    Parameters
    ----------
    model : str
        ``gpt2-mini``, a folder or a hub id; empty for the model of the open capture.
    texts : tuple of str
        Held-out text files, one document each; empty for the bundled model's own books.
    tokens : int
        Most tokens to score.
    mode : str
        ``strict`` or ``window``; see `EvalSpec`.
    window : int
        Newest tokens that stay raw in mode ``window``.
    side : str
        ``v``, ``k`` or ``both``; empty for whatever the capture holds.
    """

    model: str = ""
    texts: tuple[str, ...] = ()
    tokens: int = EvalSpec.tokens
    mode: str = EvalSpec.mode
    window: int = EvalSpec.window
    side: str = ""

    @property
    def evaluation(self) -> EvalSpec:
        """How each card is evaluated."""
        return EvalSpec(mode=self.mode, window=self.window, tokens=self.tokens)

    def side_of(self, facts: CaptureFacts) -> str:
        """Return the side to compress: the wished one where the capture holds it."""
        held = facts.sides.value
        return self.side if self.side and held in (self.side, "both") else held

    def model_of(self, facts: CaptureFacts) -> str:
        """Return the model to load."""
        return self.model or facts.model.name


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

    def with_cell(self, step: SensitivityStep) -> SensitivityMap:
        """Return the map with the cell that `step` has measured."""
        if step.layer is None or step.head is None or step.kl is None:
            return self
        cells = self.kl[step.side].copy()
        cells[step.layer, step.head] = step.kl
        return replace(self, kl={**self.kl, step.side: cells})


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
        """Return what stays when the work that is running has ended without a result."""
        return replace(self, live_points=(), live_failed=(), starting_over=False, live_map=None)
