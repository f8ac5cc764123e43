"""The core against the plain per-dimension loop: calibrating, encoding, decoding."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from kvsplice_core import CalibrationSpec, Codec, run
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.fit.calibrate import train_transform
from kvsplice_core.fit.training import Trained
from tests.benchmarks import reference
from tests.benchmarks.measure import Measure, compare

FIT_VECTORS, CODED_VECTORS, DIM = 120_000, 12_288, 64
SPEC = CalibrationSpec(
    method=Method.SPLINE, k=16, recipe=Recipe.ORIGIN, knots=7, epochs=8, batch_size=4096
)
# Both take the same updates, so the losses differ by rounding only.
LOSS_TOLERANCE = 1e-4


def vectors(n: int, dim: int, seed: int = 0) -> Tensor:
    """Return seeded vectors (n, dim) with a bend that a spline can learn."""
    generator = torch.Generator().manual_seed(seed)
    mix = 0.2 * torch.randn(dim, dim, generator=generator)
    rows = torch.randn(n, dim, generator=generator) @ mix
    return rows + 0.3 * rows.square().tanh()


def fit(train: Tensor, spec: CalibrationSpec) -> Trained:
    """Train as `calibrate` does, knots included."""
    return run(train_transform(train, train[:CODED_VECTORS], spec))


def fit_measure() -> Measure:
    """Time a whole fit, and make sure that both learnt the same."""
    train = vectors(FIT_VECTORS, DIM)
    losses: dict[str, float] = {}

    def ours() -> None:
        losses["ours"] = fit(train, SPEC).losses[-1]

    def plain() -> None:
        losses["reference"] = reference.fit(train, SPEC)[1][-1]

    measure = compare("fit 120 000 × 64, k = 16, 8 epochs", ours, plain, turns=3, unit="s")
    difference = abs(losses["ours"] / losses["reference"] - 1)
    if difference > LOSS_TOLERANCE:
        raise RuntimeError(f"both must learn the same; the losses differ by {difference:.1e}")
    return measure


def coding_measures() -> Iterator[Measure]:
    """Time encoding and decoding with the same transform and axes."""
    rows = vectors(CODED_VECTORS, DIM)
    spec = replace(SPEC, epochs=1)
    plain, _ = reference.fit(rows, spec)
    trained = fit(rows, spec)
    codec = Codec(trained.transform, trained.projection)
    latent = codec.encode(rows)
    size = f"{CODED_VECTORS:,} × {DIM}".replace(",", " ")
    pairs = {
        "encode": (lambda: codec.encode(rows), lambda: plain.encode(rows)),
        "decode": (lambda: codec.decode(latent), lambda: plain.decode(latent)),
    }
    for name, (ours, loop) in pairs.items():
        yield compare(f"{name} {size}", ours, loop, turns=10, burst=6)


def measures() -> Iterator[Measure]:
    """Yield every measure of the core."""
    yield fit_measure()
    yield from coding_measures()
