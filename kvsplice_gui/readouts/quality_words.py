"""What the window says of what was measured, in sentences; numbers only where they are valid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvsplice_core.base import formats
from kvsplice_core.base.estimates import Estimate
from kvsplice_core.tasks.curve import QualityPoint
from kvsplice_core.tasks.evaluate import Control, EvalResult
from kvsplice_gui.state.findings import Evaluation, SensitivityMap

MEASURE_NAMES = {"nll": "ΔNLL", "kl": "KL"}
UNIT = "nats per token"


def failed(audit: Iterable[Control]) -> tuple[Control, ...]:
    """Return the controls that did not pass."""
    return tuple(control for control in audit if not control.passed)


def audit_verdict(audit: Sequence[Control]) -> str:
    """Return in words whether the numbers may be believed."""
    bad = failed(audit)
    if not audit:
        return "not audited yet"
    if not bad:
        return f"audit passed, {len(audit)} of {len(audit)} controls"
    return "audit failed: " + "; ".join(f"{control.claim} ({control.measured})" for control in bad)


def written(estimate: Estimate) -> str:
    """Write a number with its interval."""
    return formats.with_interval(estimate.value, estimate.low, estimate.high)


def is_tie(difference: Estimate) -> bool:
    """Say whether the interval of a difference holds 0."""
    return difference.low <= 0.0 <= difference.high


def against_pca(difference: Estimate) -> str:
    """Write a paired difference to PCA; a tie is called a tie."""
    text = formats.with_interval(difference.value, difference.low, difference.high, formats.signed)
    return f"{text} against PCA{', a tie' if is_tie(difference) else ''}"


def verdict(point: QualityPoint, difference: Estimate) -> str:
    """Return the paired difference of a point's ΔNLL to that of PCA, in words."""
    name = f"ΔNLL of {point.method.label} at k = {point.k}"
    if not is_tie(difference):
        name += " is less than PCA's" if difference.high < 0 else " is more than PCA's"
    return f"{name}: {against_pca(difference)}"


def describe_point(point: QualityPoint) -> str:
    """Return one measured point as a line of the log."""
    kept = "" if point.kept == point.codecs else f", {point.codecs - point.kept} heads kept PCA"
    against = "" if point.against_pca is None else f", {against_pca(point.against_pca)}"
    return (
        f"{point.method.label} k = {point.k}: ΔNLL {written(point.quality.delta_nll)} {UNIT}"
        f"{against}, KL {written(point.quality.kl)}{kept}"
    )


def describe_evaluation(result: EvalResult) -> str:
    """Return an evaluation as a line of the log; without numbers where the audit failed."""
    if not result.is_valid:
        return f"{result.card}: {audit_verdict(result.audit)}. The result is not valid."
    quality = result.quality
    return (
        f"{result.card}: ΔNLL {written(quality.delta_nll)} {UNIT}, perplexity "
        f"{formats.three_digits(quality.perplexity_base.value)} → "
        f"{formats.three_digits(quality.perplexity.value)}, "
        f"KL {written(quality.kl)}, top-1 agreement {100 * quality.top1.value:.1f}"
        f"{formats.UNIT_SPACE}%; {audit_verdict(result.audit)}"
    )


def describe_invalid_point(point: QualityPoint) -> str:
    """Return a point of a curve whose audit has failed as a line of the log."""
    return f"{point.method.label} k = {point.k}: not valid, the audit failed"


def leak_notice(names: Sequence[str]) -> str:
    """Return the warning that documents were among those calibrated on; empty for none."""
    if not names:
        return ""
    return f"Not held out: the codecs were calibrated on {', '.join(names)}. Choose other text."


def sentences(caveats: Iterable[str]) -> str:
    """Return caveats as sentences in a row; empty for none."""
    return " ".join(f"{caveat[:1].upper()}{caveat[1:]}." for caveat in caveats)


def evaluation_notice(found: Evaluation | None) -> tuple[str, bool]:
    """Return what is said over an evaluation, and whether it is an error; empty for nothing."""
    if found is None:
        return "", False
    if not found.result.is_valid:
        return describe_evaluation(found.result), True
    said = (leak_notice(found.leaked), sentences(found.result.caveats))
    return " ".join(filter(None, said)), False


def is_audited(found: SensitivityMap, evaluated: Evaluation | None) -> bool:
    """Say whether an evaluation of the map's own card passed its audit."""
    return evaluated is not None and evaluated.key == found.key and evaluated.result.is_valid


def map_notice(found: SensitivityMap | None, evaluated: Evaluation | None) -> tuple[str, bool]:
    """Return what is said over a sensitivity map, and whether it is an error; empty for nothing.

    An error where the audit of its card failed: then the map is no result.
    """
    if found is None or is_audited(found, evaluated):
        return "", False
    if evaluated is None or evaluated.key != found.key:
        return "Not audited: evaluate this k.", False
    return f"{audit_verdict(evaluated.result.audit)}. The map is not valid.", True
