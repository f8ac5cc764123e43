"""Figures of quality draw the numbers that were measured."""

import numpy as np
import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.quality import given_bits, quality_vs_k, sensitivity_map
from kvsplice_core.report.palette import style_of
from tests import quality_samples as samples
from tests.kvsplice_core.report.figures.gallery import lines_of, texts_of


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("measure", ["nll", "kl"])
def test_each_method_has_its_line(method, measure):
    result = samples.curve()
    line = lines_of(quality_vs_k(result, measure).axes[0])[method.label]
    own = [point.quality for point in result.points if point.method is method]
    wanted = [q.kl.value if measure == "kl" else q.delta_nll.value for q in own]
    assert line.get_xdata().tolist() == [8, 16, 32, 64]
    assert line.get_ydata().tolist() == wanted
    assert line.get_color() == style_of(method).colour


def test_a_failed_audit_is_told_and_points_are_crosses():
    figure = quality_vs_k(samples.curve(samples.FAILED))
    assert any("not valid: the cache is read" in text for text in texts_of(figure))
    assert lines_of(figure.axes[0])["PCA"].get_marker() == "x"
    assert lines_of(quality_vs_k(samples.curve()).axes[0])["PCA"].get_marker() == "o"


def test_the_k_where_errors_disagree_is_marked():
    lines = lines_of(quality_vs_k(samples.curve()).axes[0])
    marks = lines["the four errors order the methods differently"]
    assert list(marks.get_xdata()) == [16]


def test_scale_and_unit():
    assert quality_vs_k(samples.curve()).axes[0].get_yscale() == "log"
    assert quality_vs_k(samples.curve(), log=False).axes[0].get_yscale() == "linear"
    assert quality_vs_k(samples.curve()).axes[0].get_ylabel() == "ΔNLL, nats per token"


def test_the_map_has_a_bar_with_its_unit_and_an_outline():
    kl = samples.sensitivity().kl["v"]
    figure = sensitivity_map(kl, "Spline", chosen=(1, 2))
    axes, bar = figure.axes
    assert np.asarray(axes.images[0].get_array()) == pytest.approx(kl)
    assert bar.get_ylabel() == "KL, nats per token"
    outline = axes.lines[0]
    assert (np.mean(outline.get_xdata()[:4]), np.mean(outline.get_ydata()[:4])) == (2, 1)


def test_a_map_with_gaps_is_drawn():
    kl = np.full((2, 2), np.nan)
    kl[0, 0] = 0.1
    assert len(sensitivity_map(kl, "Spline").axes[0].texts) >= 1


def test_a_map_of_given_bits_writes_them_into_the_cells():
    figure = given_bits(np.array([[1.0, 2.5], [np.nan, 4.0]]), "PCA at 2.5 bits", (0, 1))
    written = {text.get_text() for text in figure.axes[0].texts}
    assert {"1", "2.5", "4"} <= written
    assert figure.axes[1].get_ylabel() == "bits per value"
