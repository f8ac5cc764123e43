"""The figure draws every pipeline once, in its look."""

import pytest
from matplotlib.colors import to_hex

from kvsplice_core.report.figures.frontier import frontier_vs_bits
from kvsplice_core.report.palette import pipeline_style
from tests.frontier_samples import PIPELINES, frontier, point
from tests.quality_samples import FAILED


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


@pytest.mark.parametrize("dark", [False, True])
def test_every_pipeline_is_a_line_in_its_colour_over_the_bound(dark):
    drawn = lines(frontier_vs_bits(frontier(), dark=dark))
    for pipeline in PIPELINES:
        line = drawn[pipeline.label]
        assert to_hex(line.get_color()).upper() == pipeline_style(pipeline).colour
        assert list(line.get_xdata()) == sorted(line.get_xdata())
    assert "Gaussian bound" in drawn


def test_the_bound_is_only_drawn_where_nmse_is_on_y():
    figure = frontier_vs_bits(frontier(of_model=True), "nll")
    assert "Gaussian bound" not in lines(figure)
    assert "nats per token" in figure.axes[0].get_ylabel()


def test_an_invalid_frontier_has_crosses_and_says_so():
    figure = frontier_vs_bits(frontier(audit=FAILED))
    assert lines(figure)[PIPELINES[0].label].get_marker() == "x"
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any("not valid" in text for text in texts)


def test_the_chosen_point_is_marked_where_it_lies():
    chosen = point("joined", 2.5)
    before, after = (
        frontier_vs_bits(frontier(), chosen=one).axes[0].get_lines() for one in (None, chosen)
    )
    assert len(after) == len(before) + 1
    rings = [line for line in after if list(line.get_xdata()) == [chosen.bits]]
    assert list(rings[0].get_ydata()) == [chosen.nmse]


def test_an_empty_frontier_says_what_it_would_show():
    figure = frontier_vs_bits(frontier(points=()))
    assert any("Measure a frontier" in text.get_text() for text in figure.axes[0].texts)


def test_all_points_stand_inside_the_axes():
    axes = frontier_vs_bits(frontier()).axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for one in frontier().points:
        assert left < one.bits < right
        assert bottom < one.nmse < top
