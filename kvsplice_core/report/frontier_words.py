"""What a frontier says in words: one sentence for each point, one for each budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.estimates import Change, Verdict
from kvsplice_core.base.formats import percent, signed, three_digits, with_interval
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.tasks.comparison import reference_at
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kvsplice_core.base.estimates import Estimate
    from kvsplice_core.codec.kinds import Recipe

MEASURES = {
    "nmse": "NMSE",
    "weighted": "Attention-weighted MSE",
    "output": "Error after W_O",
    "nll": "ΔNLL",
    "kl": "KL",
}
"""What may stand on y, and the name of each on screen."""

_OVER = 1.01
_WORDS = {Verdict.GAIN: "a gain", Verdict.TIE: "a tie", Verdict.LOSS: "a loss"}


def recipe_words(pipelines: Iterable[Pipeline], recipe: Recipe) -> str:
    """Return by which recipe transforms were learnt; empty where no pipeline has one."""
    learns = any(pipeline.method.is_learnt for pipeline in pipelines)
    return f"transforms learnt by recipe {recipe}" if learns else ""


def estimate_of(point: FrontierPoint, measure: str) -> Estimate | None:
    """Return ΔNLL (``nll``) or KL (``kl``) of a point, nats per token; None if not measured."""
    if point.quality is None or measure not in ("nll", "kl"):
        return None
    return point.quality.kl if measure == "kl" else point.quality.delta_nll


def value_of(point: FrontierPoint, measure: str) -> float | None:
    """Return what stands on y for a point; None if it was not measured."""
    plain = {
        "nmse": point.nmse,
        "weighted": point.weighted_mse,
        "output": point.output_error,
    }
    if measure in plain:
        return plain[measure]
    found = estimate_of(point, measure)
    return None if found is None else found.value


def verdict(point: FrontierPoint, result: FrontierResult) -> str:
    """Return one sentence on a point.

    It says gain, tie or loss, by how much with its interval, against what, at which bits and on
    which split; what the same change is on a Gaussian surrogate, and what it costs the model,
    where that was measured; and how many codecs the reference replaced.
    """
    parts = [_compared(point, result)]
    if point.surrogate is not None:
        parts.append(f"on a Gaussian surrogate {_change(point.surrogate)}")
    if point.quality is not None:
        parts += _cost(point, result)
    if point.replaced:
        parts.append(replacement(point))
    return "; ".join(parts) + "."


def replacement(point: FrontierPoint) -> str:
    """Return in how many codecs a simpler pipeline stands in its place; empty where in none.

    That is the reference, or the pipeline itself with a linear decoder.
    """
    if not point.replaced:
        return ""
    return f"a simpler pipeline replaced it in {point.replaced} of {point.codecs} codecs"


def best_at(result: FrontierResult, bits: float, measure: str = "nmse") -> FrontierPoint | None:
    """Return the best point of at most `bits` per value, everything counted; None for none.

    A codec's own bytes may lift a point above its budget by a hundredth.
    """
    fitting = [
        (value, point)
        for point in result.points
        if point.bits <= _OVER * bits and (value := value_of(point, measure)) is not None
    ]
    return min(fitting, key=lambda pair: pair[0], default=(0.0, None))[1]


def best_words(result: FrontierResult, bits: float, measure: str = "nmse") -> str:
    """Return in words which pipeline is best at a budget."""
    point = best_at(result, bits, measure)
    if point is None:
        least = min((p.bits for p in result.points), default=0.0)
        return f"nothing was measured at ≤ {bits:.3g} bits; the least is {three_digits(least)}"
    value = value_of(point, measure)
    cost = f"{MEASURES[measure]} {three_digits(0.0 if value is None else value)}"
    return f"best at ≤ {bits:.3g} bits: {point.pipeline.label}, {cost}"


def bits_words(point: FrontierPoint) -> str:
    """Write the bits per value of a point, everything counted."""
    return f"{three_digits(point.bits)} bits"


def asked_words(point: FrontierPoint) -> str:
    """Write the k that was asked for, with a comma behind it; empty where bits were."""
    return "" if point.asked_k is None else f"{point.budget.words}, "


def _compared(point: FrontierPoint, result: FrontierResult) -> str:
    name = f"{point.pipeline.label} at {asked_words(point)}{bits_words(point)}"
    error = f"NMSE {three_digits(point.nmse)}"
    where = f"on {result.split.partition(';')[0]}"  # the rest is said of ΔNLL
    if point.change is None or point.reference is None:
        return f"{name}: {error} {where}, {_why_not_compared(point)}"
    against = point.reference.label
    if point.reference_bits is not None:
        against += f" at {three_digits(point.reference_bits)} bits"
    said = _WORDS[point.change.verdict]
    return f"{name} is {said}: {error}, {_change(point.change)} against {against}, {where}"


def _why_not_compared(point: FrontierPoint) -> str:
    reference: Pipeline = reference_at(point.pipeline, point.budget)
    if point.pipeline == reference:
        return "which others are compared with"
    return f"where {reference.label} does not fit"


def _change(change: Change) -> str:
    return with_interval(change.percent, change.low, change.high, percent)


def _cost(point: FrontierPoint, result: FrontierResult) -> Iterator[str]:
    if point.quality is None:
        return
    delta = point.quality.delta_nll
    where = f" over {result.documents} held-out documents" if result.documents else ""
    yield f"ΔNLL {_estimate(delta, three_digits)} nats per token{where}"
    if point.against is not None:
        yield f"minus the reference's: {point.against.words(lambda one: _estimate(one, signed))}"


def _estimate(found: Estimate, write: Callable[[float], str]) -> str:
    return with_interval(found.value, found.low, found.high, write)
