"""Results as files: a CSV a spreadsheet opens, and a JSON that holds everything."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.files import write_text
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.sweep import SweepResult, SweepRow

_MSE = "test_mse_"
_CHANGE_PARTS = ("percent", "low", "high")
_MOST_DIGITS = 9
_MOST_SHOWN = 40

Cell = Callable[[SweepRow], object]

# Columns of each method behind its MSE; a change needs something to be compared with.
_METRICS: tuple[tuple[str, Cell], ...] = (
    ("nmse", lambda row: row.scores.nmse),
    ("pearson", lambda row: row.scores.pearson),
    ("cosine", lambda row: row.scores.cosine),
)
_COMPARED: tuple[tuple[str, Cell], ...] = (
    ("change_percent", lambda row: row.change.percent if row.change else ""),
    ("change_low", lambda row: row.change.low if row.change else ""),
    ("change_high", lambda row: row.change.high if row.change else ""),
    ("verdict", lambda row: row.change.verdict.value if row.change else ""),
    ("kept", lambda row: row.kept.key),
)


@dataclass(frozen=True)
class MseTable:
    """The MSE columns of a CSV.

    Parameters
    ----------
    ks : tuple of int
        Bottleneck dimensions.
    columns : dict of str to tuple of float
        Test MSE by the method's column name, one number for each k; NaN where a cell is blank.
    changes : dict of str to tuple of (Change or None)
        Change against PCA with its interval, by the same names, for files that hold them.
    """

    ks: tuple[int, ...]
    columns: dict[str, tuple[float, ...]]
    changes: dict[str, tuple[Change | None, ...]] = field(default_factory=dict)


def csv_text(result: SweepResult) -> str:
    """Return the rows as CSV: ``k``, one ``test_mse_`` column a method, then further metrics."""
    columns = _columns(result)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["k", *(name for name, _ in columns)])
    for k in result.ks:
        writer.writerow([k, *(_text(cell(result, k)) for _, cell in columns)])
    return buffer.getvalue()


def write_csv(path: str | Path, result: SweepResult) -> None:
    """Write `csv_text` to `path`, whole or not at all."""
    write_text(path, csv_text(result))


def write_json(path: str | Path, result: SweepResult) -> None:
    """Write every setting, seed, version, hash and metric to `path`, whole or not at all."""
    document = finite(as_dict(result))
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def as_dict(result: SweepResult) -> dict[str, Any]:
    """Return a result as plain JSON values; codecs and curves to draw are left out."""
    return {
        "data": asdict(result.data),
        "spec": {
            "methods": [method.key for method in result.spec.methods],
            "ks": list(result.spec.ks),
            "earlier_knots": list(result.spec.earlier_knots),
            **result.spec.calibration.learning(),
        },
        "train_vectors": result.train_vectors,
        "test_vectors": result.test_vectors,
        "device": result.device,
        "elapsed_s": result.elapsed_s,
        "versions": result.versions,
        "rows": [_row(row) for row in result.rows],
        "pca_test_mse_for_every_k": list(result.pca_curve),
        "pca_variance_kept_for_every_k": list(result.variance_kept),
    }


def read_csv(path: str | Path) -> MseTable:
    """Read ``k`` and the ``test_mse_`` columns of a CSV.

    Raises
    ------
    DataError
        If the file is missing, has no such columns, or holds a k below 1 or an MSE that is not a
        number ≥ 0.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a readable CSV", str(error)) from error
    names = [name for name in (rows[0] if rows else {}) if name and name.startswith(_MSE)]
    if not names or "k" not in rows[0]:
        raise DataError(f"{path} must have a column k and columns {_MSE}<method>, and rows")
    try:
        ks = tuple(_read_k(row["k"]) for row in rows)
        columns = {n.removeprefix(_MSE): tuple(_read_mse(row[n]) for row in rows) for n in names}
    except ValueError as error:
        raise DataError(f"{path} must hold {error}") from error
    changes = {name: tuple(_read_change(row, name) for row in rows) for name in columns}
    return MseTable(ks, columns, {name: own for name, own in changes.items() if any(own)})


def _read_change(row: dict[str, str], name: str) -> Change | None:
    """Return the change a row holds for a column; None where a part of it is not there."""
    try:
        percent, low, high = (float(row[f"change_{part}_{name}"]) for part in _CHANGE_PARTS)
    except (KeyError, TypeError, ValueError):
        return None
    return Change(percent, low, high)


def _read_k(cell: str | None) -> int:
    text = (cell or "").strip()
    digits = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    if not (digits and int(text) >= 1):
        raise ValueError(f"whole numbers from 1 in k; got {text[:_MOST_SHOWN]!r}")
    return int(text)


def _read_mse(cell: str | None) -> float:
    text = (cell or "").strip()
    try:
        mse = -1.0 if "_" in text else float(text or "nan")  # 1_0 is a number to Python only
    except ValueError:
        mse = -1.0
    if text and not 0 <= mse < math.inf:
        raise ValueError(f"numbers from 0 in {_MSE}…; got {text[:_MOST_SHOWN]!r}")
    return mse


def _columns(result: SweepResult) -> list[tuple[str, Callable[[SweepResult, int], object]]]:
    methods = result.methods
    columns = [(f"{_MSE}{m.column}", _cell(m, lambda row: row.scores.mse)) for m in methods]
    for name, cell in _METRICS:
        columns += [(f"{name}_{m.column}", _cell(m, cell)) for m in methods]
    columns.append(("compression_ratio", lambda result, k: result.data.dim / k))
    for name, cell in _COMPARED:
        columns += [(f"{name}_{m.column}", _cell(m, cell)) for m in methods if m.is_learnt]
    by_hand = {row.method for row in result.rows if row.calibration.edited}
    for m in methods:
        if m in by_hand:
            edited = _cell(m, lambda row: "yes" if row.calibration.edited else "no")
            columns.append((f"edited_by_hand_{m.column}", edited))
    return columns


def _cell(method: Method, cell: Cell) -> Callable[[SweepResult, int], object]:
    def value(result: SweepResult, k: int) -> object:
        row = result.row(method, k)
        return "" if row is None else cell(row)

    return value


def _text(value: object) -> str:
    return repr(float(value)) if isinstance(value, float) else str(value)


def finite(value: object) -> object:
    """Return `value` with null for every number JSON cannot hold."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(row: SweepRow) -> dict[str, Any]:
    found = row.calibration
    change = None
    if row.change is not None:
        change = {**row.change.as_dict(), "verdict": row.change.verdict.value}
    return {
        "method": row.method.key,
        "k": row.k,
        "kept": row.kept.key,
        **asdict(row.scores),
        "change_against_pca_percent": change,
        "bend": row.bend,
        "validation_mse": found.validation_mse,
        "validation_mse_pca": found.validation_mse_pca,
        "epochs": found.spec.resolved_epochs,
        "warm_start": found.warm_start,
        "edited_by_hand": found.edited,
        "losses": list(found.losses),
        "elapsed_s": found.elapsed_s,
    }
