"""Plausible data for the tests of the plots."""

import numpy as np

from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.shapes import ScatterShape, SplineShape

KS = np.array([1, 2, 4, 8, 16])
PCA_CURVE = 0.1 / np.arange(1, 17) ** 2
ROWS = {
    Method.PCA: (KS, PCA_CURVE[KS - 1]),
    Method.SPLINE: (KS, 0.8 * PCA_CURVE[KS - 1]),
    Method.FLOW: (KS, 1.01 * PCA_CURVE[KS - 1]),
}
SIZE = np.array([-10.0, -20.0, -5.0, 0.1, 0.0])
CHANGES = {
    Method.SPLINE: (KS, SIZE, SIZE - 1, SIZE + 1),
    Method.FLOW: (KS, SIZE + 30, SIZE + 28, SIZE + 32),
}
TOKENS = np.linspace(0, 8192, 9)
LINES = (
    ("full cache", TOKENS, TOKENS * 36_864, "#888888", True),
    ("PCA", TOKENS, TOKENS * 23_040 + 1e6, "#0072B2", False),
)


def spline_shape(dims=12, knots=6, seed=0):
    generator = np.random.default_rng(seed)
    knots_in = np.sort(generator.normal(size=(dims, knots)), axis=1)
    slopes = np.exp2(generator.normal(size=(dims, knots - 1)))
    rise = np.cumsum(slopes * np.diff(knots_in), axis=1)
    knots_out = np.concatenate([knots_in[:, :1], knots_in[:, :1] + rise], axis=1)
    return SplineShape(*(part.astype(np.float32) for part in (knots_in, knots_out, slopes)))


def scatter_shape(points=700, dims=12):
    before = np.random.default_rng(1).normal(size=(points, dims)).astype(np.float32)
    return ScatterShape(before, np.tanh(before))
