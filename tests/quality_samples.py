"""Plausible results of evaluations, made of plain numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import CaptureFacts, DocumentSpan, KeyState, Sides
from kvsplice_core.tasks.curve import CurveResult, CurveSpec, QualityPoint, SensitivityResult
from kvsplice_core.tasks.evaluate import (
    Continuation,
    Control,
    EvalResult,
    EvalSpec,
    HeadErrors,
    Quality,
)

FACTS = CaptureFacts(
    model=ModelFacts("gpt2-mini", "ab" * 32, layers=4, kv_heads=4, head_dim=64),
    text_sha256="cd" * 32,
    documents=(DocumentSpan("a", 1000), DocumentSpan("b", 1000)),
    layers=(0, 1, 2, 3),
    sides=Sides.V,
    key_state=KeyState.NONE,
    attention=False,
    context=1024,
    dtype="float16",
)
PASSED = (
    Control("identity", "k = d equals the dense cache", "|ΔNLL| 3e-7 nat", "≤ 1e-4 nat", True),
    Control("rank-one", "k = 1 is much worse", "ΔNLL 2.1 nat", "≥ 0.5 nat", True),
)
FAILED = (*PASSED, Control("reads", "the cache is read", "equal to dense", "differs", False))
CONTINUATION = Continuation(
    prompt="To be, or not",
    base=" to be: that <is>\nthe question",
    compressed=" to be: what is it",
    first_divergence=4,
    shared=" to be: ",
    tokens=8,
)


def around(value: float, width: float) -> Estimate:
    """Return an estimate with a symmetric interval."""
    return Estimate(value, value - width, value + width)


def quality(delta: float, kl: float) -> Quality:
    """Return a quality with this ΔNLL and KL."""
    base = 4.2
    return Quality(
        nll_base=around(base, 0.1),
        nll=around(base + delta, 0.1),
        delta_nll=around(delta, 0.1 * abs(delta) + 1e-4),
        perplexity_base=around(66.7, 5),
        perplexity=around(66.7 * float(np.exp(delta)), 5),
        kl=around(kl, 0.05 * kl),
        top1=around(0.9, 0.01),
        rms_dp=around(0.02, 0.001),
    )


def point(method: Method, k: int, factor: float, delta: float | None = None) -> QualityPoint:
    """Return a point whose errors are those of PCA times `factor`."""
    kl = factor * 2.0 * 2.0 ** (-k / 6)
    return QualityPoint(
        method=method,
        k=k,
        quality=quality(kl if delta is None else delta, kl),
        mse=factor * 0.02 * 2.0 ** (-k / 8),
        weighted_mse=factor * 0.001 * 2.0 ** (-k / 8),
        output_error=factor * 0.004 * 2.0 ** (-k / 8),
        kept=14,
        codecs=16,
        bytes_per_token=1024 + 16 * k,
    )


def curve(
    audit: tuple[Control, ...] = PASSED, ks: tuple[int, ...] = (8, 16, 32, 64), **spec: object
) -> CurveResult:
    """Return a curve of all methods; at k = 16 the errors order the methods differently."""
    factors = {Method.PCA: 1.0, Method.SPLINE: 0.8, Method.FLOW: 1.15}
    points = [point(method, k, factor) for k in ks for method, factor in factors.items()]
    if 16 in ks:
        at = next(i for i, p in enumerate(points) if (p.method, p.k) == (Method.SPLINE, 16))
        points[at] = replace(points[at], mse=points[at].mse * 3)
    return CurveResult(
        model="gpt2-mini",
        model_sha256="ab" * 32,
        text_sha256="ef" * 32,
        capture_sha256="01" * 32,
        spec=CurveSpec(ks=ks, **spec),
        points=tuple(points),
        audit=audit,
        context=1024,
        tokens=8192,
        documents=10,
        device="cpu",
        elapsed_s=60.0,
    )


def heads(layers: int = 4, count: int = 4) -> tuple[HeadErrors, ...]:
    """Return errors of every head; of layer 0, head 0 the ranks disagree."""
    return tuple(
        HeadErrors(
            "v",
            layer,
            head,
            mse=0.01 * (1 + layer),
            weighted_mse=0.001 * (1 + head),
            output_error=0.002,
            ranks=(1, 4, 2) if layer == head == 0 else (3, 3, 3),
        )
        for layer in range(layers)
        for head in range(count)
    )


def evaluation(audit: tuple[Control, ...] = PASSED) -> EvalResult:
    """Return an evaluation with every part."""
    return EvalResult(
        card="Spline→PCA k = 16, V",
        model="gpt2-mini",
        model_sha256="ab" * 32,
        text_sha256="ef" * 32,
        spec=EvalSpec(),
        quality=quality(0.04, 0.03),
        documents=(),
        audit=audit,
        heads=heads(),
        continuation=CONTINUATION,
        stored_bytes=700_000,
        dense_bytes=1_000_000,
        tokens_held=1023,
        device="cpu",
        elapsed_s=12.0,
    )


def sensitivity() -> SensitivityResult:
    """Return the cost of every head alone."""
    kl = np.linspace(0.001, 0.02, 16).reshape(4, 4)
    return SensitivityResult("Spline→PCA k = 16, V", {"v": kl * 0.9}, {"v": kl}, 4096, 8.0)
