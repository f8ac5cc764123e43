import numpy as np
import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_gui.plots.loss_plot import LossPlot


@pytest.fixture
def plot(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    return made


def drawn(plot, method=Method.SPLINE):
    return plot._lines[method].xData, plot._lines[method].yData


def test_points_are_appended_in_log(plot):
    plot.append(Method.SPLINE, 8, 0.5, 0.1)
    plot.append(Method.SPLINE, 8, 1.0, 0.01)
    epochs, losses = drawn(plot)
    assert list(epochs) == [0.5, 1.0]
    assert losses == pytest.approx([-1, -2])
    plot.set_log(False)
    assert drawn(plot)[1] == pytest.approx([0.1, 0.01])


def test_the_title_row_reads_the_latest(plot):
    plot.append(Method.SPLINE, 8, 0.5, 0.1)
    plot.append(Method.FLOW, 4, 1.5, 0.02)
    assert plot.header.readout.text() == "Flow→PCA · k = 4 · epoch 1.50 · loss 0.0200"


@pytest.mark.parametrize(("k", "epoch"), [(9, 2.0), (8, 0.25)])
def test_another_k_or_an_earlier_epoch_starts_anew(plot, k, epoch):
    plot.append(Method.SPLINE, 8, 1.0, 0.1)
    plot.append(Method.SPLINE, k, epoch, 0.2)
    assert list(drawn(plot)[0]) == [epoch]


def test_a_long_run_stays_short_and_keeps_its_last_point(plot):
    for step in range(2000):
        plot.append(Method.SPLINE, 8, step / 10, 1 / (step + 1))
    epochs, losses = drawn(plot)
    assert 100 <= len(epochs) <= 300
    assert epochs[-1] == 199.9
    assert (np.diff(epochs) > 0).all()
    assert 10 ** losses[-1] == pytest.approx(1 / 2000)


def test_methods_have_a_curve_each_and_clear_forgets_them(plot):
    plot.append(Method.SPLINE, 8, 1.0, 0.1)
    plot.append(Method.FLOW, 8, 1.0, 0.2)
    assert len(plot._legend.items) == 2
    plot.clear()
    assert len(plot._legend.items) == 0
    plot.append(Method.FLOW, 8, 0.5, 0.3)
    assert len(plot._legend.items) == 1
    assert list(drawn(plot, Method.FLOW)[0]) == [0.5]
