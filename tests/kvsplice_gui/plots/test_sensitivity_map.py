import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt

from kvsplice_gui.plots.sensitivity_map import SensitivityMap
from tests import quality_samples as samples

KL = samples.sensitivity().kl["v"]


@pytest.fixture
def plot(qtbot):
    made = SensitivityMap()
    qtbot.addWidget(made)
    made.resize(420, 300)
    made.show_cells(KL)
    made.show()
    return made


def test_empty_it_says_what_to_do(qtbot):
    plot = SensitivityMap()
    qtbot.addWidget(plot)
    assert plot.is_empty
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    with qtbot.assertNotEmitted(plot.cell_chosen):
        qtbot.keyClick(plot, Qt.Key.Key_Return)


def test_heads_stand_along_x_and_layers_along_y(plot):
    assert plot._image.image[3, 1] == pytest.approx(np.log10(KL[1, 3]))
    assert plot._image.getLevels() == pytest.approx(np.log10([KL.min(), KL.max()]))
    assert plot._reading_at(3.2, 0.9).text == ("layer 1 · head 3 · KL 0.00987 nats per token")


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (4, 0), (0, 4), (0, -0.8)])
def test_beside_the_map_nothing_is_read(plot, x, y):
    assert plot._reading_at(x, y) is None


def test_cells_that_are_not_measured_say_so(plot):
    cells = np.full((2, 3), np.nan)
    cells[0, 1] = 0.25
    plot.show_cells(cells)
    assert plot._image.getLevels()[1] == pytest.approx(np.log10(0.25))
    assert "not measured yet" in plot._reading_at(2, 1).text
    plot.show_cells(np.full((2, 3), np.nan))
    assert not plot.is_empty


def test_decades_are_told_apart_and_nothing_stands_at_the_floor(plot):
    plot.show_cells(np.array([[0.0, -1e-4, 1e-4], [1e-3, 1e-2, 1e-1]]))
    assert plot._image.image.T.ravel() == pytest.approx([-4, -4, -4, -3, -2, -1])
    assert "KL −0.000100 nats" in plot._reading_at(1, 0).text
    plot.show_cells(np.zeros((2, 2)))
    low, top = plot._image.getLevels()
    assert low < top
    assert (plot._image.image == low).all()


def test_no_line_crosses_the_map(plot):
    plot.crosshair.show(plot._reading_at(3.2, 0.9))
    assert plot.crosshair.is_visible
    assert not plot.crosshair._line.isVisible()


def test_colours_grow_lighter_with_the_cost(plot):
    table = np.asarray(plot._image.lut, dtype=float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(table) >= -0.5).all()
    assert table[-1] - table[0] > 100


def test_a_click_chooses_a_cell(plot, qtbot):
    position = plot.view.mapFromScene(plot.plot.vb.mapViewToScene(QPointF(2.0, 1.0)))
    with qtbot.waitSignal(plot.cell_chosen, timeout=1000) as caught:
        qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert caught.args == [1, 2]


def test_arrows_walk_and_return_chooses(plot, qtbot):
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(plot, key)
    assert plot.header.readout.text().startswith("layer 1 · head 1 ")
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(plot, key)
    with qtbot.waitSignal(plot.cell_chosen, timeout=1000) as caught:
        qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert caught.args == [0, 1]


def test_the_open_cell_is_outlined_and_read(plot):
    plot.show_chosen((2, 3))
    x, y = plot._outline.getData()
    assert (x.mean(), y.mean()) == pytest.approx((2.9, 1.9), abs=0.2)
    assert plot.header.readout.text().startswith("layer 2 · head 3")
    plot.show_chosen(None)
    assert plot.header.readout.text() == ""


def test_a_map_of_both_sides_has_a_switch(plot, qtbot):
    assert plot.k_button.isHidden()
    plot.set_side("v", has_both=True, audited=True)
    assert plot.header.title.text() == "Sensitivity of V, audited, KL in nats per token"
    with qtbot.waitSignal(plot.side_changed, timeout=1000) as asked:
        qtbot.mouseClick(plot.k_button, Qt.MouseButton.LeftButton)
    assert asked.args == ["k"]
    plot.set_side("k", has_both=True)
    assert plot.header.title.text().startswith("Sensitivity of K, KL")
    with qtbot.waitSignal(plot.side_changed, timeout=1000) as asked:
        qtbot.keyClick(plot, Qt.Key.Key_K)
    assert asked.args == ["v"]
    plot.set_side("v")
    with qtbot.assertNotEmitted(plot.side_changed):
        qtbot.keyClick(plot, Qt.Key.Key_K)


def test_an_open_cell_outside_of_the_map_is_not_read(plot):
    plot.show_chosen((30, 0))
    assert plot.header.readout.text() == ""
