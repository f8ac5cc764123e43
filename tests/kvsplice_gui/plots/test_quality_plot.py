import numpy as np
import pytest
from PyQt6.QtCore import Qt

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.plots.mse_plot import MsePlot
from kvsplice_gui.plots.quality_plot import QualityPlot
from kvsplice_gui.readouts.quality import QualityCurve, curves
from tests import quality_samples as samples

CURVES = curves(samples.curve().points, "nll")


@pytest.fixture
def plot(qtbot):
    made = QualityPlot()
    qtbot.addWidget(made)
    made.resize(520, 320)
    made.show_curves(CURVES, largest_k=64)
    made.show()
    return made


def drawn(plot, method):
    return plot._items[method][1].getData()[1]


def test_empty_it_says_what_to_do(qtbot):
    plot = QualityPlot()
    qtbot.addWidget(plot)
    assert plot.is_empty
    assert "Measure quality" in plot.empty_label.text()


def test_points_are_log10_and_linear_on_demand(plot):
    assert drawn(plot, Method.PCA) == pytest.approx(np.log10(CURVES[Method.PCA].value))
    plot.set_log(False)
    assert drawn(plot, Method.PCA) == pytest.approx(CURVES[Method.PCA].value)


def test_whiskers_are_the_interval(plot):
    plot.set_log(False)
    whiskers = plot._items[Method.SPLINE][2].opts
    assert whiskers["y"] + whiskers["top"] == pytest.approx(CURVES[Method.SPLINE].high)
    assert whiskers["y"] - whiskers["bottom"] == pytest.approx(CURVES[Method.SPLINE].low)


def test_each_method_has_its_symbol_and_colour(plot):
    for method in Method:
        points = plot._items[method][1].opts
        assert points["symbol"] == style_of(method).symbol
        assert points["pen"].color().name() == style_of(method).colour.lower()


def test_points_of_a_failed_audit_are_crosses_without_lines(plot):
    plot.show_curves(CURVES, valid=False)
    for method in Method:
        line, points, _ = plot._items[method]
        assert not line.isVisible()
        assert points.opts["symbol"] == "x"
    assert "not valid" in plot._reading_at(4.0, drawn(plot, Method.PCA)[1]).text
    plot.show_curves(CURVES)
    assert plot._items[Method.PCA][0].isVisible()


def test_nothing_or_a_gain_stands_hollow_at_the_floor_of_a_log_axis(plot):
    value = np.array([0.1, -0.001, 0.0])
    curve = QualityCurve(np.array([8, 16, 32]), value, value - 0.01, value + 0.01)
    plot.show_curves({Method.PCA: curve})
    y = drawn(plot, Method.PCA)
    assert y[1] == y[2] < y[0]
    spots = plot._items[Method.PCA][1].points()
    fills = [spot.brush().color().name() for spot in spots]
    assert fills[0] == style_of(Method.PCA).colour.lower()
    assert fills[1] == fills[2] == plot._theme.base.lower()
    assert "−0.00100" in plot._reading_at(4.0, y[1]).text


def test_a_tie_with_pca_is_hollow_and_called_a_tie(plot):
    value = np.array([0.1, 0.05, 0.02])
    against = (Estimate(-0.00046, -0.0012, 0.0014), Estimate(-0.02, -0.03, -0.01), None)
    curve = QualityCurve(np.array([8, 16, 32]), value, value - 0.01, value + 0.01, against)
    for log in (True, False):
        plot.set_log(log)
        plot.show_curves({Method.SPLINE: curve})
        fills = [s.brush().color().name() for s in plot._items[Method.SPLINE][1].points()]
        own = style_of(Method.SPLINE).colour.lower()
        assert fills == [plot._theme.base.lower(), own, own]
    y = drawn(plot, Method.SPLINE)
    said = plot._reading_at(3.0, y[0]).text
    assert said.endswith("−0.000460 [−0.00120, +0.00140] against PCA, a tie")
    assert plot._reading_at(4.0, y[1]).text.endswith("against PCA")
    assert "against" not in plot._reading_at(5.0, y[2]).text
    plot.show_curves({Method.SPLINE: curve}, valid=False)
    assert "tie" not in plot._reading_at(3.0, y[0]).text


def test_a_stale_curve_is_faded(plot):
    plot.show_curves(CURVES, stale=True)
    assert plot._items[Method.PCA][1].opts["pen"].color().alpha() < 255


def test_the_k_of_disagreement_is_marked_and_told(plot):
    plot.show_curves(CURVES, disagreements=(16,), largest_k=64)
    x, y = plot._marks.getData()
    assert list(x) == [4.0]
    assert y[0] > plot.plot.vb.viewRange()[1][0]
    assert "order the methods differently" in plot._reading_at(4.0, float(y[0])).text
    plot.set_k(16)
    assert "order the methods differently" in plot.header.readout.text()
    plot.set_k(32)
    assert "order" not in plot.header.readout.text()


def test_points_appear_one_by_one(plot):
    points = samples.curve().points
    for count in (1, 2, 5):
        plot.show_curves(curves(points[:count], "nll"))
        shown = sum(len(drawn(plot, m)) for m in plot._curves)
        assert shown == count
    assert not plot._items[Method.FLOW][0].isVisible() or Method.FLOW in plot._curves


def test_a_method_that_is_gone_is_hidden(plot):
    plot.show_curves({Method.PCA: CURVES[Method.PCA]})
    assert not any(item.isVisible() for item in plot._items[Method.FLOW])


def test_the_ghost_is_dashed_and_goes(plot):
    plot.show_ghost(CURVES)
    line = plot._ghost_lines.lines[Method.PCA]
    assert line.opts["pen"].style() is Qt.PenStyle.DashLine
    assert len(line.getData()[0]) == 4
    plot.show_ghost({})
    assert not len(plot._ghost_lines.lines[Method.PCA].xData)


def test_the_switch_asks_for_the_other_measure(plot, qtbot):
    with qtbot.waitSignal(plot.measure_changed) as asked:
        qtbot.mouseClick(plot.kl_button, Qt.MouseButton.LeftButton)
    assert asked.args == ["kl"]
    plot.set_measure("kl")
    assert plot.header.title.text() == "KL, nats per token"
    with qtbot.waitSignal(plot.measure_changed) as asked:
        qtbot.keyClick(plot, Qt.Key.Key_K)
    assert asked.args == ["nll"]


def test_the_title_row_reads_the_chosen_k(plot):
    plot.set_k(8)
    assert plot.header.readout.text().startswith("k = 8: PCA 0.794 [0.714, 0.873] · Spline→PCA")


def test_it_shares_the_axis_of_k_with_mse(plot, qtbot):
    mse = MsePlot()
    qtbot.addWidget(mse)
    plot.link_x(mse)
    assert plot.plot.vb.linkedView(0) is mse.plot.vb


def test_a_click_chooses_a_k(plot, qtbot):
    with qtbot.waitSignal(plot.k_chosen) as chosen:
        plot._click_at(5.0, 0.0)
    assert chosen.args == [32]


def test_the_notice_is_hidden_until_it_says_something(plot):
    assert not plot.notice.isVisible()
    plot.notice.say("audit failed", is_error=True)
    assert plot.notice.isVisible()
    assert plot.notice.property("role") == "error"
    plot.clear()
    assert not plot.notice.isVisible()
    assert plot.is_empty
