"""What an evaluated card costs the model: every measure with its interval over documents."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.base.formats import UNIT_SPACE, format_bytes, three_digits
from kvsplice_core.tasks.evaluate import EvalResult
from kvsplice_gui.panels.record_table import Field, RecordTable

_EMPTY = (
    "Press Evaluate this k to see NLL, perplexity, KL, top-1 agreement and RMS Δp, each with its "
    "interval over documents."
)
_FAILED = "A control of the audit failed: the numbers of {card} are not a result and not shown."


@dataclass(frozen=True)
class Measure:
    """One line: what was measured, its value, its 95 % interval and its unit, as text."""

    name: str
    value: str
    interval: str
    unit: str


FIELDS = (
    Field("Measure", "What was measured, through the cache", lambda m: m.name, width=168),
    Field("Value", "Mean over held-out tokens", lambda m: m.value, width=80, is_number=True),
    Field(
        "95 % interval", "Bootstrap over documents", lambda m: m.interval, width=140, is_number=True
    ),
    Field("Unit", "Unit of the value", lambda m: m.unit, width=104),
)


class EvaluationTable(RecordTable):
    """The numbers of an evaluation; none where a control of its audit failed."""

    def __init__(self) -> None:
        super().__init__("Evaluation", _EMPTY, FIELDS)

    def show_evaluation(self, result: EvalResult | None) -> None:
        """Show an evaluation; None shows the sentence."""
        is_valid = result is not None and result.is_valid
        self.show_records(measures(result) if result is not None and is_valid else ())
        failed = result is not None and not is_valid
        self.empty_label.setText(_FAILED.format(card=result.card) if failed and result else _EMPTY)


def measures(result: EvalResult) -> tuple[Measure, ...]:
    """Return the lines of an evaluation."""
    q, nats = result.quality, "nats per token"
    share = f"{100 * result.stored_bytes / max(1, result.dense_bytes):.1f}{UNIT_SPACE}% of dense"
    return (
        _measure("ΔNLL", q.delta_nll, nats),
        _measure("KL(base ‖ compressed)", q.kl, nats),
        _measure("NLL, dense cache", q.nll_base, nats),
        _measure("NLL, compressed", q.nll, nats),
        _measure("perplexity, dense cache", q.perplexity_base, ""),
        _measure("perplexity, compressed", q.perplexity, ""),
        _measure("top-1 agreement", q.top1, "%", 100),
        _measure("RMS Δp", q.rms_dp, "%", 100),
        Measure("bytes stored", format_bytes(result.stored_bytes), "", share),
    )


def _measure(name: str, found: Estimate, unit: str, scale: float = 1) -> Measure:
    value, low, high = (three_digits(scale * x) for x in (found.value, found.low, found.high))
    return Measure(name, value, f"{low} … {high}", unit)
