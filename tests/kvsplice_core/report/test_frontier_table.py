"""The files hold what was measured, and say what was not."""

import csv
import io
import json
from dataclasses import replace

import pytest

from kvsplice_core.report.frontier_table import frontier_csv, frontier_json
from tests.frontier_samples import frontier, point
from tests.quality_samples import FAILED


def rows(result):
    return list(csv.DictReader(io.StringIO(frontier_csv(result))))


@pytest.mark.parametrize("of_model", [False, True])
def test_the_first_columns_are_those_a_reader_looks_for(of_model):
    names = frontier_csv(frontier(of_model=of_model)).partition("\n")[0].split(",")
    first = ["pipeline", "bits", "nmse"] + ["dnll"] * of_model
    assert names[: len(first)] == first
    assert len(set(names)) == len(names)
    assert ("dnll" in names) == of_model


def test_every_point_has_its_row_with_its_numbers():
    result = frontier(of_model=True)
    for point_, row in zip(result.points, rows(result), strict=True):
        assert row["pipeline"] == point_.pipeline.key
        assert float(row["bits"]) == point_.bits
        assert float(row["nmse"]) == point_.nmse
        assert float(row["dnll"]) == point_.quality.delta_nll.value
        assert float(row["dnll_low"]) <= float(row["dnll"]) <= float(row["dnll_high"])
        assert (row["change"] == "") == (point_.change is None)
        assert (row["verdict"] == "gain") == (point_.change is not None)


def test_json_holds_bound_sentences_and_what_was_left_out():
    result = frontier()
    read = json.loads(frontier_json(result, ("emma",)))
    assert read["valid"] is True
    assert read["leaked_documents"] == ["emma"]
    assert [(b["bits"], b["nmse"]) for b in read["bound"]] == list(result.bound)
    assert read["left_out"] == list(result.left_out)
    assert len(read["points"]) == len(result.points)
    assert all(one["sentence"].endswith(".") for one in read["points"])
    assert read["spec"]["calibration"]["recipe"] == "origin"


def test_a_failed_control_and_an_infinite_gap_are_told():
    result = frontier(audit=FAILED, points=(point("pca", gap_db=float("inf")),))
    read = json.loads(frontier_json(result))
    assert read["valid"] is False
    assert read["points"][0]["gap_db"] is None
    assert json.loads(frontier_json(replace(result, audit=())))["valid"] is True
