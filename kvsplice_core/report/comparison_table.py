"""Comparisons as files: a CSV a spreadsheet opens, a JSON with everything, and back again."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.estimates import Change, Estimate
from kvsplice_core.base.options import from_settings, settings
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.report.frontier_words import verdict
from kvsplice_core.report.sweep_table import finite
from kvsplice_core.tasks.compared import Compared
from kvsplice_core.tasks.comparison import Comparison, ComparisonRow, ComparisonSpec
from kvsplice_core.tasks.evaluate import Control, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Cell = Callable[[ComparisonRow], object]

_FIRST: tuple[tuple[str, Cell], ...] = (
    ("pipeline", lambda p: p.pipeline.key),
    ("asked_k", lambda p: "" if p.asked_k is None else p.asked_k),
    ("bits", lambda p: p.bits),
    ("mse", lambda p: p.mse),
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
    ("reference_bits", lambda p: "" if p.reference_bits is None else p.reference_bits),
    ("kept", lambda p: " ".join(one.key for one in p.kept)),
)
_QUALITIES = {
    "dnll": "delta_nll",
    "kl": "kl",
    "perplexity": "perplexity",
    "top1": "top1",
    "nll_base": "nll_base",
    "nll": "nll",
    "perplexity_base": "perplexity_base",
    "rms_dp": "rms_dp",
}
_AGAINST = {"dnll_against": "delta_nll", "kl_against": "kl"}
_NOT_OF_POINTS = ("asked_k", "mse", "kept")
_NOT_OF_FRONTIERS = (*_NOT_OF_POINTS, "reference_bits", *list(_QUALITIES)[4:])
_INTERVAL = ("", "_low", "_high")


def comparison_csv(result: Comparison) -> str:
    """Return a comparison as CSV, a line for each row, in the order of the pipelines.

    Columns: those of `frontier_csv`; ``asked_k`` where budgets are of k; ``mse`` in units of V
    squared; ``reference_bits``; ``kept``, what the codecs are after the judge, separated by
    spaces; of a model ``nll_base``, ``nll``, ``perplexity_base`` and ``rms_dp`` with intervals.
    """
    return _csv(result, _columns(result))


def frontier_csv(result: Comparison) -> str:
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
        (name, cell)
        for name, cell in _columns(result)
        if name.removesuffix("_low").removesuffix("_high") not in _NOT_OF_FRONTIERS
    ]
    return _csv(result, columns)


def _columns(result: Comparison) -> list[tuple[str, Cell]]:
    return [
        *_FIRST, *_model_first(result), *_OTHERS, _recipe(result), *_changes(),
        *_model_others(result),
    ]  # fmt: skip


def _csv(result: Comparison, columns: list[tuple[str, Cell]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    for point in result.points:
        writer.writerow([cell(point) for _, cell in columns])
    return buffer.getvalue()


def comparison_json(result: Comparison) -> str:
    """Return a comparison as JSON text; ``valid`` is false where a control failed.

    Numbers JSON cannot hold (NaN, infinity) become null.
    """
    spec = {"spec": settings(result.spec), "rows": [_row(row, result) for row in result.points]}
    return _json(_document(result, result.leaked) | spec)


def frontier_json(result: Comparison, leaked_documents: Sequence[str] = ()) -> str:
    """Return a frontier as JSON text; ``valid`` is false where a control failed.

    ``leaked_documents`` names those the codecs were calibrated on. Numbers JSON cannot hold (NaN,
    infinity) become null.
    """
    spec = result.spec
    points = (_row(point, result) for point in result.points)
    document = _document(result, leaked_documents) | {
        "spec": {
            "pipelines": [pipeline.key for pipeline in spec.pipelines],
            "bits": list(spec.budgets.amounts),
            "calibration": spec.calibration.learning(),
            "counted_tokens": spec.counted_tokens,
            "surrogate": spec.surrogate,
        },
        "points": [
            {name: one[name] for name in one if name not in _NOT_OF_POINTS} for one in points
        ],
    }
    return _json(document)


def _document(result: Comparison, leaked: Sequence[str]) -> dict[str, Any]:
    """Return what holds for all rows as JSON values."""
    document: dict[str, Any] = {
        name: getattr(result, name)
        for name in (
            "title", "split", "test_tokens", "scored_tokens", "documents", "elapsed_s", "versions",
        )
    }  # fmt: skip
    return document | {
        "valid": result.is_valid,
        "leaked_documents": list(leaked),
        "data": [asdict(summary) for summary in result.data],
        "audit": [asdict(control) for control in result.audit],
        "bound": [{"bits": bits, "nmse": nmse} for bits, nmse in result.bound],
        "left_out": list(result.left_out),
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _row(point: ComparisonRow, result: Comparison) -> dict[str, Any]:
    reference = None if point.reference is None else point.reference.key
    return asdict(point) | {
        "pipeline": point.pipeline.key,
        "label": point.pipeline.label,
        "reference": reference,
        "kept": [one.key for one in point.kept],
        "bits": point.bits,
        **{name: (found := pick(point)) and found.as_dict() for name, pick in _COMPARED},
        "verdict": None if point.change is None else point.change.verdict.value,
        "model_verdict": None if point.against is None else point.against.verdict.value,
        "sentence": verdict(point, result),
    }


def _recipe(result: Comparison) -> tuple[str, Cell]:
    recipe = result.spec.calibration.recipe
    return "recipe", lambda p: recipe if p.pipeline.method.is_learnt else ""


def _model_first(result: Comparison) -> list[tuple[str, Cell]]:
    return [("dnll", _estimates("delta_nll")[0])] if result.of_model else []


def _model_others(result: Comparison) -> list[tuple[str, Cell]]:
    if not result.of_model:
        return []
    named = [
        (name + end, cell)
        for name, field in _QUALITIES.items()
        for end, cell in zip(_INTERVAL, _estimates(field), strict=True)
        if name + end != "dnll"
    ]
    named += [
        ("weighted_mse", lambda p: "" if p.weighted_mse is None else p.weighted_mse),
        ("output_error", lambda p: "" if p.output_error is None else p.output_error),
    ]
    for name, field in _AGAINST.items():
        ends = zip(_INTERVAL, _against(field), strict=True)
        named += [(name + end, cell) for end, cell in ends]
    told: Cell = lambda p: "" if p.against is None else p.against.verdict.value  # noqa: E731
    return [*named, ("model_verdict", told)]


def _against(field: str) -> tuple[Cell, ...]:
    return _parts(lambda p: None if p.against is None else getattr(p.against, field))


def _estimates(field: str) -> tuple[Cell, ...]:
    return _parts(lambda p: None if p.quality is None else getattr(p.quality, field))


def _parts(pick: Callable[[ComparisonRow], Estimate | None]) -> tuple[Cell, ...]:
    return tuple(_part(pick, name) for name in ("value", "low", "high"))


def _changes() -> list[tuple[str, Cell]]:
    named: list[tuple[str, Cell]] = []
    for name, pick in _COMPARED:
        ends = zip(_INTERVAL, ("percent", "low", "high"), strict=True)
        named += [(name + end, _part(pick, field)) for end, field in ends]
    return [*named, ("verdict", lambda p: "" if p.change is None else p.change.verdict.value)]


_COMPARED: tuple[tuple[str, Callable[[ComparisonRow], Change | None]], ...] = (
    ("change", lambda p: p.change),
    ("surrogate", lambda p: p.surrogate),
)


def _part(pick: Callable[[ComparisonRow], object], field: str) -> Cell:
    def cell(point: ComparisonRow) -> object:
        found = pick(point)
        return "" if found is None else getattr(found, field)

    return cell


# -- back again -----------------------------------------------------------------------------

_WHOLE = ("k", "codecs", "replaced", "asked_k")
_PLAIN = (
    *_WHOLE, "asked_bits", "vector_bits", "side_bits", "nmse", "weighted_mse", "output_error",
    "reference_bits",
)  # fmt: skip
_MAY_BE_NAN = ("gap_db", "mse")


def read_csv(path: str | Path) -> tuple[ComparisonRow, ...]:
    """Read the rows that `comparison_csv` wrote.

    Raises
    ------
    DataError
        If the file is missing, or is no such table.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            return tuple(_row_of(_stored(record)) for record in csv.DictReader(stream))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is not a table of a comparison", str(error)) from error


def read_json(path: str | Path) -> Comparison:
    """Read the comparison that `comparison_json` wrote.

    Raises
    ------
    DataError
        If the file is missing, or is no such document.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        return _comparison_of(stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a comparison", str(error)) from error


def _comparison_of(stored: Mapping[str, Any]) -> Comparison:
    plain = ("title", "split", "test_tokens", "scored_tokens", "documents", "elapsed_s", "versions")
    return Comparison(
        spec=from_settings(ComparisonSpec, stored["spec"]),
        points=tuple(map(_row_of, stored["rows"])),
        left_out=tuple(stored["left_out"]),
        bound=tuple((one["bits"], one["nmse"]) for one in stored["bound"]),
        audit=tuple(Control(**one) for one in stored["audit"]),
        data=tuple(DataSummary(**one) for one in stored["data"]),
        leaked=tuple(stored["leaked_documents"]),
        **{name: stored[name] for name in plain},
    )


def _row_of(stored: Mapping[str, Any]) -> ComparisonRow:
    reference, quality, against = (stored[name] for name in ("reference", "quality", "against"))
    changes: dict[str, Any] = {
        name: (one := stored[name]) and Change.of(one) for name, _ in _COMPARED
    }
    numbers: dict[str, Any] = {name: stored[name] for name in _PLAIN}
    for name in _MAY_BE_NAN:
        numbers[name] = math.nan if stored[name] is None else stored[name]
    return ComparisonRow(
        pipeline=Pipeline.of(stored["pipeline"]),
        kept=tuple(map(Pipeline.of, stored["kept"])),
        reference=None if reference is None else Pipeline.of(reference),
        quality=None if quality is None else Quality(**_all_estimates(quality)),
        against=None if against is None else Compared(**_all_estimates(against)),
        **changes,
        **numbers,
    )


def _all_estimates(stored: Mapping[str, Mapping[str, float]]) -> dict[str, Estimate]:
    return {name: Estimate(**one) for name, one in stored.items()}


def _stored(record: Mapping[str, str]) -> dict[str, Any]:
    """Return a line of a CSV as JSON would hold it."""
    numbers = {name: _number(record, name) for name in (*_PLAIN, *_MAY_BE_NAN) if name in record}
    model = dict.fromkeys(("weighted_mse", "output_error"))
    return {
        "pipeline": record["pipeline"],
        "kept": record["kept"].split(),
        "reference": record["reference"] or None,
        **model,
        **numbers,
        **{name: _ends(record, name, "percent") for name, _ in _COMPARED},
        "quality": _group(record, _QUALITIES),
        "against": _group(record, _AGAINST),
    }


def _number(record: Mapping[str, str], name: str) -> float | None:
    text = record[name]
    return None if not text else int(text) if name in _WHOLE else float(text)


def _ends(record: Mapping[str, str], name: str, first: str) -> dict[str, float] | None:
    """Return a number and its interval; None where it was not measured."""
    if not record.get(name):
        return None
    ends = zip((first, "low", "high"), _INTERVAL, strict=True)
    return {part: float(record[name + end]) for part, end in ends}


def _group(record: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, Any] | None:
    if not record.get(next(iter(fields))):
        return None
    return {field: _ends(record, name, "value") for name, field in fields.items()}
