"""Pipelines measured through a model's cache."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.fit.budget import mean_bits
from kvsplice_core.fit.card import card_of
from kvsplice_core.fit.frontier import Comparing, frontier
from kvsplice_core.fit.layer import LayerFit, LayerValues
from kvsplice_core.fit.layers import Place
from kvsplice_core.language.projections import attention_modules, output_projection
from kvsplice_core.proof.bench import Bench
from kvsplice_core.proof.intervals import compared, quality_of
from kvsplice_core.proof.requirements import require_capture_of
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.comparison import Asked, Comparison, ComparisonRow, reference_at
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.training import CalibrationSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document


def model_frontier(
    language: LanguageModel,
    capture: Capture,
    documents: Sequence[Document],
    spec: Asked,
    evaluation: EvalSpec | None = None,
    *,
    side: str = "v",
    budget: int = SAMPLE_BUDGET,
) -> Comparing:
    """Fit every pipeline at every budget to all layers, and measure each through the cache.

    A generator: it yields progress and every finished point, and returns all of them; closing it
    cancels. Errors are those of the capture's test documents, ΔNLL that of `documents`. The first
    point of every pipeline is audited, and what attention reads is watched in all of them.

    Parameters
    ----------
    language : LanguageModel
    capture : Capture
        Vectors of this very model.
    documents : sequence of Document
        Held-out text.
    spec : ComparisonSpec or FrontierSpec
    evaluation : EvalSpec, optional
        How the text is read.
    side : str
        ``v`` or ``k``; the other stays dense.
    budget : int
        Vectors of a layer, all heads counted, that codecs learn from at most.

    Raises
    ------
    LanguageModelError
        If the capture is of other weights, or the model cannot be audited.
    SpecError
        If the side is neither, or no pipeline fits any budget.
    """
    if side not in ("v", "k"):
        raise SpecError(f"a comparison is of v or of k; got {side!r}")
    require_capture_of(language, capture, side)
    layers = model_layers(language, capture, side, budget)
    bench = Bench(language, documents, evaluation or EvalSpec())
    proof = _Proof(bench, capture, spec.calibration)
    title = f"{language.name}, {side.upper()} of {len(layers)} layers"
    split = f"test documents of the capture; ΔNLL: {len(documents)} held-out documents"
    return (yield from frontier(layers, spec, title, split, proof))


def model_layers(
    language: LanguageModel, capture: Capture, side: str = "v", budget: int = SAMPLE_BUDGET
) -> dict[Place, LayerValues]:
    """Return the vectors of every captured layer with the W_O that reads them (V only)."""
    dim, heads = language.shape.head_dim, language.shape.kv_heads
    modules = attention_modules(language.model) if side == "v" else {}
    layers = {}
    for layer in capture.facts.layers:
        seen = None
        if layer in modules:
            seen = _by_kv_head(output_projection(modules[layer], dim).weight.cpu(), heads)
        values = capture.values(side, layer, None, budget=budget)
        layers[side, layer] = LayerValues(values, seen)
    return layers


def _by_kv_head(weight: Tensor, heads: int) -> Tensor:
    """Return W_O (query_heads, d, hidden) as (kv_heads, d, shared · hidden)."""
    shared = weight.shape[0] // heads
    grouped = weight.reshape(heads, shared, *weight.shape[1:]).transpose(1, 2)
    return grouped.reshape(heads, weight.shape[1], shared * weight.shape[2])


class _Proof:
    """What every point costs the model."""

    def __init__(self, bench: Bench, capture: Capture, calibration: CalibrationSpec) -> None:
        self._bench, self._capture, self._calibration = bench, capture, calibration
        self._points: dict[tuple[Pipeline, Budget], _Cost] = {}
        self._known: dict[tuple[Pipeline, float], TextScores] = {}

    @torch.no_grad()
    def measure(
        self,
        pipeline: Pipeline,
        budget: Budget,
        fits: Mapping[Place, LayerFit],
        reference: Mapping[Place, LayerFit] | None,
    ) -> Generator[str, None, None]:
        """Score one point and what it is compared with; the first of a pipeline is audited."""
        bench, name = self._bench, f"{pipeline.label} at {budget.words}"
        asked = {"asked_bits": budget.bits} if budget.k is None else {"asked_k": budget.k}
        card, rival = self._card(pipeline, asked, fits), None
        measured = yield from bench.measure(card, name, pipeline)
        self._known[pipeline, _taken(fits)] = measured.scores
        if reference is not None:
            rival = yield from self._rival(reference_at(pipeline, budget), reference, name)
        heads = yield from bench.heads(card)
        self._points[pipeline, budget] = _Cost(
            measured.scores,
            rival,
            fmean(head.weighted_mse for head in heads),
            fmean(head.output_error for head in heads),
        )

    def _rival(
        self, pipeline: Pipeline, fits: Mapping[Place, LayerFit], name: str
    ) -> Generator[str, None, TextScores]:
        """Score a reference; one that takes the bits of an earlier one is the same codec."""
        taken = _taken(fits)
        if (pipeline, taken) not in self._known:
            card = self._card(pipeline, {"asked_bits": taken}, fits)
            measured = yield from self._bench.score(card, name)
            self._known[pipeline, taken] = measured.scores
        return self._known[pipeline, taken]

    def _card(
        self, pipeline: Pipeline, notes: Mapping[str, object], fits: Mapping[Place, LayerFit]
    ) -> Card:
        return card_of(self._capture, fits, pipeline, self._calibration, notes=notes)

    def proven(self, point: ComparisonRow) -> ComparisonRow:
        """Return the point with its quality, and that beside what it is compared with."""
        cost, seed = self._points[point.pipeline, point.budget], self._bench.spec.seed
        return replace(
            point,
            quality=quality_of(cost.own, seed),
            weighted_mse=cost.weighted_mse,
            output_error=cost.output_error,
            against=None if cost.rival is None else compared(cost.own, cost.rival, seed),
        )

    def finished(self, result: Comparison) -> Comparison:
        """Return the result with the audit and what was scored."""
        bench = self._bench
        return replace(
            result,
            audit=bench.controls,
            scored_tokens=bench.tokens,
            documents=bench.documents,
        )


@dataclass(frozen=True)
class _Cost:
    """What one point costs the model, and what its reference does; errors are means over heads."""

    own: TextScores
    rival: TextScores | None
    weighted_mse: float
    output_error: float


def _taken(fits: Mapping[Place, LayerFit]) -> float:
    return mean_bits([fit.counted for fit in fits.values()]).total
