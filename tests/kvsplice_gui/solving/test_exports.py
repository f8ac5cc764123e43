"""Files of a solved budget are written, or say what is missing."""

import json

import pytest

from kvsplice_core.errors import KVSpliceError
from kvsplice_gui.exports import can_draw, figure_kind, figure_png_job
from kvsplice_gui.solving import exports as solve_exports
from kvsplice_gui.solving.state import Solved, SolveKey
from kvsplice_gui.state import Findings, Wishes
from tests import quality_samples, solve_samples


def solved(**fields):
    result = solve_samples.result(**fields)
    return Solved(result, None, SolveKey("c", "gpt2-mini", (), result.spec), ("emma",))


def test_without_a_solved_budget_it_is_said():
    with pytest.raises(KVSpliceError, match="Solve for the budget first"):
        solve_exports.solved_card(Findings())
    assert not solve_exports.can_save_card(Findings())


def test_csv_and_json_by_the_suffix(tmp_path):
    for name in ("g.csv", "g.json"):
        solve_exports.save_solved(solved(), tmp_path / name)
    assert (tmp_path / "g.csv").read_text().startswith("side,layer,heads,asked_bits,bits,k,")
    assert json.loads((tmp_path / "g.json").read_text())["leaked_documents"] == ["emma"]


def test_a_failed_audit_is_no_card_no_table_and_no_figure(tmp_path):
    failed = solved(audit=quality_samples.FAILED)
    with pytest.raises(KVSpliceError, match="save it as JSON"):
        solve_exports.save_solved(failed, tmp_path / "g.csv")
    solve_exports.save_solved(failed, tmp_path / "g.json")
    assert json.loads((tmp_path / "g.json").read_text())["valid"] is False
    with pytest.raises(KVSpliceError, match="passed its audit"):
        solve_exports.solved_card(Findings(solved=failed))
    assert not can_draw(figure_kind("given_bits"), Wishes(), Findings(solved=failed))


def test_the_figure_is_one_of_the_windows():
    kind, findings = figure_kind("given_bits"), Findings(solved=solved())
    assert can_draw(kind, Wishes(), findings)
    steps = figure_png_job(kind, Wishes(), findings)
    next(steps)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.startswith(b"\x89PNG")
    with pytest.raises(KVSpliceError, match="solved budget"):
        kind.draw(Wishes(), Findings())
