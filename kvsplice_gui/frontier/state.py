"""What is wished and known of a frontier: frozen values, free of Qt and of torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kvsplice_core.pipelines.results import (
    DEFAULT_BITS,
    FrontierPoint,
    FrontierResult,
    FrontierSpec,
)
from kvsplice_core.pipelines.spec import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.pipelines.wording import MEASURES
from kvsplice_core.quality.solve_spec import SolveSpec
from kvsplice_core.specs import PIPELINE_RECIPE, CalibrationSpec

if TYPE_CHECKING:
    from kvsplice_gui.quality.state import QualityWish
    from kvsplice_gui.state import DataWish

LEAST_BUDGET, MOST_BUDGET = 1.0, 8.0
"""Ends of the budget slider, bits per value."""

_DEFAULT_KEYS = tuple(pipeline.key for pipeline in DEFAULT_PIPELINES)

Choice = tuple[Pipeline, float]
"""A pipeline and the bits per value it was asked for."""


@dataclass(frozen=True)
class FrontierWish:
    """What is to be measured, and how it is looked at.

    Parameters
    ----------
    pipelines : tuple of str
        Keys of those that are measured.
    typed : tuple of str
        Keys of those a hand added to the usual ones, measured or not.
    bits : tuple of float
        Budgets, bits per value.
    through_model : bool
        Whether the model of an open capture is measured too.
    surrogate : bool
        Whether a Gaussian surrogate is fitted beside; takes twice as long.
    measure : str
        ``nmse``, ``nll`` or ``kl``: what stands on y.
    log : bool
        Whether y is logarithmic.
    budget : float
        Where the budget slider stands, bits per value.
    """

    pipelines: tuple[str, ...] = _DEFAULT_KEYS
    typed: tuple[str, ...] = ()
    bits: tuple[float, ...] = DEFAULT_BITS
    through_model: bool = True
    surrogate: bool = False
    measure: str = "nmse"
    log: bool = True
    budget: float = 2.5

    @property
    def known(self) -> tuple[str, ...]:
        """Keys of all that may be chosen: the usual ones, then those typed."""
        return tuple(dict.fromkeys((*_DEFAULT_KEYS, *self.typed)))

    def spec(self, seed: int, device: str) -> FrontierSpec:
        """Return the frontier these wishes ask for; transforms are learnt as published.

        Raises
        ------
        SpecError
            If a pipeline or a budget is none, or there are none.
        """
        chosen = [key for key in self.known if key in self.pipelines]
        return FrontierSpec(
            pipelines=tuple(Pipeline.of(key) for key in chosen),
            bits=self.bits,
            calibration=CalibrationSpec(recipe=PIPELINE_RECIPE, seed=seed, device=device),
            surrogate=self.surrogate,
        )

    def require_valid(self) -> None:
        """Refuse what cannot be measured or shown.

        Raises
        ------
        SpecError
            If a pipeline or a budget is none, or there are none.
        ValueError
            If the measure is none.
        """
        self.spec(0, "auto")
        SolveSpec(bits=self.budget)
        tuple(MEASURES).index(self.measure)


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
