"""``python -m tests.benchmarks.readme``: measure the tables of the README and write them into it.

Every table stands between two comments, ``<!-- results: name -->`` and ``<!-- end -->``; names on
the command line choose some of them. Cells are changes with their 95 % interval; one that holds 0
is called a tie.
"""

# Before torch is imported: the threads of an application.
from kvsplice_core.base.devices import limit_threads, prepare_environment

prepare_environment()

import re  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from pathlib import Path  # noqa: E402

from kvsplice_core.base.estimates import Change  # noqa: E402
from kvsplice_core.base.files import write_text  # noqa: E402
from kvsplice_core.base.progress import run  # noqa: E402
from kvsplice_core.codec.kinds import Method, Recipe  # noqa: E402
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline  # noqa: E402
from kvsplice_core.data.capture import CaptureSpec  # noqa: E402
from kvsplice_core.data.capture_file import open_capture  # noqa: E402
from kvsplice_core.data.vectors import load_values  # noqa: E402
from kvsplice_core.fit.sweep import sweep  # noqa: E402
from kvsplice_core.language.bundled import BUNDLED  # noqa: E402
from kvsplice_core.language.capture import capture_vectors  # noqa: E402
from kvsplice_core.language.models import load_model  # noqa: E402
from kvsplice_core.language.texts import BundledText, bundled_documents  # noqa: E402
from kvsplice_core.proof.curve import quality_curve  # noqa: E402
from kvsplice_core.proof.frontier import model_frontier  # noqa: E402
from kvsplice_core.tasks.curve import CurveResult, CurveSpec  # noqa: E402
from kvsplice_core.tasks.evaluate import EvalSpec  # noqa: E402
from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult, FrontierSpec  # noqa: E402
from kvsplice_core.tasks.sweep import SweepResult, SweepSpec  # noqa: E402
from kvsplice_core.tasks.training import CalibrationSpec  # noqa: E402

README = Path(__file__).parents[2] / "README.md"
Lines = list[str]


def main(names: Iterable[str]) -> None:
    """Measure the named tables, all when none is named, and write them into the README."""
    limit_threads()
    for name in tuple(names) or tuple(TABLES):
        lines = TABLES[name]()
        sys.stdout.write("\n".join((f"{name}:", *lines, "")) + "\n")
        write_text(README, replaced(README.read_text(encoding="utf-8"), name, lines))


def replaced(text: str, name: str, lines: Lines) -> str:
    """Return `text` with the table `name` replaced."""
    pattern = rf"(<!-- results: {re.escape(name)} -->\n).*?(<!-- end -->)"
    body = "\n".join(lines)
    new, count = re.subn(pattern, lambda m: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"the README must hold the table {name} once; it holds it {count} times")
    return new


def as_published() -> Lines:
    """GeometricMix with the recipe as it was published."""
    spec = SweepSpec(
        ks=(8, 12, 16, 24, 32, 48, 64),
        calibration=CalibrationSpec(recipe=Recipe.ORIGIN, epochs=12, seed=5),
    )
    return _mse_table(run(sweep(load_values("geometric-mix"), spec)), digits=6)


def learnt_jointly() -> Lines:
    """GeometricMix with everything learnt together for each k."""
    spec = SweepSpec(ks=(2, 3, 4, 8, 16, 32))
    return _mse_table(run(sweep(load_values("geometric-mix"), spec)))


def on_values() -> Lines:
    """V of two layers of the bundled sample."""
    ks, layers, methods = (4, 8, 16, 32), (5, 15), (Method.SPLINE, Method.FLOW)
    results = {
        layer: run(sweep(load_values("smollm2-v", layer=layer, head=0), SweepSpec(ks=ks)))
        for layer in layers
    }
    heading = ["k", *(f"layer {layer}, {m.label}" for layer in layers for m in methods)]
    rows = [
        [str(k), *(_kept_change(results[layer], m, k) for layer in layers for m in methods)]
        for k in ks
    ]
    return _table(heading, rows)


def through_the_cache() -> Lines:
    """What the bundled model loses on held-out books, V of every layer and head compressed."""
    result = _quality()
    if not result.is_valid:
        raise SystemExit("the audit failed; no table is written")
    heading = ["k of 64", *(f"{method.label}, ΔNLL" for method in result.spec.methods)]
    heading += [f"{m.label} − PCA" for m in result.spec.methods if m.is_learnt]
    return _table(heading, [_quality_row(result, k) for k in result.spec.ks])


def at_equal_bytes() -> Lines:
    """What pipelines cost the bundled model at equal bits per value, everything counted."""
    result = _frontier()
    if not result.is_valid:
        raise SystemExit("the audit failed; no table is written")
    heading = ["pipeline"]
    for bits in result.spec.bits:
        heading += [f"{bits:g} bits: NMSE", "ΔNLL"]
    rows = []
    for pipeline in result.spec.pipelines:
        cells = [pipeline.label]
        for bits in result.spec.bits:
            cells += _frontier_cells(result.point(pipeline, bits))
        rows.append(cells)
    return _table(heading, rows)


def _frontier() -> FrontierResult:
    language = load_model(BUNDLED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture.safetensors"
        books = bundled_documents(BundledText.CALIBRATION)
        run(capture_vectors(language, books, CaptureSpec(), path))
        heldout = bundled_documents(BundledText.HELDOUT)
        pipelines = (*DEFAULT_PIPELINES, Pipeline.of("joined+entropy-coded"))
        spec = FrontierSpec(pipelines, (2.5, 3.5, 8.0))
        work = model_frontier(language, open_capture(path), heldout, spec)
        return run(work)


def _frontier_cells(point: FrontierPoint | None) -> list[str]:
    if point is None or point.quality is None:
        return ["", ""]
    delta = point.quality.delta_nll
    interval = f"{_signed(delta.value)} [{_signed(delta.low)}, {_signed(delta.high)}]"
    return [f"{point.nmse:#.3g} at {point.bits:.2f}", interval]


def _quality() -> CurveResult:
    language = load_model(BUNDLED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture.safetensors"
        books = bundled_documents(BundledText.CALIBRATION)
        run(capture_vectors(language, books, CaptureSpec(), path))
        spec = CurveSpec(
            ks=(4, 8, 16, 24, 32, 48),
            calibration=CalibrationSpec(recipe=Recipe.ORIGIN),
            evaluation=EvalSpec(tokens=32_768),
        )
        heldout = bundled_documents(BundledText.HELDOUT)
        return run(quality_curve(language, open_capture(path), heldout, spec))


def _quality_row(result: CurveResult, k: int) -> list[str]:
    cells = [str(k)]
    points = [result.point(method, k) for method in result.spec.methods]
    found = [point for point in points if point is not None]
    for point in found:
        delta = point.quality.delta_nll
        cells.append(f"{_signed(delta.value)} [{_signed(delta.low)}, {_signed(delta.high)}]")
    for point in found:
        gap = point.against_pca
        if gap is not None:
            interval = f"{_signed(gap.value)} [{_signed(gap.low)}, {_signed(gap.high)}]"
            cells.append(f"{interval}, a tie" if gap.low <= 0 <= gap.high else interval)
    return cells


def _mse_table(result: SweepResult, digits: int | None = None) -> Lines:
    def number(mse: float) -> str:
        return f"{mse:.{digits}f}" if digits else f"{mse:#.3g}"

    learnt = [method for method in result.methods if method.is_learnt]
    heading = ["k", Method.PCA.label]
    for method in learnt:
        heading += [method.label, "change"]
    rows = []
    for k in result.ks:
        cells = [str(k)]
        for method in (Method.PCA, *learnt):
            row = result.row(method, k)
            assert row is not None
            cells.append(number(row.scores.mse))
            cells += [] if row.change is None else [_change(row.change)]
        rows.append(cells)
    return _table(heading, rows)


def _kept_change(result: SweepResult, method: Method, k: int) -> str:
    row = result.row(method, k)
    assert row is not None
    if row.kept is Method.PCA or row.change is None:
        return "tie (PCA kept)"
    return _change(row.change)


def _change(change: Change) -> str:
    interval = f"{_percent(change.percent)} % [{_percent(change.low)}, {_percent(change.high)}]"
    return f"{interval}, a tie" if change.verdict == "tie" else interval


def _percent(number: float) -> str:
    return f"{number:+.2f}".replace("-", "−")


def _signed(number: float) -> str:
    return f"{number:+#.3g}".replace("-", "−")


def _table(heading: list[str], rows: list[list[str]]) -> Lines:
    lines = [heading, ["---"] * len(heading), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


TABLES: dict[str, Callable[[], Lines]] = {
    "as-published": as_published,
    "learnt-jointly": learnt_jointly,
    "on-values": on_values,
    "through-the-cache": through_the_cache,
    "at-equal-bytes": at_equal_bytes,
}

if __name__ == "__main__":
    main(sys.argv[1:])
