"""From a wish for quality to the work that measures it, and back into the findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSlot

from kvsplice_core.capture.specs import CaptureFacts
from kvsplice_core.quality.curve_results import CurveStep, SensitivityStep
from kvsplice_gui import formats
from kvsplice_gui.controller import Controller
from kvsplice_gui.frontier.control import FRONTIER
from kvsplice_gui.quality import readouts as quality_readouts
from kvsplice_gui.quality import words as quality_words
from kvsplice_gui.quality.jobs import evaluate_job, quality_job, sensitivity_job
from kvsplice_gui.quality.state import (
    CardKey,
    Evaluation,
    MeasuredCurve,
    QualityFindings,
    QualityWish,
    SensitivityMap,
    empty_map,
)
from kvsplice_gui.solving.control import SOLVE
from kvsplice_gui.state import State

if TYPE_CHECKING:
    from kvsplice_core.card import Card

CURVE, EVALUATION, MAP = "Measuring quality", "Evaluating", "Mapping sensitivity"
BUSY = frozenset({CURVE, EVALUATION, MAP})
_UNDISTURBED = BUSY | {FRONTIER, SOLVE}
"""Minutes of work that other vectors would cancel."""


class QualityControl(QObject):
    """Measures the open capture's model; the last result stays until a better one is whole."""

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._source = ""
        self._awaited_cell: tuple[int, int] | None = None
        controller.loaded.connect(self._on_controller_loaded)
        controller.busy_changed.connect(self._on_controller_busy_changed)

    def measure(self) -> None:
        """Measure ΔNLL and KL against k, the chosen k first."""
        facts = self._facts
        if facts is None:
            return
        wishes = self._state.wishes
        wish, capture = wishes.quality, wishes.data.source
        spec, model = quality_readouts.curve_spec(wishes, facts), wish.model_of(facts)
        started = self._controller.work(
            CURVE,
            lambda: quality_job(capture, model, wish.texts, spec),
            lambda result: self._on_curve_measured(result, wish),
            self._on_curve_stepped,
        )
        if started:
            self._state.find_quality(live_points=(), live_failed=(), starting_over=True)
            methods = ", ".join(method.label for method in spec.methods)
            self._say(f"Measuring quality of {methods} at k = {', '.join(map(str, spec.ks))}")

    def evaluate(self) -> None:
        """Evaluate the method in focus at the chosen k, with the whole audit."""
        facts = self._facts
        if facts is None:
            return
        key, card, model = self._card(facts)
        wish, last = self._state.wishes.quality, self._state.findings.quality.sensitivity
        mapped = last.result if last is not None and last.key == key else None
        self._controller.work(
            EVALUATION, lambda: evaluate_job(key, model, wish, card, mapped), self._on_evaluated
        )

    def map_sensitivity(self) -> None:
        """Measure what each head costs when it alone is compressed."""
        facts = self._facts
        if facts is None:
            return
        key, card, model = self._card(facts)
        wish, last = self._state.wishes.quality, self._state.findings.quality.evaluation
        heads = last.result.heads if last is not None and last.key == key else ()
        started = self._controller.work(
            MAP,
            lambda: sensitivity_job(key, model, wish, card, heads),
            self._on_mapped,
            self._on_map_stepped,
        )
        if started:
            self._state.find_quality(live_map=empty_map(facts, key, wish))

    def choose_cell(self, layer: int, head: int) -> None:
        """Open a layer and head everywhere; while something is measured, when that is done."""
        if self._controller.busy in _UNDISTURBED:
            self._awaited_cell = (layer, head)
            self._say(f"Layer {layer}, head {head} is opened when the measuring is done.")
            return
        dataset = self._state.findings.dataset
        if dataset is not None:
            changes = quality_readouts.cell_choice(dataset.tensors, dataset.wish, layer, head)
            self._state.wish_data(**changes)

    @property
    def _facts(self) -> CaptureFacts | None:
        dataset = self._state.findings.dataset
        return None if dataset is None else dataset.capture

    def _card(self, facts: CaptureFacts) -> tuple[CardKey, Card | None, str]:
        """Return which card is wished, the card itself where it was made, and its model."""
        wishes, quality = self._state.wishes, self._state.findings.quality
        key = quality_readouts.card_key(wishes, facts)
        made = (one for one in (quality.evaluation, quality.sensitivity) if one is not None)
        card = next((one.card for one in made if one.key == key), None)
        return key, card, wishes.quality.model_of(facts)

    def _say(self, text: str) -> None:
        self._controller.said.emit(text)

    def _say_leaks(self, names: tuple[str, ...]) -> None:
        if names:
            self._say(quality_words.leak_notice(names))

    # -- steps and results --------------------------------------------------------------------

    def _on_curve_stepped(self, step: object) -> None:
        if not isinstance(step, CurveStep):
            return
        quality = self._state.findings.quality
        failed = tuple(dict.fromkeys((*quality.live_failed, *step.failed)))
        points = quality.live_points if step.point is None else (*quality.live_points, step.point)
        if (points, failed) == (quality.live_points, quality.live_failed):
            return
        self._state.find_quality(live_points=points, live_failed=failed)
        if failed != quality.live_failed:
            self._say(f"{quality_words.audit_verdict(failed)}. The points are not valid.")
        if step.point is not None:
            words = quality_words
            describe = words.describe_invalid_point if failed else words.describe_point
            self._say(describe(step.point))

    def _on_curve_measured(self, found: MeasuredCurve, wish: QualityWish) -> None:
        quality, result = self._state.findings.quality, found.result
        new = replace(
            quality,
            curve=result,
            curve_wish=wish,
            curve_leaked=found.leaked,
            ghost=quality.curve if quality.curve is not None else quality.ghost,
            last_audited="curve",
        )
        self._state.find(quality=new.settled())
        self._say(
            f"Quality at {len(result.points)} points in {formats.duration(result.elapsed_s)} on "
            f"{result.device}: {quality_words.audit_verdict(result.audit)}"
        )
        self._say_leaks(found.leaked)

    def _on_evaluated(self, found: Evaluation) -> None:
        self._state.find_quality(evaluation=found, last_audited="evaluation")
        self._say(quality_words.describe_evaluation(found.result))
        self._say_leaks(found.leaked)

    def _on_map_stepped(self, step: object) -> None:
        live = self._state.findings.quality.live_map
        if isinstance(step, SensitivityStep) and live is not None:
            self._state.find_quality(live_map=live.with_cell(step))

    def _on_mapped(self, found: SensitivityMap) -> None:
        self._state.find_quality(sensitivity=found, live_map=None)
        cells = sum(cells.size for cells in found.kl.values())
        notice, _ = quality_words.map_notice(found, self._state.findings.quality.evaluation)
        self._say(f"Sensitivity of {cells} heads measured: {found.title}. {notice}".rstrip())

    # -- following the controller ---------------------------------------------------------------

    @pyqtSlot()
    def _on_controller_loaded(self) -> None:
        source = self._state.wishes.data.source
        if source != self._source:
            self._source = source
            self._state.find(quality=QualityFindings())

    @pyqtSlot(str)
    def _on_controller_busy_changed(self, busy: str) -> None:
        quality = self._state.findings.quality
        if busy not in BUSY and (quality.starting_over or quality.live_map is not None):
            self._state.find(quality=quality.settled())
        if not busy and self._awaited_cell is not None:
            cell, self._awaited_cell = self._awaited_cell, None
            self.choose_cell(*cell)
