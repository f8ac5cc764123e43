"""Taking results away: tables, figures, the codec; as jobs, because drawing takes a second."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.codec.shapes import ScatterShape, SplineShape
from kvsplice_core.tasks.sweep import SweepResult, SweepRow
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.readouts import frontier_exports, quality_exports, solve_exports
from kvsplice_gui.readouts import memory as memory_readouts
from kvsplice_gui.readouts.quality_words import map_notice
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import Wishes, memory_spec
from kvsplice_gui.work.jobs import Note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class FigureKind:
    """One figure: the word in file names, its title in menus, and how it is drawn."""

    key: str
    title: str
    draw: Callable[[Wishes, Findings], Figure]


def _result(findings: Findings) -> SweepResult:
    result = findings.shown_result
    if result is None:
        raise KVSpliceError("a result is needed; open vectors and calibrate first")
    return result


def _focus(wishes: Wishes, findings: Findings) -> SweepRow:
    row = readouts.focus_row(wishes, findings)
    if row is None:
        raise KVSpliceError(
            f"a calibrated {wishes.method.label} is needed; choose it and calibrate first"
        )
    return row


def _spline(wishes: Wishes, findings: Findings) -> SplineShape:
    shape = _focus(wishes, findings).shape
    if not isinstance(shape, SplineShape):
        raise KVSpliceError("slopes need a spline; show Spline→PCA where it is kept")
    return shape


def _draw_mse(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    return figures.mse_vs_k(
        _result(findings), log=wishes.view.log_mse, chosen_k=wishes.k, ghost=findings.shown_ghost
    )


def _draw_change(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    del wishes
    return figures.change_vs_pca(_result(findings))


def _draw_memory(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    points = memory_readouts.measured_points(wishes, findings)
    measured = [(p.name, p.tokens.tolist(), p.size.tolist(), p.colour) for p in points]
    return figures.memory_vs_tokens(memory_spec(wishes, wishes.k), measured=measured)


def _draw_splines(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    row = _focus(wishes, findings)
    where, dims = kinds.axes_of(row).where, wishes.view.dims
    if isinstance(row.shape, ScatterShape):
        return figures.transform_scatter(row.shape, dims, where=where)
    return figures.spline_curves(_spline(wishes, findings), dims, where=where)


def _draw_slopes(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    where = kinds.axes_of(_focus(wishes, findings)).where
    return figures.slope_map(_spline(wishes, findings), where=where)


def _draw_loss(wishes: Wishes, findings: Findings) -> Figure:
    from kvsplice_core.report import figures

    losses = {
        method: row.calibration.losses
        for method in _result(findings).methods
        if (row := findings.nearest_row(method, wishes.k)) and row.calibration.losses
    }
    if not losses:
        raise KVSpliceError("a loss curve needs a calibrated method; calibrate first")
    return figures.loss_curve(losses)


FIGURES = (
    FigureKind("mse_vs_k", "MSE against k", _draw_mse),
    FigureKind("change_vs_pca", "Change against PCA", _draw_change),
    FigureKind("memory", "Cache memory", _draw_memory),
    FigureKind("spline_curves", "Spline shapes", _draw_splines),
    FigureKind("slope_map", "Slope map", _draw_slopes),
    FigureKind("loss", "Loss", _draw_loss),
)

QUALITY_FIGURES = (
    FigureKind("quality_vs_k", "Quality against k", quality_exports.draw_quality),
    FigureKind("sensitivity_map", "Sensitivity map", quality_exports.draw_sensitivity),
)

FRONTIER_FIGURES = (FigureKind("frontier", "Frontier", frontier_exports.draw_frontier),)
SOLVE_FIGURES = (FigureKind("given_bits", "Given bits", solve_exports.draw_given),)
ALL_FIGURES = (*FIGURES, *QUALITY_FIGURES, *FRONTIER_FIGURES, *SOLVE_FIGURES)


def figure_kind(key: str) -> FigureKind:
    """Return the figure called `key`."""
    return next(kind for kind in ALL_FIGURES if kind.key == key)


def save_figure_job(
    kind: FigureKind, wishes: Wishes, findings: Findings, path: Path
) -> Generator[Note, None, Path]:
    """Draw a figure and save it as its suffix says."""
    yield Note(f"Drawing {kind.title}…")
    from kvsplice_core.report.figures.saving import save_figure

    save_figure(kind.draw(wishes, findings), path)
    return path


def figure_png_job(
    kind: FigureKind, wishes: Wishes, findings: Findings
) -> Generator[Note, None, bytes]:
    """Draw a figure as PNG for the clipboard."""
    yield Note(f"Drawing {kind.title}…")
    buffer = io.BytesIO()
    kind.draw(wishes, findings).savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def save_table(result: SweepResult, path: Path) -> None:
    """Write the rows as CSV or, by its suffix, everything as JSON."""
    from kvsplice_core.report.sweep_table import write_csv, write_json

    (write_json if path.suffix == ".json" else write_csv)(path, result)


def save_focus_codec(wishes: Wishes, findings: Findings, path: Path) -> SweepRow:
    """Save the codec of the method in focus at the chosen k, or say what is missing."""
    from kvsplice_core.codec.codec_file import save_codec
    from kvsplice_core.fit.calibrate import history_of

    row = findings.row(wishes.method, wishes.k)
    if row is None:
        raise KVSpliceError(
            f"{wishes.method.label} at k = {wishes.k} is not calibrated; calibrate it first"
        )
    dataset = findings.dataset
    history = None if dataset is None else history_of(dataset.values, row.calibration.spec)
    save_codec(row.calibration.codec, path, history)
    return row


def save_everything_job(
    wishes: Wishes, findings: Findings, folder: Path
) -> Generator[Note, None, list[Path]]:
    """Save CSV, JSON, the codec in focus and every figure that can be drawn, into `folder`."""
    yield Note("Writing the tables…")
    result = _result(findings)
    paths = [folder / "results.csv", folder / "results.json"]
    for path in paths:
        save_table(result, path)
    if findings.row(wishes.method, wishes.k) is not None:
        paths.append(folder / f"codec_{wishes.method.key}_k{wishes.k}.safetensors")
        save_focus_codec(wishes, findings, paths[-1])
    if findings.quality.curve is not None:
        names = ("quality.csv", "quality.json") if findings.quality.curve.is_valid else ()
        for name in names or ("quality.json",):
            paths.append(folder / name)
            leaked = findings.quality.curve_leaked
            quality_exports.save_curve(findings.quality.curve, paths[-1], leaked)
    paths += _save_frontier(findings, folder)
    paths += _save_solved(findings, folder)
    for kind in ALL_FIGURES:
        if not can_draw(kind, wishes, findings):
            continue
        for suffix in FIGURE_FORMATS:
            path = folder / f"{kind.key}.{suffix}"
            paths.append((yield from save_figure_job(kind, wishes, findings, path)))
    return paths


def _save_frontier(findings: Findings, folder: Path) -> list[Path]:
    found = findings.frontier
    if found.result is None:
        return []
    names = ("frontier.csv", "frontier.json") if found.result.is_valid else ("frontier.json",)
    for name in names:
        frontier_exports.save_frontier(found.result, folder / name, found.leaked)
    return [folder / name for name in names]


def _save_solved(findings: Findings, folder: Path) -> list[Path]:
    solved = findings.solved
    if solved is None:
        return []
    names = (
        ("given_bits.csv", "given_bits.json") if solved.result.is_valid else ("given_bits.json",)
    )
    for name in names:
        solve_exports.save_solved(solved, folder / name)
    return [folder / name for name in names]


def can_draw(kind: FigureKind, wishes: Wishes, findings: Findings) -> bool:
    """Return whether what the figure shows is there."""
    if kind.draw in {_draw_splines, _draw_slopes}:
        row = readouts.focus_row(wishes, findings)
        shape = None if row is None else row.shape
        drawn = isinstance(shape, SplineShape)
        return drawn or (kind.draw is _draw_splines and isinstance(shape, ScatterShape))
    if kind.draw is quality_exports.draw_quality:
        return findings.quality.curve is not None
    if kind.draw is quality_exports.draw_sensitivity:
        found = findings.quality.sensitivity
        return found is not None and not map_notice(found, findings.quality.evaluation)[1]
    if kind.draw is frontier_exports.draw_frontier:
        return frontier_exports.can_draw_frontier(findings)
    if kind.draw is solve_exports.draw_given:
        return solve_exports.can_draw_given(wishes, findings)
    if kind.draw is _draw_loss:
        return any(row.calibration.losses for row in findings.rows)
    return findings.result is not None
