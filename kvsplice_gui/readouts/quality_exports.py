"""Taking quality away: tables, figures and the card."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.report.commands import as_command
from kvsplice_core.tasks.curve import CurveResult, CurveTask
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import quality_words
from kvsplice_gui.state.findings import Evaluation, Findings
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.jobs import Note

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curve_of(findings: Findings) -> CurveResult:
    """Return the quality curve, or say what is missing."""
    if findings.quality.curve is None:
        raise KVSpliceError("a quality curve is needed; open a capture and measure quality first")
    return findings.quality.curve


def draw_quality(wishes: Wishes, findings: Findings) -> Figure:
    """Draw the quality curve as the window shows it."""
    from kvsplice_core.report.figures.quality import quality_vs_k

    view = wishes.view
    return quality_vs_k(curve_of(findings), measure=view.quality_measure, log=view.log_quality)


def draw_sensitivity(wishes: Wishes, findings: Findings) -> Figure:
    """Draw the sensitivity map of the shown side; its title says whether it is audited."""
    from kvsplice_core.report.figures.quality import sensitivity_map

    found, evaluated = findings.quality.sensitivity, findings.quality.evaluation
    if found is None:
        raise KVSpliceError("a sensitivity map is needed; open a capture and measure one first")
    notice, is_error = quality_words.map_notice(found, evaluated)
    if is_error:
        raise KVSpliceError(f"a sensitivity map needs an audit that passed; {notice}")
    side = found.side_of(wishes.view.sensitivity_side)
    audited = "not audited" if notice else "audited"
    title = f"{side.upper()} of {found.title} · {audited}"
    return sensitivity_map(found.kl[side], title, quality_readouts.shown_cell(findings))


def save_curve(result: CurveResult, path: Path, leaked: Sequence[str] = ()) -> None:
    """Write the points as CSV or, by its suffix, everything as JSON.

    `leaked` names the documents that are not held out; the JSON holds them.

    Raises
    ------
    KVSpliceError
        If a control failed and a CSV is asked for: it has no place to say so.
    """
    if path.suffix != ".json" and not result.is_valid:
        raise KVSpliceError(
            "a quality table needs an audit that passed; a control failed, so save it as JSON"
        )
    from kvsplice_core.base.files import write_text
    from kvsplice_core.report.quality_table import curve_csv, curve_json

    write_text(path, curve_json(result, leaked) if path.suffix == ".json" else curve_csv(result))


def evaluated_card(wishes: Wishes, findings: Findings) -> Evaluation:
    """Return the evaluation of the method in focus at the chosen k, or say what is missing.

    Raises
    ------
    KVSpliceError
        If there is none, or a control of its audit failed: then it is no proof.
    """
    facts = None if findings.dataset is None else findings.dataset.capture
    found = findings.quality.evaluation
    if facts is None or found is None or found.key != quality_readouts.card_key(wishes, facts):
        raise KVSpliceError(
            f"{wishes.method.label} at k = {wishes.k} is not evaluated with these settings; "
            "press Evaluate this k first"
        )
    if not found.result.is_valid:
        raise KVSpliceError(
            "a card is saved with an evaluation that passed its audit; "
            f"{quality_words.audit_verdict(found.result.audit)}"
        )
    return found


def can_save_card(wishes: Wishes, findings: Findings) -> bool:
    """Say whether `evaluated_card` has one."""
    try:
        evaluated_card(wishes, findings)
    except KVSpliceError:
        return False
    return True


def save_card_job(found: Evaluation, path: Path) -> Generator[Note, None, Path]:
    """Save the evaluated card, and its evaluation with it."""
    yield Note("Saving the card…")
    from kvsplice_core.codec.card_file import save_card

    proof = found.result.summary() | {"leaked_documents": list(found.leaked)}
    save_card(replace(found.card, proofs=(proof,)), path)
    return path


def quality_command(wishes: Wishes, findings: Findings) -> str:
    """Return the command line that repeats the last quality curve; empty without one."""
    quality = findings.quality
    if quality.curve is None or quality.curve_wish is None:
        return ""
    wish, spec = quality.curve_wish, quality.curve.spec
    calibration = replace(spec.calibration, device=quality.curve.device)
    task = CurveTask(
        wishes.data.source,
        wish.model or None,
        wish.texts,
        replace(spec, calibration=calibration, first_k=None),
    )
    return as_command(task, "--csv", "quality.csv")
