"""Evaluations and quality curves as files: a CSV a spreadsheet opens, a JSON with everything."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kvsplice_core.report.sweep_table import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kvsplice_core.tasks.curve import CurveResult, QualityPoint, SensitivityResult
    from kvsplice_core.tasks.evaluate import EvalResult

    Cell = Callable[[QualityPoint], object]

_QUALITIES = ("delta_nll", "kl", "perplexity", "top1", "rms_dp")
_COLUMNS: tuple[tuple[str, Cell], ...] = (
    ("mse", lambda p: p.mse),
    ("weighted_mse", lambda p: p.weighted_mse),
    ("output_error", lambda p: p.output_error),
    ("bytes_per_token", lambda p: p.bytes_per_token),
    ("kept", lambda p: p.kept),
    ("codecs", lambda p: p.codecs),
    ("against_pca", lambda p: p.against_pca.value if p.against_pca else ""),
    ("against_pca_low", lambda p: p.against_pca.low if p.against_pca else ""),
    ("against_pca_high", lambda p: p.against_pca.high if p.against_pca else ""),
)


def eval_json(
    result: EvalResult,
    sensitivity: SensitivityResult | None = None,
    leaked_documents: Sequence[str] = (),
) -> str:
    """Return an evaluation as JSON text; ``valid`` is false where a control failed.

    ``leaked_documents`` names those the codecs were calibrated on. ``sensitivity`` holds layers
    by heads for each side. Numbers JSON cannot hold (NaN, infinity) become null.
    """
    document = asdict(result) | {"valid": result.is_valid, "caveats": result.caveats}
    document["leaked_documents"] = list(leaked_documents)
    for entry, head in zip(document["heads"], result.heads, strict=True):
        entry["disagree"] = head.disagree
    if sensitivity is not None:
        document["sensitivity"] = {
            "delta_nll": {side: x.tolist() for side, x in sensitivity.delta_nll.items()},
            "kl": {side: x.tolist() for side, x in sensitivity.kl.items()},
            "tokens": sensitivity.tokens,
            "elapsed_s": sensitivity.elapsed_s,
        }
    return _json(document)


def curve_json(result: CurveResult, leaked_documents: Sequence[str] = ()) -> str:
    """Return a quality curve as JSON text; ``valid`` is false where a control failed.

    ``leaked_documents`` names those the codecs were calibrated on.
    """
    spec = result.spec
    calibration = spec.calibration.learning()
    document = {
        name: getattr(result, name)
        for name in (
            "model", "model_sha256", "text_sha256", "capture_sha256", "context", "tokens",
            "documents", "device", "elapsed_s", "versions",
        )
    }  # fmt: skip
    document |= {
        "valid": result.is_valid,
        "caveats": list(result.caveats),
        "leaked_documents": list(leaked_documents),
        "spec": {
            "methods": [method.key for method in spec.methods],
            "ks": list(spec.ks),
            "calibration": calibration,
            "evaluation": asdict(spec.evaluation),
            "side": spec.side,
            "budget": spec.budget,
        },
        "audit": [asdict(control) for control in result.audit],
        "points": [asdict(p) | {"method": p.method.key} for p in result.points],
        "ks_where_errors_disagree": list(result.disagreements()),
    }
    return _json(document)


def curve_csv(result: CurveResult) -> str:
    """Return a quality curve as CSV, one row for each point, k ascending.

    Columns: ``method`` (key), ``k``; ``delta_nll``, ``kl`` (nats per token), ``perplexity``,
    ``top1``, ``rms_dp`` (shares), each followed by its 95 % interval in ``_low`` and ``_high``;
    ``mse``, ``weighted_mse``, ``output_error`` (means over heads); ``bytes_per_token`` (K and V at
    fp16); ``kept`` of ``codecs`` that kept their method; ``against_pca`` with ``_low`` and
    ``_high`` (ΔNLL minus that of PCA at the same k; blank for PCA); ``errors_disagree`` (0 or 1:
    whether MSE, weighted MSE, output error and KL order the methods of this k differently).
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [name + end for name in _QUALITIES for end in ("", "_low", "_high")]
    others = [name for name, _ in _COLUMNS]
    writer.writerow(["method", "k", *names, *others, "errors_disagree"])
    disagree = result.disagreements()
    for point in result.points:
        estimates = [getattr(point.quality, name) for name in _QUALITIES]
        cells = [number for e in estimates for number in (e.value, e.low, e.high)]
        cells += [cell(point) for _, cell in _COLUMNS]
        writer.writerow([point.method.key, point.k, *cells, int(point.k in disagree)])
    return buffer.getvalue()


def _json(document: dict[str, Any]) -> str:
    text = json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"
