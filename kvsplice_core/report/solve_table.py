"""A solved budget as files: a CSV a spreadsheet opens, a JSON with everything."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kvsplice_core.base.formats import with_interval
from kvsplice_core.report.solve_words import solve_caveats, solve_verdict
from kvsplice_core.report.sweep_table import finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsplice_core.base.estimates import Estimate
    from kvsplice_core.tasks.solve import Share, SolveResult, SolveSpec


_COLUMNS = (
    "side", "layer", "heads", "asked_bits", "bits", "k", "nmse", "sensitivity", "pipeline",
    "recipe", "kept", "budget_bits", "max_dnll",
)  # fmt: skip


def solve_csv(result: SolveResult) -> str:
    """Return what every codec was given as CSV, one row each.

    Columns: ``side``, ``layer``, ``heads`` (separated by spaces), ``asked_bits`` and ``bits`` (per
    value; what it takes, everything counted), ``k``, ``nmse`` (test documents of the capture),
    ``sensitivity`` (KL with it alone compressed, nats per token), ``pipeline``, ``recipe`` (of a
    transform that learns; else blank), ``kept`` (the pipeline, or what is simpler and replaced
    it), and what was solved for: ``budget_bits`` (mean of the side, per value) or ``max_dnll``
    (nats per token), the other blank.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    pipeline = result.spec.pipeline
    recipe = result.spec.calibration.recipe if pipeline.method.is_learnt else ""
    for share in result.shares:
        what = [pipeline.key, recipe, share.kept.key]
        writer.writerow([*_row(share), *what, *_asked(result, share.side)])
    return buffer.getvalue()


def _asked(result: SolveResult, side: str) -> list[object]:
    most = result.spec.max_dnll
    return ["", most] if most is not None else [result.budget_of(side), ""]


def _row(share: Share) -> list[object]:
    heads = " ".join(map(str, share.heads))
    numbers = [share.asked, share.bits, share.k, share.nmse, share.unit.cost]
    return [share.side, share.layer, heads, *numbers]


def solve_json(result: SolveResult, leaked_documents: Sequence[str] = ()) -> str:
    """Return everything that was measured as JSON text; ``valid`` is false where a control failed.

    ``leaked_documents`` names those the codecs were calibrated on.
    """
    document = asdict(result) | {
        "spec": _spec_json(result.spec),
        "shares": [asdict(one) | {"kept": one.kept.key} for one in result.shares],
        "valid": result.is_valid,
        "verdict": None if result.choice is None else result.choice.reported.verdict.value,
        "sentences": list(solve_verdict(result, _written)),
        "caveats": list(solve_caveats(result)),
        "leaked_documents": list(leaked_documents),
        "bits_of_heads": {side: result.head_map(side).tolist() for side in result.sides},
    }
    del document["leaked"]  # by its longer name
    return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _written(found: Estimate) -> str:
    return with_interval(found.value, found.low, found.high)


def _spec_json(spec: SolveSpec) -> dict[str, Any]:
    return {
        "pipeline": spec.pipeline.key,
        "bits": spec.bits,
        "key_bits": spec.key_bits,
        "max_dnll": spec.max_dnll,
        "sides": spec.sides.value,
        "calibration": spec.calibration.learning(),
        "evaluation": asdict(spec.evaluation),
        "counted_tokens": spec.counted_tokens,
        "budget": spec.budget,
        "probe_tokens": spec.probe_tokens,
    }
