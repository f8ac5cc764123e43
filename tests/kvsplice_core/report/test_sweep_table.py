"""CSV and JSON hold what a sweep found, exactly."""

import csv
import io
import json
import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, SweepSpec, run, sweep
from kvsplice_core.base.errors import DataError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.sweep_table import csv_text, read_csv, write_csv, write_json
from kvsplice_core.tasks.sweep import SweepResult
from tests.factories import make_result
from tests.kvsplice_core.makers import bent_rows, values_of

SUBSETS = [(Method.PCA,), (Method.PCA, Method.FLOW), tuple(Method)]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def with_mse(result, mse):
    """Return `result` with `mse` in its first row."""
    first, *rest = result.rows
    return replace(result, rows=(replace(first, scores=replace(first.scores, mse=mse)), *rest))


@pytest.mark.parametrize("methods", SUBSETS)
def test_k_comes_first_then_the_errors_of_each_method(methods):
    header = csv_text(make_result(methods)).splitlines()[0].split(",")
    expected = ["k", *(f"test_mse_{method.column}" for method in methods)]
    assert header[: len(expected)] == expected
    assert not any(name.startswith("test_mse_") for name in header[len(expected) :])


def test_header_of_a_spline_sweep():
    result = make_result((Method.PCA, Method.SPLINE))
    assert csv_text(result).splitlines()[0] == (
        "k,test_mse_PCA,test_mse_SplinePCA,nmse_PCA,nmse_SplinePCA,pearson_PCA,pearson_SplinePCA,"
        "cosine_PCA,cosine_SplinePCA,compression_ratio,change_percent_SplinePCA,"
        "change_low_SplinePCA,change_high_SplinePCA,verdict_SplinePCA,kept_SplinePCA"
    )


def test_every_cell_is_the_number_itself():
    result = make_result()
    for line in rows_of(csv_text(result)):
        for method in result.methods:
            row = result.row(method, int(line["k"]))
            assert float(line[f"test_mse_{method.column}"]) == row.scores.mse
            assert float(line[f"cosine_{method.column}"]) == row.scores.cosine
            if row.change is not None:
                assert float(line[f"change_high_{method.column}"]) == row.change.high
                assert line[f"verdict_{method.column}"] == row.change.verdict.value
                assert line[f"kept_{method.column}"] == row.kept.key


def test_rows_that_are_missing_leave_blanks(tmp_path):
    result = make_result(ks=(2, 4))
    short = replace(result, rows=result.rows[:-1])
    assert rows_of(csv_text(short))[-1]["test_mse_FlowPCA"] == ""
    write_csv(tmp_path / "short.csv", short)
    flow = read_csv(tmp_path / "short.csv").columns["FlowPCA"]
    assert flow[0] == result.row(Method.FLOW, 2).scores.mse
    assert math.isnan(flow[1])


@pytest.mark.parametrize("methods", SUBSETS)
def test_csv_comes_back_exactly(tmp_path, methods):
    result = make_result(methods)
    write_csv(tmp_path / "results.csv", result)
    table = read_csv(tmp_path / "results.csv")
    assert table.ks == result.ks
    assert table.columns == {
        method.column: tuple(row.scores.mse for row in result.of(method)) for method in methods
    }


@given(st.floats(min_value=0, allow_infinity=False))
def test_any_error_survives_its_text(mse):
    result = with_mse(make_result((Method.PCA,), ks=(4,)), np.float64(mse))
    assert float(rows_of(csv_text(result))[0]["test_mse_PCA"]) == mse


def test_tables_of_a_spreadsheet_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfk,test_mse_PCA\r\n8, 1e-3\r\n")
    table = read_csv(path)
    assert (table.ks, table.columns) == ((8,), {"PCA": (0.001,)})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must have a column k"),
        ("k,test_mse_PCA\n", "and rows"),
        ("k,mse\n1,2\n", "must have a column k"),
        ("test_mse_PCA\n1\n", "must have a column k"),
        ("k,test_mse_PCA\n0,1\n", "whole numbers from 1 in k; got '0'"),
        ("k,test_mse_PCA\n1.5,1\n", "got '1.5'"),
        ("k,test_mse_PCA\n,1\n", "got ''"),
        ("k,test_mse_PCA\n1,much\n", "numbers from 0 in test_mse_…; got 'much'"),
        ("k,test_mse_PCA\n1,-1\n", "got '-1'"),
        ("k,test_mse_PCA\n1,nan\n", "got 'nan'"),
        ("k,test_mse_PCA\n1,inf\n", "got 'inf'"),
        ("k,test_mse_PCA\n1,1_0\n", "got '1_0'"),
        ("k,test_mse_PCA\n1_0,1\n", "got '1_0'"),
        (f"k,test_mse_PCA\n{'9' * 5000},1\n", "whole numbers from 1 in k"),
    ],
)
def test_bad_tables_are_told_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_csv(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff\xfe\x00k")
    for bad in (path, tmp_path, tmp_path / "missing.csv"):
        with pytest.raises(DataError, match="not a readable CSV"):
            read_csv(bad)


def test_json_holds_settings_seed_versions_and_hash(tmp_path):
    result = make_result()
    write_json(tmp_path / "r.json", result)
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    calibration = result.spec.calibration
    assert document["data"]["sha256"] == result.data.sha256
    assert document["versions"] == result.versions
    assert document["spec"]["seed"] == calibration.seed
    assert document["spec"]["knots"] == calibration.resolved_knots
    assert document["spec"]["recipe"] == "joint"
    assert document["pca_test_mse_for_every_k"] == list(result.pca_curve)
    assert [(row["method"], row["k"], row["mse"]) for row in document["rows"]] == [
        (row.method.key, row.k, row.scores.mse) for row in result.rows
    ]
    changes = [row["change_against_pca_percent"] for row in document["rows"]]
    assert [change and change["verdict"] for change in changes] == [
        row.change and row.change.verdict.value for row in result.rows
    ]


def test_json_of_a_real_sweep_holds_every_field_there_is(tmp_path):
    spec = SweepSpec((Method.SPLINE,), (1, 2), CalibrationSpec(epochs=1, device="cpu"))
    result = run(sweep(values_of(bent_rows(80, 4)), spec))
    write_json(tmp_path / "r.json", result)
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert document["data"] == asdict(result.data)
    settings = {field.name for field in fields(CalibrationSpec)} - {"method", "k"}
    assert settings | {"methods", "ks", "earlier_knots"} == set(document["spec"])
    assert document["versions"] == result.versions
    assert {"kvsplice", "python", "torch", "numpy"} <= set(document["versions"])
    rest = {field.name for field in fields(SweepResult)} - {"pca_curve", "variance_kept"}
    assert rest < set(document)
    for line, row in zip(document["rows"], result.rows, strict=True):
        assert asdict(row.scores).items() <= line.items()
        assert line["losses"] == list(row.calibration.losses)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_json_stays_json_where_a_number_is_not_finite(tmp_path, odd):
    write_json(tmp_path / "r.json", with_mse(make_result(), odd))

    def refuse(name):
        raise AssertionError(name)

    document = json.loads((tmp_path / "r.json").read_text("utf-8"), parse_constant=refuse)
    assert document["rows"][0]["mse"] is None
