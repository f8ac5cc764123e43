"""What the window says of quality: pure functions from wishes and findings to shown values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base import formats
from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import CaptureFacts, Sides
from kvsplice_core.tasks.curve import DEFAULT_QUALITY_KS, CurveSpec, QualityPoint
from kvsplice_core.tasks.evaluate import Control, EvalSpec, HeadErrors, Quality
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.readouts import quality_words
from kvsplice_gui.readouts.quality_words import audit_verdict, leak_notice, sentences
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import CardKey, Findings, QualityFindings
from kvsplice_gui.state.wishes import DataWish, QualityWish, Wishes

if TYPE_CHECKING:
    from kvsplice_core.data.tensors import TensorInfo

NEEDS_CAPTURE = (
    "Quality is measured through the model a capture was made from. Capture V from gpt2-mini "
    "(Ctrl+N), or open a capture."
)
_CURVE_BUDGET = CurveSpec().budget
_ROUNDING = 1e-6  # nats: at k = d only rounding is left, and it would stretch a log axis by decades


@dataclass(frozen=True)
class QualityCurve:
    """One method's costs, k ascending; arrays of shape (points,), in nats per token.

    `against` holds the paired difference of each point to PCA, where it was measured.
    """

    ks: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    against: tuple[Estimate | None, ...] = ()


def calibration_of(wishes: Wishes, facts: CaptureFacts) -> CalibrationSpec:
    """Return the calibration of every head of the model; k held at its head_dim."""
    return replace(wishes.calibration, k=min(wishes.k, facts.model.head_dim))


def curve_spec(wishes: Wishes, facts: CaptureFacts) -> CurveSpec:
    """Return the quality curve over the usual k and the chosen one, which comes first."""
    dim = facts.model.head_dim
    chosen = min(wishes.k, dim)
    return CurveSpec(
        methods=wishes.methods,
        ks=tuple({k for k in DEFAULT_QUALITY_KS if k <= dim} | {chosen}),
        calibration=calibration_of(wishes, facts),
        evaluation=wishes.quality.evaluation,
        side=wishes.quality.side_of(facts),
        budget=min(wishes.data.budget, _CURVE_BUDGET),
        first_k=chosen,
    )


def card_key(wishes: Wishes, facts: CaptureFacts) -> CardKey:
    """Return which card the method in focus and the chosen k ask for."""
    return CardKey(
        wishes.data.source,
        calibration_of(wishes, facts),
        wishes.quality.side_of(facts),
        min(wishes.data.budget, _CURVE_BUDGET),
    )


def estimate_of(quality: Quality, measure: str) -> Estimate:
    """Return ΔNLL or KL."""
    return quality.kl if measure == "kl" else quality.delta_nll


def curves(points: Iterable[QualityPoint], measure: str) -> dict[Method, QualityCurve]:
    """Return what each method costs, k ascending."""
    ordered = sorted(points, key=lambda point: point.k)
    found = {}
    for method in Method:
        own = [point for point in ordered if point.method is method]
        if own:
            estimates = [estimate_of(point.quality, measure) for point in own]
            numbers = np.array([(e.value, e.low, e.high) for e in estimates], dtype=np.float64)
            numbers[np.abs(numbers) < _ROUNDING] = 0.0
            value, low, high = numbers.T
            ks = np.array([point.k for point in own])
            # The difference is one of ΔNLL: beside KL it would be read as one of KL.
            against = () if measure == "kl" else tuple(map(difference_to_pca, own))
            found[method] = QualityCurve(ks, value, low, high, against)
    return found


def difference_to_pca(point: QualityPoint) -> Estimate | None:
    """Return ΔNLL of a point minus that of PCA, 0 where it is only rounding; None for PCA."""
    found = point.against_pca
    if found is None:
        return None
    numbers = (found.value, found.low, found.high)
    return Estimate(*(0.0 if abs(number) < _ROUNDING else number for number in numbers))


def verdict(wishes: Wishes, findings: Findings) -> str:
    """Return how ΔNLL of the method in focus at the chosen k compares; empty if not known."""
    quality = findings.quality
    stale = not quality.starting_over and curve_changes(wishes, findings)
    chosen = (p for p in quality.points if (p.method, p.k) == (wishes.method, wishes.k))
    point = next(chosen, None)
    if point is None or stale or not quality.are_points_valid:
        return ""
    difference = difference_to_pca(point)
    return "" if difference is None else quality_words.verdict(point, difference)


def curve_notice(wishes: Wishes, findings: Findings) -> tuple[str, bool]:
    """Return what must be said over the curve, and whether it is an error; empty for nothing."""
    quality = findings.quality
    if not quality.are_points_valid:
        last = () if quality.curve is None else quality.curve.audit
        audit = quality.live_failed if quality.starting_over else last
        return f"{audit_verdict(audit)}. The points are not valid.", True
    if quality.starting_over or quality.curve is None:
        return "", False
    changed = curve_changes(wishes, findings)
    again = _measure_again(changed) if changed else ""
    said = (leak_notice(quality.curve_leaked), again, sentences(quality.curve.caveats))
    return " ".join(filter(None, said)), False


def _measure_again(changed: tuple[str, ...]) -> str:
    return f"Measured with other settings ({', '.join(changed)}): measure again."


def curve_changes(wishes: Wishes, findings: Findings) -> tuple[str, ...]:
    """Return which settings have changed since the curve was measured."""
    curve, measured = findings.quality.curve, findings.quality.curve_wish
    facts = None if findings.dataset is None else findings.dataset.capture
    if curve is None or measured is None or facts is None:
        return ()
    now, then = curve_spec(wishes, facts), curve.spec
    pairs = {
        "mode": (_mode(now), _mode(then)),
        "number of tokens": (now.evaluation.tokens, then.evaluation.tokens),
        "side": (now.side, then.side),
        "model": (wishes.quality.model_of(facts), measured.model_of(facts)),
        "text": (wishes.quality.texts, measured.texts),
    }
    learnt = kinds.otherwise(now.calibration, then.calibration)
    return (*learnt, *(name for name, (new, old) in pairs.items() if new != old))


def _mode(spec: CurveSpec) -> object:
    window = spec.evaluation.mode == "window"
    return (spec.evaluation.mode, spec.evaluation.window if window else 0)


def estimated_s(wishes: Wishes, findings: Findings) -> float | None:
    """Return the seconds a curve may take by what was measured here; None without a measure."""
    facts = None if findings.dataset is None else findings.dataset.capture
    if facts is None:
        return None
    spec, last = curve_spec(wishes, facts), findings.quality.curve
    points = len(spec.methods) * len(spec.ks)
    if last is not None and last.points and not curve_changes(wishes, findings):
        return last.elapsed_s * points / len(last.points)
    times = {m: [r.calibration.elapsed_s for r in findings.rows if r.method is m] for m in Method}
    learnt = [method for method in spec.methods if method.is_learnt]
    if any(not times[method] for method in learnt):
        return None
    codecs = len(facts.layers) * facts.model.kv_heads * (2 if spec.side == "both" else 1)
    return sum(float(np.mean(times[m])) * codecs * len(spec.ks) for m in learnt)


def estimate_text(wishes: Wishes, findings: Findings) -> str:
    """Return what a curve will take, in words."""
    facts = None if findings.dataset is None else findings.dataset.capture
    if facts is None:
        return NEEDS_CAPTURE
    spec, seconds = curve_spec(wishes, facts), estimated_s(wishes, findings)
    heads = len(facts.layers) * facts.model.kv_heads
    text = f"{len(spec.methods) * len(spec.ks)} points of {heads} heads"
    if seconds is None:
        return f"{text}; calibrate once to see about how long they take."
    return f"{text}, about {formats.duration(max(seconds, 1.0))} by what was measured here."


def cell_choice(
    tensors: Sequence[TensorInfo], wish: DataWish, layer: int, head: int
) -> dict[str, object]:
    """Return the fields of `DataWish` that open `layer` and `head` of a capture."""
    present = next((info for info in tensors if info.name == wish.tensor), None)
    side = "v" if present is None else present.kind or "v"
    named = (info for info in tensors if info.layer == layer and info.kind in (side, ""))
    chosen = next(named, None)
    choice: dict[str, object] = {"head": head, "pool_heads": False}
    if chosen is None or "layer" in chosen.axes.names:
        return choice | {"layer": layer}
    return choice | {"tensor": chosen.name, "layer": None}


def shown_cell(findings: Findings) -> tuple[int, int] | None:
    """Return layer and head of the open vectors; None where they are not of one head."""
    if findings.dataset is None:
        return None
    summary = findings.dataset.values.summary
    if summary.layer is None or summary.head is None:
        return None
    return summary.layer, summary.head


def latest_audit(quality: QualityFindings) -> tuple[str, tuple[Control, ...]]:
    """Return title and controls to show: the evaluation's, else those of the curve."""
    curve, found = quality.curve, quality.evaluation
    if quality.last_audited == "evaluation" and found is not None:
        return found.result.card, found.result.audit
    return ("", ()) if curve is None else ("Quality curve", curve.audit)


def matching_map(quality: QualityFindings) -> Mapping[str, NDArray[np.float64]] | None:
    """Return the sensitivity of the heads of the evaluated card, where it was measured."""
    shown, found = quality.shown_map, quality.evaluation
    if shown is None or found is None or shown.key != found.key:
        return None
    return shown.kl


def shown_heads(quality: QualityFindings) -> tuple[HeadErrors, ...]:
    """Return the errors of every evaluated head, ranked by sensitivity where that is known."""
    found, mapped = quality.evaluation, quality.sensitivity
    if found is None:
        return ()
    if mapped is not None and mapped.key == found.key and mapped.heads:
        return mapped.heads
    return found.result.heads


class Heading(NamedTuple):
    """A line over numbers; `is_current` says whether they are of what is chosen now."""

    text: str = ""
    is_current: bool = True


def of_evaluation(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the last evaluation is of; empty without one."""
    found = findings.quality.evaluation
    if found is None:
        return Heading()
    scores = found.result.documents
    read = _text_read(sum(score.tokens for score in scores), len(scores))
    parts = (_card(found.key), _side(found.key.side), _mode_words(found.result.spec), read)
    return _heading(parts, _aside(wishes, findings, found.key, found.wish))


def of_audit(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the shown audit is of: the last evaluation, or the last curve."""
    quality = findings.quality
    if quality.last_audited == "evaluation" and quality.evaluation is not None:
        return of_evaluation(wishes, findings)
    curve = quality.curve
    if curve is None:
        return Heading()
    spec = curve.spec
    methods = ", ".join(method.label for method in spec.methods)
    ks = ", ".join(map(str, spec.ks))
    read = _text_read(curve.tokens, curve.documents)
    parts = (
        f"Curve of {methods} at k = {ks}",
        _side(spec.side),
        _mode_words(spec.evaluation),
        read,
    )
    changed = curve_changes(wishes, findings)
    return _heading(parts, tuple(f"other {name}" for name in changed))


def of_map(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the shown sensitivity map is of; empty without one."""
    shown = findings.quality.shown_map
    if shown is None:
        return Heading()
    tokens = () if shown.result is None else (_text_read(shown.result.tokens),)
    parts = (_card(shown.key), _side(shown.key.side), _mode_words(shown.wish.evaluation), *tokens)
    return _heading(parts, _aside(wishes, findings, shown.key, shown.wish))


def _heading(parts: tuple[str, ...], aside: tuple[str, ...]) -> Heading:
    text = " · ".join(parts)
    if not aside:
        return Heading(text)
    return Heading(f"{text} — not what is chosen now ({', '.join(aside)})", is_current=False)


def _aside(wishes: Wishes, findings: Findings, key: CardKey, wish: QualityWish) -> tuple[str, ...]:
    """Return what is chosen now in place of a card and how it was measured; empty if the same."""
    facts = None if findings.dataset is None else findings.dataset.capture
    if facts is None:
        return ()
    now, asked = card_key(wishes, facts), wishes.quality
    pairs = (
        (_card(now), _card(key)),
        (_side(now.side), _side(key.side)),
        (_mode_words(asked.evaluation), _mode_words(wish.evaluation)),
        (f"{formats.count(asked.tokens)} tokens", f"{formats.count(wish.tokens)} tokens"),
        (f"model {asked.model_of(facts)}", f"model {wish.model_of(facts)}"),
    )
    named = tuple(new for new, old in pairs if new != old)
    if asked.texts != wish.texts:
        named += ("other text",)
    if named or now == key:
        return named
    learnt = kinds.otherwise(now.calibration, key.calibration)
    return (
        f"calibrated with other {', '.join(learnt)}" if learnt else "calibrated in another way",
    )


def _card(key: CardKey) -> str:
    return f"{key.calibration.method.label} k = {key.calibration.k}"


def _side(side: str) -> str:
    return " and ".join(name.upper() for name in Sides(side).names)


def _mode_words(spec: EvalSpec) -> str:
    return f"window of {spec.window}" if spec.mode == "window" else spec.mode


def _text_read(tokens: int, documents: int | None = None) -> str:
    text = f"{formats.count(tokens)} tokens"
    if documents is None:
        return text
    return f"{text} of {documents} document{'' if documents == 1 else 's'}"
