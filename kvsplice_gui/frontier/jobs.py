"""Measuring a frontier, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_gui.frontier.state import MeasuredFrontier
from kvsplice_gui.jobs import Note
from kvsplice_gui.quality.jobs import open_model
from kvsplice_gui.quality.state import QualityWish
from kvsplice_gui.state import DataWish

if TYPE_CHECKING:
    from kvsplice_core.pipelines.results import FrontierSpec
    from kvsplice_core.values.values import Values

Work = Generator[Any, None, MeasuredFrontier]


def frontier_job(wish: DataWish, spec: FrontierSpec) -> Work:
    """Measure a frontier of all heads of a layer; of one, where the vectors have no head axis."""
    yield Note("Loading the engine (torch)…")
    from kvsplice_core.pipelines.frontier import frontier, one_layer
    from kvsplice_core.threads import limit_threads
    from kvsplice_core.values.values import load_values

    limit_threads()
    yield Note(f"Reading {Path(wish.source).name}…")
    values = load_values(
        wish.source,
        tensor=wish.tensor,
        layer=wish.layer,
        pool_heads=True,
        axes=wish.axes,
        budget=wish.budget,
        seed=wish.seed,
    )
    # "Pooled" is a grouping here; these heads are coded in many ways.
    title = values.summary.title.replace(" heads pooled", " heads")
    split = split_words(values, spec)
    return MeasuredFrontier((yield from frontier(one_layer(values), spec, title, split)))


def model_frontier_job(
    capture: str, model: str, wish: QualityWish, side: str, budget: int, spec: FrontierSpec
) -> Work:
    """Measure a frontier of all layers of the model a capture was made from, through its cache."""
    language, documents = yield from open_model(model, wish.texts, spec.calibration.device)
    from kvsplice_core.capture.file import open_capture
    from kvsplice_core.quality.frontier import model_frontier
    from kvsplice_core.quality.leakage import leaks_of_capture

    yield Note(f"Reading {Path(capture).name}…")
    read = open_capture(capture)
    result = yield from model_frontier(
        language, read, documents, spec, wish.evaluation, side=side, budget=budget
    )
    return MeasuredFrontier(result, leaks_of_capture(read.facts, documents))


def split_words(values: Values, spec: FrontierSpec) -> str:
    """Return in words which part of the vectors the errors are measured on."""
    share = 100 * (1 - spec.calibration.train_fraction)
    documents = values.summary.documents
    if documents > 1:
        return f"the last {share:.0f} % of {documents} documents"
    return f"the last {share:.0f} % of the tokens"
