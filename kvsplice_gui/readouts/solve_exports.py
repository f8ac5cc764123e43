"""Taking a solved budget away: the card, tables, the figure, and what repeats it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.data.source import VectorSource
from kvsplice_core.report.commands import as_command, as_python
from kvsplice_core.tasks.solve import SolveSpec, SolveTask
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.readouts.quality_words import audit_verdict
from kvsplice_gui.state.findings import Findings, Solved
from kvsplice_gui.state.wishes import Wishes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def solved_card(findings: Findings) -> Solved:
    """Return the solved budget whose card can be saved, or say what is missing.

    Raises
    ------
    KVSpliceError
        If there is none, or a control of its audit failed.
    """
    solved = findings.solved
    if solved is None:
        raise KVSpliceError("a solved budget is needed; press Solve for the budget first")
    if not solved.result.is_valid:
        raise KVSpliceError(
            "a card is saved with an evaluation that passed its audit; "
            f"{audit_verdict(solved.result.evaluation.audit)}"
        )
    return solved


def can_save_card(findings: Findings) -> bool:
    """Say whether `solved_card` has one."""
    return findings.solved is not None and findings.solved.result.is_valid


def save_solved(solved: Solved, path: Path) -> None:
    """Write what every codec was given as CSV or, by its suffix, everything as JSON.

    Raises
    ------
    KVSpliceError
        If a control failed and a CSV is asked for: it has no place to say so.
    """
    result = solved.result
    if path.suffix != ".json" and not result.is_valid:
        raise KVSpliceError(
            "a table of given bits needs an audit that passed; a control failed, so save it as JSON"
        )
    from kvsplice_core.base.files import write_text
    from kvsplice_core.report.solve_table import solve_csv, solve_json

    is_json = path.suffix == ".json"
    write_text(path, solve_json(result, solved.leaked) if is_json else solve_csv(result))


def file_name(spec: SolveSpec) -> str:
    """Return what was solved for as a part of a file's name."""
    key = spec.pipeline.key.replace(":", "-")
    if spec.max_dnll is not None:
        return f"{key}_dnll{spec.max_dnll:g}"
    own = "" if spec.key_bits is None else f"_k{spec.key_bits:g}"
    return f"{key}_{spec.bits:g}{own}bits"


def draw_given(wishes: Wishes, findings: Findings) -> Figure:
    """Draw the map of given bits as the window shows it."""
    from kvsplice_core.report.figures.quality import given_bits

    view = solve_readouts.given_view(wishes, findings)
    if view.cells is None:
        raise KVSpliceError("a map of given bits needs a solved budget that passed its audit")
    title = f"{view.title} · {view.heading}"
    return given_bits(view.cells, title, quality_readouts.shown_cell(findings))


def can_draw_given(wishes: Wishes, findings: Findings) -> bool:
    """Say whether there is a map of given bits to draw."""
    return solve_readouts.given_view(wishes, findings).cells is not None


def solve_command(findings: Findings) -> str:
    """Return the command line that repeats what was solved last; empty without it."""
    task = _task(findings)
    outs = ("--out", "card.safetensors", "--csv", "given_bits.csv")
    return "" if task is None else as_command(task, *outs)


def solve_python(findings: Findings) -> str:
    """Return the Python that repeats what was solved last; empty without it."""
    task = _task(findings)
    return "" if task is None else as_python(task)


def _task(findings: Findings) -> SolveTask | None:
    if findings.solved is None:
        return None
    key = findings.solved.key
    return SolveTask(VectorSource(key.capture), key.spec, model=key.model, texts=key.texts)
