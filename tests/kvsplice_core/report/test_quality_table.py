"""Files hold what was measured, and say whether it is valid."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Method
from kvsplice_core.proof.curve import quality_curve
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.sensitivity import sensitivity
from kvsplice_core.report.quality_table import curve_csv, curve_json, eval_json
from kvsplice_core.tasks.curve import CurveSpec
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.language_models import pca_card, some_documents, tiny_gpt2

SMALL = EvalSpec(tokens=200, tensor_tokens=100, continuation_tokens=3)


@pytest.fixture(scope="module")
def evaluation():
    language = tiny_gpt2()
    return run(evaluate(language, pca_card(language, 8), some_documents(2), SMALL))


@pytest.fixture(scope="module")
def curve(captures):
    spec = CurveSpec(
        methods=(Method.SPLINE,),
        ks=(4, 8),
        calibration=CalibrationSpec(epochs=1, device="cpu"),
        evaluation=SMALL,
    )
    language = tiny_gpt2()
    return run(quality_curve(language, captures[language.name], some_documents(2), spec))


def spoilt(result):
    failed = replace(result.audit[0], passed=False)
    return replace(result, audit=(failed, *result.audit[1:]))


def test_an_evaluation_comes_back_from_json(evaluation):
    found = json.loads(eval_json(evaluation))
    assert found["valid"] is True
    assert found["quality"]["kl"]["value"] == evaluation.quality.kl.value
    assert [one["name"] for one in found["documents"]] == ["document-0", "document-1"]
    assert len(found["heads"]) == 8
    assert {one["key"] for one in found["audit"]} == {one.key for one in evaluation.audit}
    assert found["spec"]["tokens"] == 200
    assert "sensitivity" not in found


def test_sensitivity_goes_with_it(evaluation):
    language = tiny_gpt2()
    found = run(sensitivity(language, pca_card(language, 8), some_documents(1), SMALL))
    written = json.loads(eval_json(evaluation, found))["sensitivity"]
    assert written["kl"] == {"v": found.kl["v"].tolist()}


def test_documents_that_are_not_held_out_are_named(evaluation, curve):
    for written in (eval_json(evaluation, None, ["emma"]), curve_json(curve, ["emma"])):
        assert json.loads(written)["leaked_documents"] == ["emma"]
    assert json.loads(eval_json(evaluation))["leaked_documents"] == []


def test_a_failed_control_is_written_as_not_valid(evaluation, curve):
    assert json.loads(eval_json(spoilt(evaluation)))["valid"] is False
    assert json.loads(curve_json(spoilt(curve)))["valid"] is False


def test_numbers_json_cannot_hold_become_null(evaluation):
    quality = replace(
        evaluation.quality, perplexity=replace(evaluation.quality.perplexity, high=math.inf)
    )
    found = json.loads(eval_json(replace(evaluation, quality=quality)))
    assert found["quality"]["perplexity"]["high"] is None


def test_the_csv_has_a_row_for_each_point(curve):
    rows = list(csv.DictReader(io.StringIO(curve_csv(curve))))
    assert [(row["k"], row["method"]) for row in rows] == [
        (str(k), method) for k in (4, 8) for method in ("pca", "spline")
    ]
    for row, point in zip(rows, curve.points, strict=True):
        assert float(row["delta_nll"]) == point.quality.delta_nll.value
        assert float(row["kl_low"]) <= float(row["kl"]) <= float(row["kl_high"])
        assert float(row["output_error"]) == point.output_error
        assert (row["against_pca"] == "") == (point.method is Method.PCA)
        assert int(row["errors_disagree"]) == (point.k in curve.disagreements())


def test_every_column_is_documented(curve):
    header = curve_csv(curve).splitlines()[0].split(",")
    for name in header:
        plain = name.removesuffix("_low").removesuffix("_high")
        assert f"``{plain}``" in curve_csv.__doc__


def test_the_curve_comes_back_from_json(curve):
    found = json.loads(curve_json(curve))
    assert found["spec"]["methods"] == ["pca", "spline"]
    assert found["spec"]["calibration"]["epochs"] == 1
    assert [p["method"] for p in found["points"]] == ["pca", "spline"] * 2
    assert found["points"][0]["against_pca"] is None
    assert found["ks_where_errors_disagree"] == list(curve.disagreements())


def test_the_summary_names_its_text(evaluation):
    summary = evaluation.summary()
    assert summary["text_sha256"] == evaluation.text_sha256
    assert summary["valid"] is True
    assert json.loads(json.dumps(summary)) == summary
