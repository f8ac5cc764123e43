import numpy as np
import pytest
from PyQt6.QtCore import Qt

from kvsplice_core.codec.kinds import Method
from kvsplice_gui.plots.mse_plot import MsePlot
from tests.kvsplice_gui.plots import samples


@pytest.fixture
def plot(qtbot):
    made = MsePlot()
    qtbot.addWidget(made)
    made.resize(420, 260)
    made.show_result(samples.ROWS, samples.PCA_CURVE)
    made.set_k(4)
    made.show()
    return made


def drawn(plot, method):
    return plot._lines[method].getData()


def test_curves_are_drawn_in_log_by_hand(plot):
    x, y = drawn(plot, Method.SPLINE)
    assert x == pytest.approx(np.log2(samples.KS))
    assert y == pytest.approx(np.log10(samples.ROWS[Method.SPLINE][1]))
    plot.set_log(False)
    assert drawn(plot, Method.SPLINE)[1] == pytest.approx(samples.ROWS[Method.SPLINE][1])


def test_the_curve_of_pca_has_every_k(plot):
    x, y = plot._pca_line.getData()
    assert 2**x == pytest.approx(np.arange(1, 17))
    assert 10**y == pytest.approx(samples.PCA_CURVE)


def test_an_mse_of_zero_is_left_out_without_a_warning(plot):
    plot.show_result({Method.PCA: (np.array([1, 2]), np.array([0.1, 0.0]))}, np.array([0.1, 0.0]))
    assert np.isnan(drawn(plot, Method.PCA)[1][1])


def test_a_low_plot_leaves_the_legend_and_the_label_out(plot):
    assert plot._legend.isVisible()
    plot.resize(420, 120)
    assert not plot._legend.isVisible()
    assert not plot._k_label.isVisible()


def test_pca_at_full_rank_does_not_flatten_the_rest(plot):
    curve = np.append(samples.PCA_CURVE[:15], 1e-15)
    plot.show_result(samples.ROWS, curve)
    assert plot.plot.vb.viewRange()[1][0] > -5


def test_a_method_that_is_gone_is_not_drawn(plot):
    plot.show_result({Method.PCA: samples.ROWS[Method.PCA]}, samples.PCA_CURVE)
    assert (
        len(drawn(plot, Method.SPLINE)[0] if drawn(plot, Method.SPLINE)[0] is not None else []) == 0
    )


def test_the_ghost_comes_and_goes(plot):
    plot.show_ghost({Method.SPLINE: samples.ROWS[Method.SPLINE]})
    assert len(plot._ghost_lines[Method.SPLINE].getData()[0]) == len(samples.KS)
    assert "run before" in plot._legend_names
    plot.show_ghost(None)
    assert len(plot._ghost_lines[Method.SPLINE].xData) == 0
    assert "run before" not in plot._legend_names


def test_the_moving_point_comes_and_goes(plot):
    plot.set_moving_point(Method.FLOW, 8, 0.01)
    x, y = plot._moving_point.getData()
    assert (x[0], y[0]) == pytest.approx((3, -2))
    plot.set_moving_point(Method.FLOW, 0, None)
    assert len(plot._moving_point.getData()[0]) == 0


def test_the_title_row_reads_the_chosen_k(plot):
    plot.set_k(16)
    assert "Spline→PCA 0.000313" in plot.header.readout.text()
    plot.set_k(5)
    assert plot.header.readout.text() == "k = 5: PCA 0.00400"


def test_set_k_moves_the_line_and_says_nothing(plot, qtbot):
    with qtbot.assertNotEmitted(plot.k_chosen):
        plot.set_k(8)
    assert plot.k_line.value() == pytest.approx(3)
    assert plot.k == 8


def test_dragging_says_each_k_once_and_moves_nothing_by_itself(plot):
    chosen = []
    plot.k_chosen.connect(chosen.append)
    for x in (2.2, 2.4, 2.45, 3.01):
        plot.k_line.setPos(x)
        plot.k_line.sigDragged.emit(plot.k_line)
    assert chosen == [5, 8]
    assert plot.k == 4
    plot.k_line.sigPositionChangeFinished.emit(plot.k_line)
    assert plot.k_line.value() == pytest.approx(2)


@pytest.mark.parametrize(("x", "k"), [(-5, 1), (30, 16), (2000, 16)])
def test_a_k_beyond_the_data_is_not_chosen(plot, x, k):
    chosen = []
    plot.k_chosen.connect(chosen.append)
    plot.k_line.setPos(x)
    plot.k_line.sigDragged.emit(plot.k_line)
    assert chosen == [k]


def test_a_click_chooses_the_nearest_k(plot, qtbot):
    plot.set_k(16)
    at = plot.plot.vb.mapViewToScene(plot.plot.vb.viewRect().center())
    position = plot.view.mapFromScene(at)
    with qtbot.waitSignal(plot.k_chosen, timeout=1000) as caught:
        qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert caught.args == [round(2 ** plot.plot.vb.viewRect().center().x())]


@pytest.mark.parametrize(
    ("key", "modifier", "k"),
    [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, 5),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, 3),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier, 8),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 2),
    ],
)
def test_arrows_choose_a_k(plot, qtbot, key, modifier, k):
    with qtbot.waitSignal(plot.k_chosen, timeout=1000) as caught:
        qtbot.keyClick(plot, key, modifier)
    assert caught.args == [k]


def test_arrows_stop_at_the_ends(plot, qtbot):
    plot.set_k(1)
    with qtbot.assertNotEmitted(plot.k_chosen):
        qtbot.keyClick(plot, Qt.Key.Key_Left)
        qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
