"""A frontier of pipelines measured through a model's cache."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.fit.budget import mean_bits
from kvsplice_core.fit.card import card_of
from kvsplice_core.fit.frontier import Place, frontier
from kvsplice_core.fit.layer import LayerFit, LayerValues
from kvsplice_core.language.projections import attention_modules, output_projection
from kvsplice_core.proof.audit import audit
from kvsplice_core.proof.controls import reads
from kvsplice_core.proof.curve import require_capture_of
from kvsplice_core.proof.intervals import compared, quality_of
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.requirements import require_provable
from kvsplice_core.proof.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.proof.tensor_view import tensor_view
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.proof.windows import TextWindow, text_windows
from kvsplice_core.tasks.evaluate import Control, EvalSpec
from kvsplice_core.tasks.frontier import (
    FrontierPoint,
    FrontierResult,
    FrontierSpec,
    FrontierStep,
    reference_of,
)
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
    spec: FrontierSpec,
    evaluation: EvalSpec | None = None,
    *,
    side: str = "v",
    budget: int = SAMPLE_BUDGET,
) -> Generator[FrontierStep, None, FrontierResult]:
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
    spec : FrontierSpec
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
        raise SpecError(f"a frontier is of v or of k; got {side!r}")
    require_capture_of(language, capture, side)
    layers = model_layers(language, capture, side, budget)
    proof = _Proof(language, capture, documents, evaluation or EvalSpec(), spec.calibration)
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


@dataclass(eq=False)
class _Proof:
    """What every point costs the model."""

    language: LanguageModel
    capture: Capture
    documents: Sequence[Document]
    evaluation: EvalSpec
    calibration: CalibrationSpec
    scores: dict[tuple[Pipeline, float], TextScores] = field(default_factory=dict)
    rivals: dict[tuple[Pipeline, float], TextScores] = field(default_factory=dict)
    views: dict[tuple[Pipeline, float], tuple[float, float]] = field(default_factory=dict)
    audits: dict[str, tuple[Control, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = self.evaluation
        self._windows: tuple[TextWindow, ...] = text_windows(
            self.language, self.documents, wanted.tokens, wanted.context
        )
        self._seen = text_windows(
            self.language, self.documents, wanted.tensor_tokens, wanted.context
        )
        self._reader = CacheReader.of(self.language, wanted)
        require_provable(self._reader, self._windows)
        self._base = BaseLogProbs(self.language)
        self._audited: set[Pipeline] = set()
        self._known: dict[tuple[Pipeline, float], TextScores] = {}

    @torch.no_grad()
    def measure(
        self,
        pipeline: Pipeline,
        bits: float,
        fits: Mapping[Place, LayerFit],
        reference: Mapping[Place, LayerFit] | None,
    ) -> Generator[str, None, None]:
        """Score one point and what it is compared with; the first of a pipeline is audited."""
        card = self._card(pipeline, bits, fits)
        name, watch, audited = f"{pipeline.label} at {bits:g} bits", ReadErrors(), None
        if pipeline not in self._audited:
            self._audited.add(pipeline)
            audited = yield from audit(self._reader, card, self._windows, self.evaluation.seed)
            self.audits[name] = audited.controls
        reader = self._reader.watched_by(watch)
        self.scores[pipeline, bits] = yield from self._scored(reader, pipeline, fits, card)
        if reference is not None:
            self.rivals[pipeline, bits] = yield from self._scored(
                reader, reference_of(pipeline), reference
            )
        heads = yield from tensor_view(self.language, card, self._seen)
        self.views[pipeline, bits] = (
            fmean(head.weighted_mse for head in heads),
            fmean(head.output_error for head in heads),
        )
        if audited is not None:
            self.audits[name] = audited.with_scored(watch)
        elif not (control := reads(watch)).passed:
            self.audits[name] = (control,)

    def _scored(
        self,
        reader: CacheReader,
        pipeline: Pipeline,
        fits: Mapping[Place, LayerFit],
        card: Card | None = None,
    ) -> Generator[str, None, TextScores]:
        """Score a fit; a reference that takes the bits of an earlier one is the same codec."""
        taken = mean_bits([fit.counted for fit in fits.values()]).total
        if card is None and (pipeline, taken) in self._known:
            return self._known[pipeline, taken]
        card = card or self._card(pipeline, taken, fits)
        work = score_text(reader, card, self._windows, self._base)
        self._known[pipeline, taken] = yield from relay(work, str)
        return self._known[pipeline, taken]

    def _card(self, pipeline: Pipeline, bits: float, fits: Mapping[Place, LayerFit]) -> Card:
        notes = {"asked_bits": bits}
        return card_of(self.capture, fits, pipeline, self.calibration, notes=notes)

    def proven(self, point: FrontierPoint) -> FrontierPoint:
        """Return the point with its quality, and that beside what it is compared with."""
        place, seed = (point.pipeline, point.asked_bits), self.evaluation.seed
        own, theirs = self.scores[place], self.rivals.get(place)
        weighted, output = self.views[place]
        return replace(
            point,
            quality=quality_of(own, seed),
            weighted_mse=weighted,
            output_error=output,
            against=None if theirs is None else compared(own, theirs, seed),
        )

    def finished(self, result: FrontierResult) -> FrontierResult:
        """Return the result with the audit and what was scored."""
        controls = tuple(
            replace(one, claim=f"{name}: {one.claim}")
            for name, found in self.audits.items()
            for one in found
        )
        return replace(
            result,
            audit=controls,
            scored_tokens=sum(window.tokens - 1 for window in self._windows),
            documents=len({window.index for window in self._windows}),
        )
