"""What the window says of its state: pure functions from wishes and findings to shown values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base import formats
from kvsplice_core.base.devices import default_threads
from kvsplice_core.base.formats import format_bytes
from kvsplice_core.cache.formula import CacheBytes, bytes_curve, weigh
from kvsplice_core.cache.references import reference_lines
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.shapes import Shape
from kvsplice_core.data.names import kind_of
from kvsplice_core.report import commands
from kvsplice_core.report.memory_words import formula
from kvsplice_core.report.palette import GREY, ORANGE, PURPLE, SKY, style_of
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_core.tasks.sweep import SweepResult, SweepRow
from kvsplice_gui.readouts.stages import Stage, Stages, point_stages
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import Wishes, memory_spec

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
Changes = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
NOTHING = "—"
_ROUNDING = 1e-9
_CURVE_POINTS = 64
_REFERENCE_COLOURS = (GREY, SKY, PURPLE, ORANGE)


def curves(rows: tuple[SweepRow, ...]) -> dict[Method, Curve]:
    """Return (ks, test MSE) of each method, k ascending."""
    return {
        method: (_ks(own), without_rounding(tuple(row.scores.mse for row in own)))
        for method, own in _by_method(rows).items()
    }


def changes(rows: tuple[SweepRow, ...]) -> dict[Method, Changes]:
    """Return (ks, change, low, high) in per cent of each learnt method, k ascending."""
    found = {}
    for method, own in _by_method(rows).items():
        numbers = [(r.change.percent, r.change.low, r.change.high) for r in own if r.change]
        if numbers:
            percent, low, high = np.array(numbers).T
            found[method] = (_ks(own), percent, low, high)
    return found


def losses(wishes: Wishes, findings: Findings) -> dict[Method, tuple[int, tuple[float, ...]]]:
    """Return (k, mean training MSE of each epoch) of each learnt method, nearest the chosen k."""
    nearest = (findings.nearest_row(method, wishes.k) for method in Method)
    rows = [row for row in nearest if row is not None and row.calibration.losses]
    return {row.method: (row.k, row.calibration.losses) for row in rows}


def focus_row(wishes: Wishes, findings: Findings) -> SweepRow | None:
    """Return the row whose transform is drawn: of the method in focus, nearest to the chosen k."""
    return findings.nearest_row(wishes.method, wishes.k)


def drawn_shape(row: SweepRow | None, findings: Findings) -> Shape | None:
    """Return the transform to draw; straight lines where PCA was kept in place of a method."""
    if row is None or findings.dataset is None:
        return None
    if row.method.is_learnt and row.kept is Method.PCA and row.shape is None:
        return findings.dataset.density.identity
    return row.shape


def edited_shape(wishes: Wishes, findings: Findings) -> Shape | None:
    """Return the curves in the hand, or as a hand left them; None where others are drawn."""
    knots = findings.knots
    if wishes.method is not Method.SPLINE or findings.starting_over or knots.present is None:
        return None
    return knots.present.shape if knots.is_open or knots.is_edited else None


def is_edited(wishes: Wishes, findings: Findings) -> bool:
    """Return whether a hand made what is in focus."""
    return wishes.method is Method.SPLINE and bool(findings.edited_rows)


def why_no_curves(wishes: Wishes) -> str:
    """Return why there is no transform to draw."""
    if wishes.method is Method.PCA:
        return "PCA has no transform. Show Spline→PCA or Flow→PCA to see curves."
    sentence = f"Calibrate {wishes.method.label} to see how it bends each dimension"
    by_hand = ", or press Edit knots to bend straight lines by hand"
    return f"{sentence}{'' if kinds.why_no_hand(wishes, None) else by_hand}."


def stages(wishes: Wishes, findings: Findings) -> Stages:
    """Return what the pipeline strip says, of a frontier's chosen point where there is one."""
    point, shown = findings.frontier.point, findings.frontier.shown
    if point is not None and shown is not None:
        return point_stages(_values_stage(findings), point, shown)
    spec = memory_spec(wishes, wishes.k)
    weight = weigh(spec)
    return Stages(
        values=_values_stage(findings),
        transform=_transform_stage(wishes, findings),
        pca=_pca_stage(wishes, findings),
        cache=_cache_stage(spec, weight, capped=wishes.k > spec.shape.head_dim),
        decoder=Stage(
            "decoder",
            _decoder(wishes, findings),
            "How k numbers become a vector again, before the inverse.",
        ),
        restored=_restored_stage(wishes, findings),
    )


def _values_stage(findings: Findings) -> Stage:
    if findings.dataset is None:
        return Stage("V", "no data", "Open a file or a sample.")
    summary = findings.dataset.values.summary
    number = f"{formats.count(summary.vectors)} × {summary.dim}"
    return Stage(_side(findings), number, f"{summary.title}: vectors × dimensions.")


def _side(findings: Findings) -> str:
    """Return which vectors are compressed, for the ends of the strip."""
    tensor = "" if findings.dataset is None else findings.dataset.values.summary.tensor
    return "K" if kind_of(tensor) == "k" else "V"


def _transform_stage(wishes: Wishes, findings: Findings) -> Stage:
    help_text = "Mean departure of the transform from a straight line; 0 % is the identity."
    if wishes.method is Method.PCA:
        return Stage("no transform", "identity", help_text)
    name = kinds.name(wishes.calibration)
    row = focus_row(wishes, findings)
    if row is None:
        return Stage(name, "not calibrated", help_text)
    if row.calibration.edited:
        name = f"spline {row.calibration.spec.resolved_knots} knots, edited by hand"
        return Stage(name, f"bend {formats.three_digits(100 * row.bend)} %", help_text)
    other = kinds.changed(row, wishes)
    if other:
        return Stage(name, "calibrate again", f"What was calibrated is of another kind: {other}.")
    learnt = kinds.otherwise(wishes.calibration, row.calibration.spec)
    if learnt:
        help_text += f" It was calibrated with other {', '.join(learnt)}."
    if row.kept is not row.method and row.calibration.codec.method is Method.PCA:
        return Stage(name, "kept: pca", "It did not beat PCA on the validation part.")
    return Stage(name, f"bend {formats.three_digits(100 * row.bend)} %", help_text)


def _pca_stage(wishes: Wishes, findings: Findings) -> Stage:
    name = f"PCA k = {wishes.k}"
    help_text = "Share of the training variance in the first k axes of plain PCA."
    kept = () if findings.result is None else findings.result.variance_kept
    if not 1 <= wishes.k <= len(kept):
        return Stage(name, NOTHING, help_text)
    return Stage(name, f"{100 * kept[wishes.k - 1]:.1f} % variance", help_text)


def _cache_stage(spec: MemorySpec, weight: CacheBytes, *, capped: bool) -> Stage:
    number = f"{format_bytes(weight.total)} of {format_bytes(weight.dense_total)}"
    if capped:
        number += f" at k {spec.k}"
    help_text = f"{spec.shape.name}, {formats.count(spec.tokens)} tokens, side information counted."
    if capped:
        help_text += f" Its vectors have {spec.shape.head_dim} numbers: k is held at that."
    return Stage("cache", number, help_text)


def _decoder(wishes: Wishes, findings: Findings) -> str:
    row = findings.row(wishes.method, wishes.k)
    if row is not None and row.calibration.edited and not row.calibration.losses:
        return "PCAᵀ, refitted"
    is_pca = wishes.method is Method.PCA or wishes.calibration.recipe is Recipe.ORIGIN
    return "PCAᵀ" if is_pca else "linear, learnt"


def _restored_stage(wishes: Wishes, findings: Findings) -> Stage:
    help_text = "Test MSE of the method in focus at k, and its change against PCA."
    row = findings.row(wishes.method, wishes.k)
    name = f"{_side(findings)}\N{COMBINING CIRCUMFLEX ACCENT}"
    if row is None:
        return Stage(name, _pca_only(wishes, findings), help_text)
    number = f"MSE {formats.three_digits(row.scores.mse)}"
    if row.change is not None:
        word = "tie" if row.change.verdict == "tie" else formats.percent(row.change.percent)
        number += f" · {word}"
    return Stage(name, number, help_text)


def _pca_only(wishes: Wishes, findings: Findings) -> str:
    curve = () if findings.result is None else findings.result.pca_curve
    if not 1 <= wishes.k <= len(curve):
        return NOTHING
    mse = formats.three_digits(curve[wishes.k - 1])
    return f"MSE {mse}" if wishes.method is Method.PCA else f"PCA: MSE {mse}"


def verdict(wishes: Wishes, findings: Findings) -> str:
    """Return one sentence on the method in focus at the chosen k; a tie is called a tie."""
    row = findings.row(wishes.method, wishes.k)
    if row is None or row.change is None:
        return ""
    change = row.change
    interval = f"[{formats.percent(change.low)}, {formats.percent(change.high)}]"
    words = {"gain": "beats PCA", "tie": "ties with PCA", "loss": "is worse than PCA"}
    said = words[change.verdict.value]
    size = formats.percent(change.percent)
    by_hand = _made_by_hand(row)
    return f"{row.method.label}{by_hand} {said} at k = {row.k}: {size} MSE {interval}"


def _made_by_hand(row: SweepRow) -> str:
    if not row.calibration.edited:
        return ""
    return (
        ", knots set by hand and learnt on," if row.calibration.losses else ", knots set by hand,"
    )


def _by_method(rows: tuple[SweepRow, ...]) -> dict[Method, list[SweepRow]]:
    ordered = sorted(rows, key=lambda row: row.k)
    present = (method for method in Method if any(row.method is method for row in ordered))
    return {method: [row for row in ordered if row.method is method] for method in present}


def _ks(rows: list[SweepRow]) -> NDArray[np.int64]:
    return np.array([row.k for row in rows])


def learnt_curves(rows: tuple[SweepRow, ...]) -> dict[Method, Curve]:
    """Return the curves of the learnt methods only: PCA's is the same in every run."""
    return curves(tuple(row for row in rows if row.method.is_learnt))


def without_rounding(errors: tuple[float, ...]) -> NDArray[np.float64]:
    """Return errors as an array; what is only rounding, at k = d, is zero and not a decade."""
    numbers = np.array(errors, dtype=np.float64)
    return np.where(numbers < _ROUNDING * numbers.max(initial=0.0), 0.0, numbers)


def engine(result: SweepResult) -> str:
    """Return where the result was computed and with what."""
    torch, threads = result.versions.get("torch", ""), default_threads()
    plural = "" if threads == 1 else "s"
    return f"{result.device} · torch {torch} · {threads} thread{plural}"


def as_command(findings: Findings) -> str:
    """Return the command line that reproduces the last result; empty without one."""
    result = findings.result
    if result is None:
        return ""
    return _without_hand(findings) + commands.as_command(result.task, "--csv", "results.csv")


def as_python(findings: Findings) -> str:
    """Return the Python that reproduces the last result; empty without one."""
    result = findings.result
    if result is None:
        return ""
    return _without_hand(findings) + commands.as_python(result.task)


def _without_hand(findings: Findings) -> str:
    """Return a comment where a hand made what no command repeats; empty otherwise."""
    if not findings.edited_rows:
        return ""
    return (
        "# This repeats what the knots were edited from. What a hand made of Spline→PCA cannot be\n"
        "# repeated: take its codec away with File → Export → Codec in focus.\n"
    )


@dataclass(frozen=True)
class MemoryView:
    """What the memory plot shows.

    Parameters
    ----------
    lines : tuple of (name, tokens, bytes, colour, dashed)
        Bytes against tokens.
    marker : int
        The chosen number of tokens.
    formula : str
        The formula with the numbers in it.
    break_even : int or None
        Tokens from which on the codec pays; None if it never does.
    """

    lines: tuple[tuple[str, NDArray[np.float64], NDArray[np.float64], str, bool], ...]
    marker: int
    formula: str
    break_even: int | None


def memory_view(wishes: Wishes) -> MemoryView:
    """Return what the memory plot shows: the chosen codec among the reference lines."""
    spec = memory_spec(wishes, wishes.k)
    references = reference_lines(spec)
    # The chosen length and every budget are points of their own: a line read there is exact.
    exact = [spec.tokens, *(line.most_tokens or 1 for line in references)]
    grid = np.geomspace(1, max(131_072, 8 * spec.tokens), _CURVE_POINTS)
    tokens = np.union1d(grid, np.array(exact, dtype=np.float64))
    style = style_of(wishes.method)
    name = f"{wishes.method.label} k = {spec.k}"
    lines = [(name, tokens, bytes_curve(spec, tokens), style.colour, False)]
    for line, colour in zip(references, _REFERENCE_COLOURS, strict=True):
        lines.append((line.name, tokens, line.bytes_at(tokens), colour, True))
    even = weigh(spec).break_even_tokens
    return MemoryView(tuple(lines), spec.tokens, formula(spec), even)
