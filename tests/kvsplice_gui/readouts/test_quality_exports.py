"""Quality as files, and what is missing where it cannot be written."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.base.progress import run
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import quality_exports as exports
from kvsplice_gui.readouts.exports import QUALITY_FIGURES, can_draw, figure_png_job
from kvsplice_gui.state.findings import Evaluation, Findings, QualityFindings, SensitivityMap
from kvsplice_gui.state.wishes import DataWish, QualityWish, Wishes
from tests import quality_samples as samples
from tests.quality_samples import FACTS

WISHES = Wishes(data=DataWish("v.safetensors"))
KEY = quality_readouts.card_key(WISHES, FACTS)


@pytest.fixture
def findings():
    summary = SimpleNamespace(layer=1, head=2)
    dataset = SimpleNamespace(capture=FACTS, values=SimpleNamespace(summary=summary))
    wish = QualityWish(texts=("a.txt",))
    quality = QualityFindings(
        curve=samples.curve(),
        curve_wish=wish,
        evaluation=Evaluation(samples.evaluation(), None, KEY, wish),
        sensitivity=SensitivityMap(samples.sensitivity().kl, KEY, wish, samples.sensitivity()),
    )
    return Findings(dataset=dataset, quality=quality)


@pytest.mark.parametrize("kind", QUALITY_FIGURES, ids=lambda kind: kind.key)
def test_figures_are_drawn_where_there_is_something(kind, findings):
    assert can_draw(kind, WISHES, findings)
    assert run(figure_png_job(kind, WISHES, findings)).startswith(b"\x89PNG")
    assert not can_draw(kind, WISHES, Findings())
    with pytest.raises(KVSpliceError, match="needed"):
        kind.draw(WISHES, Findings())


def test_the_curve_is_written_as_csv_and_json(tmp_path, findings):
    curve = findings.quality.curve
    exports.save_curve(curve, tmp_path / "q.csv")
    exports.save_curve(curve, tmp_path / "q.json")
    assert len((tmp_path / "q.csv").read_text().splitlines()) == 1 + len(curve.points)
    assert json.loads((tmp_path / "q.json").read_text())["valid"] is True


def test_an_invalid_curve_is_never_a_table(tmp_path):
    curve = samples.curve(samples.FAILED)
    with pytest.raises(KVSpliceError, match="audit"):
        exports.save_curve(curve, tmp_path / "q.csv")
    assert list(tmp_path.iterdir()) == []
    exports.save_curve(curve, tmp_path / "q.json")
    assert json.loads((tmp_path / "q.json").read_text())["valid"] is False


def test_only_the_evaluated_card_is_saved(findings):
    assert exports.evaluated_card(WISHES, findings) is findings.quality.evaluation
    with pytest.raises(KVSpliceError, match="press Evaluate this k first"):
        exports.evaluated_card(WISHES.but(k=8), findings)


def test_a_card_whose_audit_failed_is_not_saved_and_its_map_not_drawn(findings):
    failed = replace(findings.quality.evaluation, result=samples.evaluation(samples.FAILED))
    findings = replace(findings, quality=replace(findings.quality, evaluation=failed))
    with pytest.raises(KVSpliceError, match="audit failed: the cache is read"):
        exports.evaluated_card(WISHES, findings)
    with pytest.raises(KVSpliceError, match="an audit that passed"):
        exports.draw_sensitivity(WISHES, findings)
    assert not can_draw(QUALITY_FIGURES[1], WISHES, findings)


def test_the_map_says_whether_it_is_audited(findings):
    def text(findings):
        figure = exports.draw_sensitivity(WISHES, findings)
        return " ".join(one.get_text() for one in figure.findobj(lambda a: hasattr(a, "get_text")))

    assert "V of Spline→PCA k = 16, V · audited" in text(findings)
    alone = replace(findings, quality=replace(findings.quality, evaluation=None))
    assert "· not audited" in text(alone)


def test_documents_that_are_not_held_out_go_with_the_curve(tmp_path):
    exports.save_curve(samples.curve(), tmp_path / "q.json", ("emma",))
    assert json.loads((tmp_path / "q.json").read_text())["leaked_documents"] == ["emma"]


def test_the_command_names_capture_and_text(findings):
    command = exports.quality_command(WISHES, findings)
    assert command.startswith("kvsplice quality v.safetensors --text a.txt --ks")
    assert exports.quality_command(WISHES, Findings()) == ""
