"""Files of a frontier are written, or say what is missing."""

import json

import pytest

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_gui.readouts import frontier_exports
from kvsplice_gui.readouts.exports import ALL_FIGURES, can_draw, figure_kind
from kvsplice_gui.state.findings import Findings, FrontierFindings
from kvsplice_gui.state.wishes import Wishes
from tests.frontier_samples import PIPELINES, frontier
from tests.quality_samples import FAILED

FOUND = Findings(frontier=FrontierFindings(frontier(), chosen=(PIPELINES[3], 2.5)))


def test_without_a_frontier_it_is_said():
    with pytest.raises(KVSpliceError, match="measure one first"):
        frontier_exports.draw_frontier(Wishes(), Findings())


def test_the_figure_is_one_of_the_windows():
    kind = figure_kind("frontier")
    assert kind in ALL_FIGURES
    assert not can_draw(kind, Wishes(), Findings())
    assert can_draw(kind, Wishes(), FOUND)
    labels = {line.get_label() for line in kind.draw(Wishes(), FOUND).axes[0].get_lines()}
    assert {pipeline.label for pipeline in PIPELINES} <= labels


def test_csv_and_json_by_the_suffix(tmp_path):
    frontier_exports.save_frontier(frontier(), tmp_path / "f.csv")
    frontier_exports.save_frontier(frontier(), tmp_path / "f.json", ("emma",))
    assert (tmp_path / "f.csv").read_text().startswith("pipeline,bits,nmse,")
    assert json.loads((tmp_path / "f.json").read_text())["leaked_documents"] == ["emma"]


def test_a_failed_audit_is_saved_as_json_only(tmp_path):
    failed = frontier(audit=FAILED)
    with pytest.raises(KVSpliceError, match="save it as JSON"):
        frontier_exports.save_frontier(failed, tmp_path / "f.csv")
    frontier_exports.save_frontier(failed, tmp_path / "f.json")
    assert json.loads((tmp_path / "f.json").read_text())["valid"] is False
