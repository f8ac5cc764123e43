"""Files of a solved budget are written, or say what is missing."""

import csv
import json
from dataclasses import replace

import pytest

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.tasks.solve import SolveSpec
from kvsplice_gui.readouts import solve_exports
from kvsplice_gui.readouts.exports import can_draw, figure_kind, figure_png_job
from kvsplice_gui.state.findings import Findings, Solved, SolveKey
from kvsplice_gui.state.wishes import Wishes
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


@pytest.mark.parametrize(
    ("spec", "columns", "name"),
    [
        (SolveSpec(bits=2.5), ["2.5", ""], "joined+lloyd-max_2.5bits"),
        (SolveSpec(max_dnll=0.05), ["", "0.05"], "joined+lloyd-max_dnll0.05"),
        (
            SolveSpec(pipeline=Pipeline.of("blocks:2"), bits=2, key_bits=4, sides=Sides.BOTH),
            ["2", ""],
            "blocks-2_2_k4bits",
        ),
    ],
)
def test_what_was_asked_for_stands_in_the_table_the_json_and_the_name(
    tmp_path, spec, columns, name
):
    budgets = tuple(bits or 1.5 for _, bits in spec.pools)
    trial = replace(solve_samples.result().solved, budgets=budgets)
    result = solve_samples.result(spec, solved=trial)
    found = Solved(result, None, SolveKey("c", "gpt2-mini", (), spec))
    for suffix in ("csv", "json"):
        solve_exports.save_solved(found, tmp_path / f"g.{suffix}")
    rows = list(csv.DictReader((tmp_path / "g.csv").read_text("utf-8").splitlines()))
    assert [rows[0]["budget_bits"], rows[0]["max_dnll"]] == columns
    assert rows[-1]["budget_bits"] == (f"{spec.key_bits}" if spec.key_bits else columns[0])
    asked = json.loads((tmp_path / "g.json").read_text())["spec"]
    assert [asked[key] for key in ("bits", "key_bits", "max_dnll")] == [
        spec.bits, spec.key_bits, spec.max_dnll,
    ]  # fmt: skip
    assert solve_exports.file_name(spec) == name


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
