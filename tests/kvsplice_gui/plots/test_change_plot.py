import numpy as np
import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import GREY, style_of
from kvsplice_gui.plots.change_plot import ChangePlot
from tests.kvsplice_gui.plots import samples


@pytest.fixture
def plot(qtbot):
    made = ChangePlot()
    qtbot.addWidget(made)
    made.resize(420, 200)
    made.show_changes(samples.CHANGES)
    made.show()
    return made


def test_ties_are_hollow_and_grey(plot):
    bars = plot._bars[Method.SPLINE].opts
    ties = [False, False, False, True, True]
    colour = style_of(Method.SPLINE).colour
    for pen, brush, tie in zip(bars["pens"], bars["brushes"], ties, strict=True):
        assert pen.color().name() == (GREY if tie else colour).lower()
        assert (brush.color().name() == colour.lower()) is not tie


def test_whiskers_are_the_interval(plot):
    whiskers = plot._whiskers[Method.FLOW].opts
    _, _size, low, high = samples.CHANGES[Method.FLOW]
    assert whiskers["y"] + whiskers["top"] == pytest.approx(high)
    assert whiskers["y"] - whiskers["bottom"] == pytest.approx(low)


def test_bars_of_a_k_stand_side_by_side(plot):
    spline, flow = (plot._bars[method].opts for method in (Method.SPLINE, Method.FLOW))
    assert (np.asarray(spline["x"]) + spline["width"] / 2 <= np.asarray(flow["x"])).all()
    assert (np.asarray(flow["x"])[:-1] < np.asarray(spline["x"])[1:]).all()


def test_the_whole_of_every_whisker_and_zero_are_in_view(plot):
    (left, right), (bottom, top) = plot.plot.vb.viewRange()
    lows = np.concatenate([low for _, _, low, _ in samples.CHANGES.values()])
    highs = np.concatenate([high for *_, high in samples.CHANGES.values()])
    assert bottom < min(lows.min(), 0)
    assert top > max(highs.max(), 0)
    assert left < 0
    assert right > 4


def test_the_title_row_reads_the_chosen_k(plot):
    plot.set_k(8)
    assert plot.header.readout.text() == (
        "k = 8: Spline→PCA tie, +0.10\u00a0% [−0.90\u00a0%, +1.10\u00a0%] · "
        "Flow→PCA +30.1\u00a0% [+28.1\u00a0%, +32.1\u00a0%]"
    )


def test_a_method_that_is_gone_is_hidden(plot):
    plot.show_changes({Method.FLOW: samples.CHANGES[Method.FLOW]})
    assert not plot._bars[Method.SPLINE].isVisible()
    assert plot._bars[Method.FLOW].isVisible()


def test_one_k_alone_is_drawn(plot):
    only = tuple(part[:1] for part in samples.CHANGES[Method.SPLINE])
    plot.show_changes({Method.SPLINE: only})
    assert not plot.is_empty
