"""Small results made of plain numbers, for tests of tables, figures and the window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np

from kvsplice_core.base.estimates import Change, Judgement
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.shapes import ScatterShape, Shape, SplineShape
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.tasks.sweep import CalibrationResult, Scores, SweepResult, SweepRow, SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec

VERSIONS = {"kvsplice": "1.0.0", "python": "3.11.0", "torch": "2.13.0", "numpy": "2.4.0"}

_GAIN = {Method.PCA: 0.0, Method.SPLINE: 0.12, Method.FLOW: -0.04}


def make_data(**changes) -> DataSummary:
    """Return the summary of 8 192 vectors of 64 dimensions; `changes` replace its fields."""
    summary = DataSummary(
        source="smollm2-v",
        tensor="layers.15.v",
        layer=15,
        head=0,
        pooled_heads=1,
        axes="token head dim",
        vectors=8192,
        dim=64,
        available=8192,
        seed=0,
        sha256="5d" * 32,
        provenance="made for a test",
    )
    return replace(summary, **changes)


def make_spline_shape(dim: int = 64, knots: int = 16, bend: float = 0.5) -> SplineShape:
    """Return increasing curves that bend more, the later the dimension."""
    widths = 0.4 + 0.3 * np.cos(np.arange(dim)[:, None] + np.arange(knots - 1))
    starts = -widths.sum(1, keepdims=True) / 2
    knots_in = np.concatenate([starts, starts + widths.cumsum(1)], axis=1)
    phase = np.linspace(0, 2 * np.pi, knots - 1) + np.arange(dim)[:, None] / 5
    slopes = np.exp(bend * np.linspace(0, 1, dim)[:, None] * np.sin(phase))
    rises = (slopes * widths).cumsum(1)
    knots_out = np.concatenate([starts, starts + rises], axis=1)
    return SplineShape(*(table.astype(np.float32) for table in (knots_in, knots_out, slopes)))


def make_scatter_shape(dim: int = 64, points: int = 100) -> ScatterShape:
    """Return normal vectors and their tanh."""
    before = np.random.default_rng(0).standard_normal((points, dim)).astype(np.float32)
    return ScatterShape(before, np.tanh(before))


def make_pca_curve(dim: int = 64) -> tuple[float, ...]:
    """Return an error that halves every five axes and is rounding at k = dim."""
    return tuple(0.05 * 2.0 ** (-k / 5) if k < dim else 3e-16 for k in range(1, dim + 1))


def make_row(
    method: Method, k: int, spec: SweepSpec | None = None, dim: int = 64, seed: int = 5
) -> SweepRow:
    """Return one row; the spline gains at low k and ties above 16, the flow loses a little."""
    calibration = (spec or SweepSpec()).at(method, k)
    pca_mse = make_pca_curve(dim)[k - 1]
    gain = _GAIN[method] * math.exp(-k / 12) * (1 + seed / 100)
    mse = pca_mse * (1 - gain)
    kept = method if gain > 0.01 else Method.PCA
    found = CalibrationResult(
        codec=_codec(kept if calibration.recipe is Recipe.JOINT else method),
        spec=calibration,
        kept=kept,
        judgement=Judgement(mse, pca_mse, Change(-100 * gain, -100 * gain - 1, -100 * gain + 1)),
        losses=_losses(method, mse, calibration.resolved_epochs),
        elapsed_s=0.5,
    )
    scores = Scores(
        mse, nmse=mse / 0.06, pearson=1 - mse, cosine=1 - mse / 2, compression_ratio=dim / k
    )
    change = Change(-100 * gain, -100 * gain - 1.5, -100 * gain + 1.5) if method.is_learnt else None
    shape, bend = _shape(method, dim, calibration.resolved_knots)
    return SweepRow(method, k, scores, change, found, shape, bend)


def make_result(
    methods: Sequence[Method] = tuple(Method),
    ks: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    dim: int = 64,
    recipe: Recipe = Recipe.JOINT,
    seed: int = 5,
    data: DataSummary | None = None,
) -> SweepResult:
    """Return a finished sweep of `methods` at `ks`; nothing in it was calibrated."""
    spec = SweepSpec(tuple(methods), tuple(ks), CalibrationSpec(recipe=recipe, seed=seed))
    rows = tuple(make_row(m, k, spec, dim, seed) for k in spec.ks for m in spec.methods)
    return SweepResult(
        data=data or make_data(dim=dim),
        spec=spec,
        rows=rows,
        pca_curve=make_pca_curve(dim),
        variance_kept=tuple(1 - mse / 0.06 for mse in make_pca_curve(dim)),
        train_vectors=6144,
        test_vectors=2048,
        device="cpu",
        elapsed_s=12.5,
        versions=VERSIONS,
    )


def _codec(method: Method) -> Codec:
    """Return what stands for a codec where only its method is asked for."""
    return cast("Codec", SimpleNamespace(method=method))


def _losses(method: Method, mse: float, epochs: int) -> tuple[float, ...]:
    if not method.is_learnt:
        return ()
    return tuple(mse * (1 + math.exp(-epoch / 6)) for epoch in range(epochs))


def _shape(method: Method, dim: int, knots: int) -> tuple[Shape | None, float]:
    if method is Method.SPLINE:
        return make_spline_shape(dim, knots), 0.08
    if method is Method.FLOW:
        return make_scatter_shape(dim), 0.02
    return None, 0.0
