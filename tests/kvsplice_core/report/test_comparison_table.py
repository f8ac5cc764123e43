"""The files hold what was measured, and say what was not."""

import csv
import io
import json
from dataclasses import replace

import pytest

from kvsplice_core.base.errors import DataError
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.comparison_table import (
    comparison_csv,
    comparison_json,
    frontier_csv,
    frontier_json,
    read_csv,
    read_json,
)
from kvsplice_core.tasks.budgets import Budgets
from kvsplice_core.tasks.comparison import ComparisonSpec
from tests.factories import make_data
from tests.frontier_samples import PIPELINES, TIE, frontier, point
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


def comparison(*, of_model=False):
    """Return a comparison whose rows hold all that a row may hold, and little."""
    result = frontier(of_model=of_model, data=(make_data(),), leaked=("emma",), documents=3)
    first, *others = result.points
    rich = point(
        "joined", 2.0, asked_k=8, mse=0.1 + 0.2, kept=(Pipeline(), Pipeline.of("joined")),
        surrogate=TIE, reference_bits=1.9, weighted_mse=0.5, output_error=1 / 3,
        quality=others[0].quality, against=others[-1].against,
    )  # fmt: skip
    points = (replace(first, mse=1.5, k=None), *(replace(one, mse=0.2) for one in others), rich)
    spec = ComparisonSpec(PIPELINES, Budgets.of("k=8"), counted_tokens=99)
    return replace(result, spec=spec, points=points)


@pytest.mark.parametrize("of_model", [False, True])
def test_a_csv_gives_its_rows_back(of_model, tmp_path):
    result = comparison(of_model=of_model)
    if not of_model:
        bare = (replace(one, weighted_mse=None, output_error=None) for one in result.points)
        result = replace(result, points=tuple(bare))
    (tmp_path / "c.csv").write_text(comparison_csv(result), "utf-8")
    assert read_csv(tmp_path / "c.csv") == result.points


@pytest.mark.parametrize("of_model", [False, True])
def test_a_json_gives_the_comparison_back(of_model, tmp_path):
    result = comparison(of_model=of_model)
    (tmp_path / "c.json").write_text(comparison_json(result), "utf-8")
    assert read_json(tmp_path / "c.json") == result


def test_what_was_not_measured_comes_back_as_not_measured(tmp_path):
    result = comparison()
    lone = replace(result, points=(point("pca", gap_db=float("nan"), mse=float("nan")),))
    (tmp_path / "c.json").write_text(comparison_json(lone), "utf-8")
    (tmp_path / "c.csv").write_text(comparison_csv(lone), "utf-8")
    for (row,) in (read_json(tmp_path / "c.json").points, read_csv(tmp_path / "c.csv")):
        assert str(row) == str(lone.points[0])


@pytest.mark.parametrize("text", ["", "k,test_mse_pca\n1,2\n", '{"rows": 3}', "[]", '{"spec": {}}'])
def test_what_is_no_comparison_is_refused(text, tmp_path):
    path = tmp_path / "c.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match="is not a comparison"):
        read_json(path)
    if "," in text:
        with pytest.raises(DataError, match="is not a table of a comparison"):
            read_csv(path)


def test_a_frontier_has_the_columns_and_fields_it_always_had():
    csv_names = frontier_csv(frontier(of_model=True)).partition("\n")[0]
    assert csv_names == (
        "pipeline,bits,nmse,dnll,asked_bits,vector_bits,side_bits,k,gap_db,codecs,replaced,"
        "reference,recipe,change,change_low,change_high,surrogate,surrogate_low,surrogate_high,"
        "verdict,dnll_low,dnll_high,kl,kl_low,kl_high,perplexity,perplexity_low,perplexity_high,"
        "top1,top1_low,top1_high,weighted_mse,output_error,dnll_against,dnll_against_low,"
        "dnll_against_high,kl_against,kl_against_low,kl_against_high,model_verdict"
    )
    (first, *_) = json.loads(frontier_json(frontier()))["points"]
    assert list(first) == [
        "pipeline", "asked_bits", "vector_bits", "side_bits", "k", "nmse", "gap_db", "codecs",
        "replaced", "reference", "change", "surrogate", "quality", "against", "weighted_mse",
        "output_error", "reference_bits", "label", "bits", "verdict", "model_verdict", "sentence",
    ]  # fmt: skip
