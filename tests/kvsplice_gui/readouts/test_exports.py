"""What can be taken away, and what is said when it is not there yet."""

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Axes, Method
from kvsplice_gui.readouts.exports import (
    FIGURES,
    can_draw,
    figure_kind,
    figure_png_job,
    save_focus_codec,
    save_table,
)
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import Wishes
from tests.factories import make_result
from tests.kvsplice_core.report.figures.gallery import texts_of


@pytest.fixture(scope="module")
def findings():
    return Findings(result=make_result(ks=(2, 4, 8), dim=16))


def test_nothing_but_memory_can_be_drawn_without_a_result():
    assert not any(can_draw(kind, Wishes(), Findings()) for kind in FIGURES)


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.key)
def test_a_figure_without_its_data_says_what_is_needed(kind):
    if kind.key == "memory":
        return
    with pytest.raises(KVSpliceError, match="calibrate"):
        kind.draw(Wishes(), Findings())


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.key)
def test_every_figure_is_drawn_as_png(kind, findings):
    wishes = Wishes().but(k=4, method=Method.SPLINE)
    if can_draw(kind, wishes, findings):
        assert run(figure_png_job(kind, wishes, findings)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("spline_curves", Method.SPLINE),
        ("spline_curves", Method.FLOW),
        ("slope_map", Method.SPLINE),
    ],
)
def test_a_figure_of_a_transform_says_its_axes(key, method, findings):
    wishes = Wishes().but(k=4, method=method)
    row = findings.row(method, 4)
    spec = replace(row.calibration.spec, axes=Axes.PCA)
    turned = replace(row, calibration=replace(row.calibration, spec=spec))
    for shown, says in ((row, False), (turned, True)):
        result = replace(findings.result, rows=(shown,))
        figure = figure_kind(key).draw(wishes, Findings(result=result))
        assert ("in PCA axes" in " ".join(texts_of(figure))) is says


def test_pca_has_no_slopes(findings):
    assert not can_draw(figure_kind("slope_map"), Wishes().but(k=4, method=Method.PCA), findings)


def test_a_table_is_csv_or_json_by_its_name(findings, tmp_path):
    save_table(findings.result, tmp_path / "a.csv")
    save_table(findings.result, tmp_path / "a.json")
    assert (tmp_path / "a.csv").read_text().startswith("k,test_mse_PCA")
    assert (tmp_path / "a.json").read_text().startswith("{")


def test_a_codec_that_is_not_there_is_named(findings, tmp_path):
    with pytest.raises(KVSpliceError, match="k = 5 is not calibrated"):
        save_focus_codec(Wishes().but(k=5), findings, tmp_path / "c.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_flow_is_drawn_as_a_scatter(findings):
    wishes = Wishes().but(k=4, method=Method.FLOW)
    assert can_draw(figure_kind("spline_curves"), wishes, findings)
    assert not can_draw(figure_kind("slope_map"), wishes, findings)
    png = run(figure_png_job(figure_kind("spline_curves"), wishes, findings))
    assert png.startswith(b"\x89PNG")
