"""What decoders, spline kinds and few bits gain, beside what was aimed at; all held out."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from kvsplice_core import run
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding, KnotPlacement
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.registry import load
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import Capture, open_capture
from kvsplice_core.data.vectors import load_values
from kvsplice_core.fit.calibrate import calibrate, split_parts
from kvsplice_core.fit.frontier import frontier
from kvsplice_core.fit.group import fit_group
from kvsplice_core.fit.judge import judge, rounding_error
from kvsplice_core.fit.layer import LayerValues
from kvsplice_core.fit.metrics import mean_squared_error, row_errors
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.models import LanguageModel, load_model
from kvsplice_core.language.texts import BundledText, bundled_documents
from kvsplice_core.proof.frontier import model_frontier
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import FrontierResult, FrontierSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.benchmarks import core
from tests.benchmarks.measure import Measure, compare

SPLINE_TARGETS = {2: 0.060, 4: 0.0038, 8: 0.00095}
FLOOR_TARGETS = {2: 1.10, 3: 1.03, 4: 1.02, 8: 1.01}
NOISE = 0.0009
DIM = 128
QUADRATIC_MEAN, QUADRATIC_EACH = -8.5, -5.0
TOKENS = 16_384
ALL_TOKENS, SOME_TOKENS = 10**6, 65_536  # the calibration text ends before a million
ALL_ROWS = 10**7
BEST = "joined+lloyd-max"


def measures() -> Iterator[Measure]:
    """Yield every measure of the geometry."""
    yield from spline_measures()
    yield from floor_measures()
    yield from quadratic_measures()
    yield decoder_fit_measure()
    yield from model_measures()


def aim(name: str, measured: float, target: float, unit: str) -> Measure:
    """Return a number beside the most it may be; a ratio of 1 or more has reached it."""
    ratio = measured / target if target < 0 else target / measured
    return Measure(name, measured, target, ratio, unit)


def spline_measures() -> Iterator[Measure]:
    """Test MSE of Spline→PCA on GeometricMix with learnt knots, recipe ``joint``."""
    values = load_values("geometric-mix")
    _, test = values.split(CalibrationSpec().train_fraction)
    for k, target in SPLINE_TARGETS.items():
        spec = CalibrationSpec(k=k, knots=32, epochs=80, knot_placement=KnotPlacement.LEARNT)
        codec = run(calibrate(values, spec)).codec
        mse = mean_squared_error(test, codec.reconstruct)
        yield aim(f"GeometricMix, Spline→PCA, k = {k}", mse, target, "MSE")


def floor_measures() -> Iterator[Measure]:
    """Test MSE of PCA with a polynomial decoder on GeometricMix, over the noise it cannot see."""
    values, calibration = load_values("geometric-mix"), CalibrationSpec()
    parts = split_parts(values, calibration)
    for k, target in FLOOR_TARGETS.items():
        pipeline = Pipeline.of("polynomial:7" if k <= 4 else "polynomial:4")
        fit = run(fit_group(parts, pipeline, Budget(16 * k / DIM), calibration))
        floor = NOISE * (DIM - k) / DIM
        name = f"GeometricMix, {pipeline.label}, k = {k}, over the noise"
        yield aim(name, float(fit.errors.mean()) / DIM / floor, target, "×")


def quadratic_measures() -> Iterator[Measure]:
    """Change against PCA of the quadratic decoder on V of ``smollm2-v``, layer 15, k = 16."""
    calibration, changes = CalibrationSpec(), []
    for head in range(3):
        parts = split_parts(load_values("smollm2-v", layer=15, head=head), calibration)
        ours = run(fit_group(parts, Pipeline.of("quadratic"), Budget(4), calibration))
        plain = row_errors(parts.test, _pca(parts.train, 16))
        rounding = rounding_error(parts.test)
        changes.append(judge(ours.errors / 64, plain, rounding).change)
        low, high = changes[-1].low, changes[-1].high
        interval = f"[{low:.1f}, {high:.1f}]"
        name = f"smollm2-v layer 15 head {head}, quadratic against PCA {interval}"
        yield aim(name, changes[-1].percent, QUADRATIC_EACH, "%")
    mean = sum(change.percent for change in changes) / len(changes)
    yield aim("smollm2-v layer 15, mean of the heads", mean, QUADRATIC_MEAN, "%")


def _pca(rows: Tensor, k: int):
    projection = fit_pca(rows).projection(k)
    return lambda x: projection.decode(projection.encode(x))


def decoder_fit_measure() -> Measure:
    """Time the regression of a quadratic decoder beside one published fit of a spline."""
    train = core.vectors(core.FIT_VECTORS, core.DIM)
    projection = fit_pca(train).projection(16)
    latents = projection.encode(train)
    residuals = train - projection.decode(latents)
    pairs = (latents[:-12_000], residuals[:-12_000]), (latents[-12_000:], residuals[-12_000:])
    spec = DecoderSpec(Decoding.QUADRATIC)

    def ours() -> None:
        run(load(spec.kind).fit(*pairs[0], pairs[1], spec))

    def spline() -> None:
        core.fit(train, core.SPEC)

    name = "quadratic decoder, 120 000 × 64, k = 16, beside one spline fit (at least 10)"
    return compare(name, ours, spline, turns=3, unit="s")


def model_measures() -> Iterator[Measure]:
    """What gpt2-mini loses on held-out books at equal bits; how far codes lie from the bounds."""
    language = load_model(BUNDLED)
    with tempfile.TemporaryDirectory() as folder:
        for tokens in (ALL_TOKENS, CaptureSpec.tokens):
            yield from _gaps(_captured(language, tokens, Sides.V, Path(folder) / "v.safetensors"))
        both = _captured(language, SOME_TOKENS, Sides.BOTH, Path(folder) / "both.safetensors")
        pipelines = tuple(map(Pipeline.of, ("pca", "rounding", "joined", BEST)))
        spec = FrontierSpec(pipelines, (2.5, 3.5, 8.0))
        for side, measure in (("v", "ΔNLL"), ("k", "KL")):
            heldout = bundled_documents(BundledText.HELDOUT)
            work = model_frontier(language, both, heldout, spec, EvalSpec(tokens=TOKENS), side=side)
            yield from _of_model(run(work), side.upper(), measure)


def _captured(language: LanguageModel, tokens: int, sides: Sides, path: Path) -> Capture:
    books = bundled_documents(BundledText.CALIBRATION)
    run(capture_vectors(language, books, CaptureSpec(tokens, sides=sides), path))
    return open_capture(path)


def _gaps(capture: Capture) -> Iterator[Measure]:
    """Distance to the Gaussian bound of the test documents' covariance, V, heads joined."""
    layers = {
        ("v", i): LayerValues(capture.values("v", i, budget=ALL_ROWS)) for i in capture.facts.layers
    }
    learnt_from = f"{BUNDLED}, V, {capture.facts.tokens} tokens captured"
    pipelines = tuple(map(Pipeline.of, (BEST, "joined+entropy-coded")))
    for point in run(frontier(layers, FrontierSpec(pipelines, (2.0, 3.0)), BUNDLED, "test")).points:
        if point.pipeline in pipelines:
            name = f"{learnt_from}, {point.pipeline.key}, {point.asked_bits:g} bits, over the bound"
            yield aim(name, point.gap_db, 1.5, "dB")


def _of_model(result: FrontierResult, side: str, measure: str) -> Iterator[Measure]:
    """Yield shares of the loss; of K the ΔNLL is within chance of 0, and KL tells more."""
    if not result.is_valid:
        raise SystemExit("the audit failed; nothing is measured")
    for ours, theirs, bits, limit in (
        (BEST, "rounding", 2.5, 0.4),
        (BEST, "rounding", 3.5, 0.6),
        ("joined", "pca", 8.0, 0.4),
    ):
        share = _loss(result, ours, bits, measure) / _loss(result, theirs, bits, measure)
        name = f"{BUNDLED}, {side}, {ours} over {theirs}, {bits:g} bits"
        yield aim(name, share, limit, f"× {measure}")


def _loss(result: FrontierResult, key: str, bits: float, measure: str) -> float:
    point = result.point(Pipeline.of(key), bits)
    assert point is not None
    assert point.quality is not None
    return {"ΔNLL": point.quality.delta_nll, "KL": point.quality.kl}[measure].value
