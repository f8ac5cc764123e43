"""What the window says of a frontier: pure functions from wishes and findings to shown values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base import formats
from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.grouping import GroupingKind
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.report.frontier_words import MEASURES, best_words, estimate_of, value_of, verdict
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult, FrontierSpec
from kvsplice_gui.readouts.quality_words import audit_verdict, leak_notice
from kvsplice_gui.state.findings import Findings, FrontierKey
from kvsplice_gui.state.kinds import AXES_CHOICES
from kvsplice_gui.state.wishes import QualityWish, Wishes

Floats = NDArray[np.float64]
NEEDS_DATA = "Open vectors, or capture them from gpt2-mini (Ctrl+N), to measure their frontier."
_LEFT_OUT = "Left out:\n"
_ONE_HEAD = (GroupingKind.EACH, GroupingKind.POOLED)


@dataclass(frozen=True, eq=False)
class FrontierLine:
    """One pipeline's points, bits ascending; arrays of shape (points,).

    `low` and `high` are the ends of the intervals over documents, equal to `value` where there
    are none.
    """

    pipeline: Pipeline
    points: tuple[FrontierPoint, ...]
    bits: Floats
    value: Floats
    low: Floats
    high: Floats


def parse_bits(text: str) -> tuple[float, ...]:
    """Read budgets such as ``1, 2, 2.5``.

    Raises
    ------
    SpecError
        If `text` is something else.
    """
    try:
        return tuple(float(part) for part in re.split(r"[,;\s]+", text.strip()) if part)
    except ValueError as error:
        raise SpecError(
            f"bits per value must be numbers such as 1, 2, 2.5; got {text!r}"
        ) from error


def frontier_spec(wishes: Wishes, findings: Findings) -> FrontierSpec:
    """Return the frontier the wishes ask for; without a model none that need its W_O."""
    spec = wishes.frontier.spec(wishes.pipeline_calibration)
    kept = tuple(one for one in spec.pipelines if one.axes is not Axes.OUTPUT)
    if not kept or key_of(wishes, findings).quality is not None:
        return spec
    return replace(spec, pipelines=kept)


def facts_of(findings: Findings) -> CaptureFacts | None:
    """Return what the open file says of the model it was captured from."""
    return None if findings.dataset is None else findings.dataset.capture


def side_of(quality: QualityWish, facts: CaptureFacts) -> str:
    """Return the side that is measured: ``k`` where only K is wished or held, else ``v``."""
    return "k" if quality.side_of(facts) == "k" else "v"


def key_of(wishes: Wishes, findings: Findings) -> FrontierKey:
    """Return what a frontier would be measured on now."""
    data, facts = replace(wishes.data, head=None, pool_heads=True), facts_of(findings)
    seed = wishes.calibration.seed
    if facts is None or not wishes.frontier.through_model:
        return FrontierKey(data, seed)
    return FrontierKey(replace(data, tensor=None, layer=None), seed, wishes.quality)


def is_stale(wishes: Wishes, findings: Findings) -> bool:
    """Say whether the frontier shown was measured on something else than what is open now."""
    found = findings.frontier
    return found.shown is not None and found.shown_key != key_of(wishes, findings)


def lines_of(result: FrontierResult | None, measure: str) -> tuple[FrontierLine, ...]:
    """Return the lines of a frontier in the order of its pipelines."""
    if result is None:
        return ()
    pipelines = dict.fromkeys(point.pipeline for point in result.points)
    lines = (_line(result, pipeline, measure) for pipeline in pipelines)
    return tuple(line for line in lines if line.points)


def _line(result: FrontierResult, pipeline: Pipeline, measure: str) -> FrontierLine:
    known = (p for p in result.of(pipeline) if value_of(p, measure) is not None)
    points = tuple(sorted(known, key=lambda point: point.bits))
    numbers = np.array([_numbers(point, measure) for point in points]).reshape(-1, 3)
    bits = np.array([point.bits for point in points])
    return FrontierLine(pipeline, points, bits, *numbers.T)


def _numbers(point: FrontierPoint, measure: str) -> tuple[float, float, float]:
    found = estimate_of(point, measure)
    if found is None:
        return (point.nmse,) * 3
    return found.value, found.low, found.high


def shown_measure(wishes: Wishes, findings: Findings) -> str:
    """Return what stands on y: the wished measure where it was measured, else NMSE."""
    shown = findings.frontier.shown
    return wishes.frontier.measure if shown is not None and shown.of_model else "nmse"


def describe(point: FrontierPoint, measure: str) -> str:
    """Return what the crosshair reads at a point."""
    value = formats.three_digits(value_of(point, measure))
    found = estimate_of(point, measure)
    if found is not None:
        low, high = formats.three_digits(found.low), formats.three_digits(found.high)
        value += f" [{low}, {high}] nats per token"
    bits = formats.with_unit(formats.three_digits(point.bits), "bits")
    gap = f" · {formats.three_digits(point.gap_db)} dB over the bound" if measure == "nmse" else ""
    return f"{point.pipeline.label} · {bits} · {MEASURES[measure]} {value}{gap}"


def notice(wishes: Wishes, findings: Findings) -> tuple[str, bool]:
    """Return what must be said over the frontier, and whether it is an error."""
    found, shown = findings.frontier, findings.frontier.shown
    if shown is None:
        return "", False
    if not shown.is_valid:
        return f"{audit_verdict(shown.audit)}. The points are not valid.", True
    said = [leak_notice(found.leaked)]
    if is_stale(wishes, findings):
        said.append(f"Measured on {shown.title}, not on what is chosen now: measure again.")
    if found.live is None and not found.is_whole:
        said.append("Cancelled: the points measured until then.")
    return " ".join(filter(None, said)), False


def left_out(result: FrontierResult | None) -> tuple[str, str]:
    """Return in a few words which points are missing, and every reason, one a line."""
    if result is None or not result.left_out:
        return "", ""
    count = len(result.left_out)
    plural = "" if count == 1 else "s"
    return f"{count} point{plural} left out: why?", _LEFT_OUT + "\n".join(result.left_out)


def best(wishes: Wishes, findings: Findings) -> str:
    """Return which pipeline is best at the budget of the slider; empty without a frontier."""
    shown = findings.frontier.shown
    if shown is None or not shown.is_valid:
        return ""
    words = best_words(shown, wishes.frontier.budget, shown_measure(wishes, findings))
    return words[:1].upper() + words[1:]


def sentence(findings: Findings) -> str:
    """Return the verdict on the chosen point; empty without one."""
    point, shown = findings.frontier.point, findings.frontier.shown
    if point is None or shown is None or not shown.is_valid:
        return ""
    return verdict(point, shown)


def estimate_text(wishes: Wishes, findings: Findings) -> str:
    """Return what measuring will take, in words."""
    if findings.dataset is None:
        return NEEDS_DATA
    spec, key = frontier_spec(wishes, findings), key_of(wishes, findings)
    points = len(spec.ordered_pipelines) * len(spec.bits)
    where = "all layers, through the model" if key.quality is not None else "all heads of the layer"
    text, last = f"{points} points, {where}", findings.frontier.result
    missing = len(wishes.frontier.pipelines) - len(spec.pipelines)
    if missing:
        text += f"; {missing} of the pipelines need{'s' * (missing == 1)} a capture's model for W_O"
    if last is None or not last.points or findings.frontier.key != key:
        return f"{text}."
    seconds = last.elapsed_s * points / len(last.points)
    return f"{text}, about {formats.duration(max(seconds, 1.0))} by what was measured here."


def wish_of(
    point: FrontierPoint, result: FrontierResult, wishes: Wishes, dim: int
) -> dict[str, object]:
    """Return the fields of `Wishes` that say what a point's pipeline says, as far as they can.

    A k of heads joined is not one of a single head, and is left as it is.
    """
    pipeline, calibration = point.pipeline, result.spec.calibration
    changes: dict[str, object] = {
        "method": pipeline.method,
        "methods": tuple(dict.fromkeys((*wishes.methods, pipeline.method))),
        "frontier": replace(wishes.frontier, budget=point.asked_bits),
    }
    if point.k is not None and pipeline.grouping.kind in _ONE_HEAD:
        changes["k"] = min(max(point.k, 1), dim)
    if pipeline.method.is_learnt:
        changes |= {
            "recipe": calibration.recipe,
            "knots": calibration.resolved_knots,
            "epochs": calibration.resolved_epochs,
            "curve": calibration.curve,
            "knot_placement": calibration.knot_placement,
            "coupling": calibration.coupling,
        }
        if pipeline.axes in AXES_CHOICES:
            changes["axes"] = pipeline.axes
    return changes
