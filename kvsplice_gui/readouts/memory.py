"""What the window says of a measured cache: pure functions from findings to shown values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.data.model_shape import load_model_shape
from kvsplice_core.report.palette import GREY, style_of
from kvsplice_core.tasks.measure import MemoryPoint
from kvsplice_gui.readouts.quality import card_key
from kvsplice_gui.state.findings import Findings, Measurement, MeasureWish
from kvsplice_gui.state.kinds import kind_of
from kvsplice_gui.state.wishes import Wishes

NEEDS_CAPTURE = "Capture vectors from a model (Ctrl+N) to measure its real cache."


@dataclass(frozen=True)
class MeasuredPoints:
    """Points for the memory plot: a name, a colour, and arrays of shape (points,)."""

    name: str
    tokens: NDArray[np.float64]
    size: NDArray[np.float64]
    colour: str


def measure_wish(wishes: Wishes, findings: Findings) -> MeasureWish | None:
    """Return which cache would be measured now; None without a capture.

    Raises
    ------
    SpecError
        If K and V are wished in a type no model keeps.
    """
    facts = None if findings.dataset is None else findings.dataset.capture
    if facts is None:
        return None
    return MeasureWish(
        card_key(wishes, facts),
        wishes.quality.model_of(facts),
        wishes.memory.element_bytes,
        wishes.memory.tokens,
        wishes.memory.batch,
    )


def why_not_measured(wishes: Wishes, findings: Findings) -> str:
    """Return why nothing can be measured; empty where it can."""
    try:
        return "" if measure_wish(wishes, findings) is not None else NEEDS_CAPTURE
    except KVSpliceError as error:
        return str(error)


def measured_points(wishes: Wishes, findings: Findings) -> tuple[MeasuredPoints, ...]:
    """Return the points that belong to what the memory plot draws now.

    Dense points belong to the model, the batch and the type; compressed ones to the codec too.
    """
    found = findings.measured
    if found is None or not _same_cache(wishes, found):
        return ()
    points = found.result.points
    shown = [_points("dense, measured", points, GREY, compressed=False)]
    spec = found.wish.key.calibration
    if _same_codec(wishes, found):
        colour = style_of(spec.method).colour
        sides = "" if found.result.compresses == "V" else f"{found.result.compresses} by "
        name = f"{sides}{spec.method.label} k = {spec.k}, measured"
        shown.append(_points(name, points, colour, compressed=True))
    return tuple(shown)


def _same_cache(wishes: Wishes, found: Measurement) -> bool:
    try:
        shape = load_model_shape(wishes.memory.model)
    except KVSpliceError:
        return False
    facts, wish = found.card.model, found.wish
    same_shape = (shape.layers, shape.kv_heads, shape.head_dim) == (
        facts.layers,
        facts.kv_heads,
        facts.head_dim,
    )
    memory = wishes.memory
    return same_shape and (memory.batch, memory.element_bytes) == (wish.batch, wish.element_bytes)


def _same_codec(wishes: Wishes, found: Measurement) -> bool:
    """Return whether the measured codec is the one in focus; K compressed lies off its line."""
    spec, memory = found.wish.key.calibration, wishes.memory
    k = min(wishes.k, found.card.model.head_dim)
    same_kind = kind_of(spec) == kind_of(wishes.calibration)
    same_codec = (spec.method, spec.k) == (wishes.method, k) and same_kind
    kept_whole = memory.kept_tokens is None and memory.latent_bytes == found.wish.element_bytes
    return same_codec and kept_whole


def _points(
    name: str, points: tuple[MemoryPoint, ...], colour: str, *, compressed: bool
) -> MeasuredPoints:
    held = [(p.compressed if compressed else p.dense).total for p in points]
    tokens = np.array([p.tokens for p in points], dtype=np.float64)
    return MeasuredPoints(name, tokens, np.array(held, dtype=np.float64), colour)
