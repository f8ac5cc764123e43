"""Plausible frontiers, made of plain numbers."""

from __future__ import annotations

from dataclasses import replace

from kvsplice_core.base.estimates import Change
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.tasks.compared import Compared
from kvsplice_core.tasks.comparison import reference_of
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult, FrontierSpec
from tests.quality_samples import around, quality

BITS = (1.0, 2.5, 4.0)
PIPELINES = tuple(
    Pipeline.of(key)
    for key in (
        "pca",
        "rounding",
        "spline",
        "joined",
        "joined+lloyd-max",
        "joined+output+lloyd-max",
    )
)
SHARES = dict(zip(PIPELINES, (1.0, 0.7, 1.001, 0.8, 0.2, 0.18), strict=True))
GAIN, TIE, LOSS = Change(-20, -22, -18), Change(0.1, -0.2, 0.4), Change(4, 3, 5)
AGAINST = Compared(around(-0.02, 0.005), around(-0.01, 0.005))
BOUND = tuple((bits, 0.5 * 2.0 ** (-2 * bits)) for bits in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0))


def point(pipeline: Pipeline | str, bits: float = 2.5, **fields: object) -> FrontierPoint:
    """Return a point of a pipeline whose error falls with the bits."""
    one = Pipeline.of(pipeline) if isinstance(pipeline, str) else pipeline
    reference = reference_of(one)
    made = FrontierPoint(
        pipeline=one,
        asked_bits=bits,
        vector_bits=bits,
        side_bits=0.01,
        k=one.k_for(bits, 64) if one.keeps_numbers else None,
        nmse=SHARES.get(one, 1.0) * 2.0**-bits,
        gap_db=2.0,
        codecs=3,
        reference=None if one == reference else reference,
        change=None if one == reference else GAIN,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def frontier(*, of_model: bool = False, **fields: object) -> FrontierResult:
    """Return every pipeline at every budget; rounding does not fit the least one."""
    points = [point(p, bits) for p in PIPELINES for bits in BITS if fits(p, bits)]
    if of_model:
        points = [replace(p, quality=quality(p.nmse / 2, p.nmse / 3)) for p in points]
        ours = (p.reference is not None for p in points)
        points = [
            replace(p, against=AGAINST) if own else p for p, own in zip(points, ours, strict=True)
        ]
    made = FrontierResult(
        title="small.npy · 2 heads",
        spec=FrontierSpec(PIPELINES, BITS),
        points=tuple(points),
        left_out=("plain rounding at 1 bits: it needs 160 bits per vector",),
        bound=BOUND,
        test_tokens=250,
        split="the last 25 % of the tokens",
        elapsed_s=12.0,
        versions={"torch": "2"},
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def fits(pipeline: Pipeline, bits: float) -> bool:
    """Say whether a pipeline has a point at a budget."""
    return not (pipeline.is_rounding and bits < 2.5)
