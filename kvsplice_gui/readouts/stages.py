"""What the pipeline strip says of a chosen point: every stage with its number."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base import formats
from kvsplice_core.codec.kinds import Axes, Decoding, Method
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import replacement, verdict
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult


@dataclass(frozen=True)
class Stage:
    """What a stage says: its name and its number."""

    name: str
    number: str
    help: str = ""


@dataclass(frozen=True)
class Stages:
    """The stages in the order vectors pass them; some are shown only where they are chosen."""

    values: Stage
    transform: Stage
    pca: Stage
    cache: Stage
    decoder: Stage
    restored: Stage
    grouping: Stage | None = None
    axes: Stage | None = None
    quantizer: Stage | None = None


_AXES = {
    Axes.RAW: "raw",
    Axes.PCA: "PCA",
    Axes.WHITENED: "whitened",
    Axes.OUTPUT: "W_O",
}


def point_stages(values: Stage, point: FrontierPoint, result: FrontierResult) -> Stages:
    """Return the stages of a point's pipeline.

    Parameters
    ----------
    values : Stage
        The vectors that go in.
    point : FrontierPoint
    result : FrontierResult
        The frontier it is of.
    """
    pipeline = point.pipeline
    return Stages(
        values=values,
        grouping=_grouping(point),
        axes=Stage("axes", _AXES[pipeline.axes], "The basis in front of the transform."),
        transform=_transform(pipeline, result),
        pca=_pca(point),
        quantizer=_quantizer(point),
        cache=_cache(point),
        decoder=_decoder(point),
        restored=_restored(values, point, result),
    )


def _grouping(point: FrontierPoint) -> Stage:
    codecs = f"{point.codecs} codec{'' if point.codecs == 1 else 's'}"
    return Stage(point.pipeline.grouping.label, codecs, "Which heads are coded together.")


def _transform(pipeline: Pipeline, result: FrontierResult) -> Stage:
    help_text = "The map of each dimension in front of PCA, learnt as published."
    if pipeline.method is Method.PCA:
        return Stage("no transform", "identity", help_text)
    number = "couplings" if "coupling" in pipeline.method.heeds else "learnt"
    if "knots" in pipeline.method.heeds:
        number = f"{result.spec.calibration.resolved_knots} knots"
    return Stage(pipeline.method.label.partition("→")[0], number, help_text)


def _pca(point: FrontierPoint) -> Stage:
    help_text = "Numbers kept per vector, or all of them where they are few bits each."
    if point.pipeline.is_rounding:
        return Stage("no basis", "every number", "The vectors themselves are rounded.")
    return Stage("PCA", "every axis" if point.k is None else f"k = {point.k}", help_text)


def _quantizer(point: FrontierPoint) -> Stage:
    bits = formats.with_unit(formats.three_digits(point.vector_bits), "bits per value")
    name = point.pipeline.quantizer.kind.label
    return Stage(name, bits, "How the latent is stored: bits per value of each token.")


def _cache(point: FrontierPoint) -> Stage:
    bits = formats.with_unit(formats.three_digits(point.bits), "of 16 bits")
    side = formats.three_digits(point.side_bits)
    return Stage("cache", bits, f"Per value, everything counted: {side} bits are the codec's own.")


def _decoder(point: FrontierPoint) -> Stage:
    decoding = point.pipeline.decoder.kind
    name = "PCAᵀ" if decoding is Decoding.LINEAR else decoding.label.partition(" ")[0]
    kept = point.codecs - point.replaced
    number = "kept" if not point.replaced else f"kept in {kept} of {point.codecs}"
    help_text = replacement(point) or "How vectors come back; nothing replaced this pipeline."
    return Stage(name, number, f"{help_text[:1].upper()}{help_text[1:]}")


def _restored(values: Stage, point: FrontierPoint, result: FrontierResult) -> Stage:
    number = f"NMSE {formats.three_digits(point.nmse)}"
    if point.change is not None:
        verdict_word = point.change.verdict.value
        number += f" · {'tie' if verdict_word == 'tie' else formats.percent(point.change.percent)}"
    name = f"{values.name}\N{COMBINING CIRCUMFLEX ACCENT}"
    return Stage(name, number, verdict(point, result))
