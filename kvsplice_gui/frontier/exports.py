"""Taking a frontier away: table, everything known, figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.errors import KVSpliceError
from kvsplice_core.pipelines.results import FrontierResult
from kvsplice_gui.state import Findings, Wishes

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
    from kvsplice_core.figures.frontier import frontier_vs_bits

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
    from kvsplice_core.files import write_text
    from kvsplice_core.pipelines.tables import frontier_csv, frontier_json

    is_json = path.suffix == ".json"
    write_text(path, frontier_json(result, leaked) if is_json else frontier_csv(result))
