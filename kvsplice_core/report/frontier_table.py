"""Frontiers as files: a CSV a spreadsheet opens, a JSON with everything."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kvsplice_core.report.frontier_words import verdict
from kvsplice_core.report.sweep_table import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kvsplice_core.base.estimates import Change, Estimate
    from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult

    Cell = Callable[[FrontierPoint], object]

_FIRST: tuple[tuple[str, Cell], ...] = (
    ("pipeline", lambda p: p.pipeline.key),
    ("bits", lambda p: p.bits),
    ("nmse", lambda p: p.nmse),
)
_OTHERS: tuple[tuple[str, Cell], ...] = (
    ("asked_bits", lambda p: p.asked_bits),
    ("vector_bits", lambda p: p.vector_bits),
    ("side_bits", lambda p: p.side_bits),
    ("k", lambda p: "" if p.k is None else p.k),
    ("gap_db", lambda p: p.gap_db),
    ("codecs", lambda p: p.codecs),
    ("replaced", lambda p: p.replaced),
    ("reference", lambda p: "" if p.reference is None else p.reference.key),
)
_QUALITIES = (("dnll", "delta_nll"), ("kl", "kl"), ("perplexity", "perplexity"), ("top1", "top1"))
_INTERVAL = ("", "_low", "_high")


def frontier_csv(result: FrontierResult) -> str:
    """Return a frontier as CSV, one row for each point, in the order of the pipelines.

    Columns: ``pipeline`` (key), ``bits`` (per value, everything counted), ``nmse``; of a model
    ``dnll`` (nats per token); ``asked_bits``, ``vector_bits``, ``side_bits``, ``k``, ``gap_db``
    (over the Gaussian bound), ``codecs``, ``replaced``, ``reference``, ``recipe`` (of a
    transform that learns); ``change`` and ``surrogate`` (per cent of the squared error against the
    reference, and the same on a Gaussian surrogate) with ``_low`` and ``_high``; ``verdict``; of a
    model ``dnll``, ``kl`` (nats per token), ``perplexity``, ``top1`` with their intervals, and
    ``dnll_against`` and ``kl_against`` (minus the reference's) with ``model_verdict``: a tie where
    the two disagree. What was not measured is blank.
    """
    columns = [
        *_FIRST, *_model_first(result), *_OTHERS, _recipe(result), *_changes(),
        *_model_others(result),
    ]  # fmt: skip
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    for point in result.points:
        writer.writerow([cell(point) for _, cell in columns])
    return buffer.getvalue()


def frontier_json(result: FrontierResult, leaked_documents: Sequence[str] = ()) -> str:
    """Return a frontier as JSON text; ``valid`` is false where a control failed.

    ``leaked_documents`` names those the codecs were calibrated on. Numbers JSON cannot hold (NaN,
    infinity) become null.
    """
    calibration = result.spec.calibration.learning()
    document: dict[str, Any] = {
        name: getattr(result, name)
        for name in (
            "title", "split", "test_tokens", "scored_tokens", "documents", "elapsed_s", "versions",
        )
    }  # fmt: skip
    document |= {
        "valid": result.is_valid,
        "leaked_documents": list(leaked_documents),
        "data": [asdict(summary) for summary in result.data],
        "spec": {
            "pipelines": [pipeline.key for pipeline in result.spec.pipelines],
            "bits": list(result.spec.bits),
            "calibration": calibration,
            "counted_tokens": result.spec.counted_tokens,
            "surrogate": result.spec.surrogate,
        },
        "audit": [asdict(control) for control in result.audit],
        "bound": [{"bits": bits, "nmse": nmse} for bits, nmse in result.bound],
        "left_out": list(result.left_out),
        "points": [_point(point, result) for point in result.points],
    }
    return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _point(point: FrontierPoint, result: FrontierResult) -> dict[str, Any]:
    reference = None if point.reference is None else point.reference.key
    return asdict(point) | {
        "pipeline": point.pipeline.key,
        "label": point.pipeline.label,
        "reference": reference,
        "bits": point.bits,
        **{name: (found := pick(point)) and found.as_dict() for name, pick in _COMPARED},
        "verdict": None if point.change is None else point.change.verdict.value,
        "model_verdict": None if point.against is None else point.against.verdict.value,
        "sentence": verdict(point, result),
    }


def _recipe(result: FrontierResult) -> tuple[str, Cell]:
    recipe = result.spec.calibration.recipe
    return "recipe", lambda p: recipe if p.pipeline.method.is_learnt else ""


def _model_first(result: FrontierResult) -> list[tuple[str, Cell]]:
    return [("dnll", _estimates("delta_nll")[0])] if result.of_model else []


def _model_others(result: FrontierResult) -> list[tuple[str, Cell]]:
    if not result.of_model:
        return []
    named = [
        (name + end, cell)
        for name, field in _QUALITIES
        for end, cell in zip(_INTERVAL, _estimates(field), strict=True)
        if name + end != "dnll"
    ]
    named += [
        ("weighted_mse", lambda p: "" if p.weighted_mse is None else p.weighted_mse),
        ("output_error", lambda p: "" if p.output_error is None else p.output_error),
    ]
    for name, field in (("dnll", "delta_nll"), ("kl", "kl")):
        ends = zip(_INTERVAL, _against(field), strict=True)
        named += [(f"{name}_against{end}", cell) for end, cell in ends]
    told: Cell = lambda p: "" if p.against is None else p.against.verdict.value  # noqa: E731
    return [*named, ("model_verdict", told)]


def _against(field: str) -> tuple[Cell, ...]:
    return _parts(lambda p: None if p.against is None else getattr(p.against, field))


def _estimates(field: str) -> tuple[Cell, ...]:
    return _parts(lambda p: None if p.quality is None else getattr(p.quality, field))


def _parts(pick: Callable[[FrontierPoint], Estimate | None]) -> tuple[Cell, ...]:
    return tuple(_part(pick, name) for name in ("value", "low", "high"))


def _changes() -> list[tuple[str, Cell]]:
    named: list[tuple[str, Cell]] = []
    for name, pick in _COMPARED:
        ends = zip(_INTERVAL, ("percent", "low", "high"), strict=True)
        named += [(name + end, _part(pick, field)) for end, field in ends]
    return [*named, ("verdict", lambda p: "" if p.change is None else p.change.verdict.value)]


_COMPARED: tuple[tuple[str, Callable[[FrontierPoint], Change | None]], ...] = (
    ("change", lambda p: p.change),
    ("surrogate", lambda p: p.surrogate),
)


def _part(pick: Callable[[FrontierPoint], object], field: str) -> Cell:
    def cell(point: FrontierPoint) -> object:
        found = pick(point)
        return "" if found is None else getattr(found, field)

    return cell
