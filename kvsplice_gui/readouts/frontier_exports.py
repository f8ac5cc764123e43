"""Taking a frontier away: table, everything known, figure, and what repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.data.source import VectorSource, source_of
from kvsplice_core.report.commands import as_command, as_python
from kvsplice_core.tasks.frontier import FrontierResult, FrontierSpec, FrontierTask
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import Wishes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def frontier_of(findings: Findings) -> FrontierResult:
    """Return the frontier, or say what is missing."""
    result = findings.frontier.result
    if result is None:
        raise KVSpliceError("a frontier is needed; open vectors and measure one first")
    return result


def draw_frontier(wishes: Wishes, findings: Findings) -> Figure:
    """Draw the frontier as the window shows it."""
    from kvsplice_core.report.figures.frontier import frontier_vs_bits

    result = frontier_of(findings)
    measure = wishes.frontier.measure if result.of_model else "nmse"
    chosen = findings.frontier.chosen
    point = None if chosen is None else result.point(*chosen)
    return frontier_vs_bits(result, measure, log=wishes.frontier.log, chosen=point)


def can_draw_frontier(findings: Findings) -> bool:
    """Say whether there is a finished frontier."""
    return findings.frontier.result is not None


def save_frontier(result: FrontierResult, path: Path, leaked: Sequence[str] = ()) -> None:
    """Write the points as CSV or, by its suffix, everything as JSON.

    `leaked` names the documents that are not held out; the JSON holds them.

    Raises
    ------
    KVSpliceError
        If a control failed and a CSV is asked for: it has no place to say so.
    """
    if path.suffix != ".json" and not result.is_valid:
        raise KVSpliceError(
            "a frontier's table needs an audit that passed; a control failed, so save it as JSON"
        )
    from kvsplice_core.base.files import write_text
    from kvsplice_core.report.comparison_table import frontier_csv, frontier_json

    is_json = path.suffix == ".json"
    write_text(path, frontier_json(result, leaked) if is_json else frontier_csv(result))


def frontier_command(findings: Findings) -> str:
    """Return the command line that repeats the last frontier; empty without one."""
    task = _task(findings)
    return "" if task is None else as_command(task, "--csv", "frontier.csv")


def frontier_python(findings: Findings) -> str:
    """Return the Python that repeats the last frontier; empty without one."""
    task = _task(findings)
    return "" if task is None else as_python(task)


def _task(findings: Findings) -> FrontierTask | None:
    found, facts = findings.frontier, frontier_readouts.facts_of(findings)
    if found.result is None or found.key is None:
        return None
    quality, data, spec = found.key.quality, found.key.data, found.result.spec
    assert isinstance(spec, FrontierSpec)
    if quality is None or facts is None:
        return FrontierTask(source_of(found.result.data[0]), spec=spec)
    return FrontierTask(
        VectorSource(data.source, budget=data.budget),
        side=frontier_readouts.side_of(quality, facts),
        model=quality.model_of(facts),
        texts=quality.texts,
        spec=spec,
        evaluation=quality.evaluation,
    )
