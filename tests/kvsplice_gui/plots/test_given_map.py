import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt

from kvsplice_gui.plots.given_map import GivenMap

BITS = np.array([[1.0, 2.0, 3.0], [2.5, 2.5, np.nan]])


@pytest.fixture
def plot(qtbot):
    made = GivenMap()
    qtbot.addWidget(made)
    made.resize(420, 300)
    made.show_given(BITS, {(0, 1): "k = 32"})
    made.show()
    return made


def test_colours_are_linear_in_the_bits(plot):
    assert plot._image.image[2, 0] == 3.0
    assert plot._image.getLevels() == pytest.approx([1.0, 3.0])


def test_a_cell_is_read_with_what_is_said_besides(plot):
    assert plot._reading_at(1, 0).text == "layer 0 · head 1 · 2.00 bits per value · k = 32"
    assert plot._reading_at(0, 1).text == "layer 1 · head 0 · 2.50 bits per value"
    assert plot._reading_at(2, 1).text == "layer 1 · head 2 · dense"


@pytest.mark.parametrize("bits", [0.0, 0.1, 2.5])
def test_alike_cells_do_not_look_like_a_gradient(plot, bits):
    plot.show_given(np.array([[bits, bits + 1e-3]]))
    low, top = plot._image.getLevels()
    assert top - low >= 0.25
    assert low >= 0.0
    assert np.ptp(plot._image.image) < 0.01 * (top - low)


def test_without_bits_it_says_what_to_do(plot):
    plot.show_given(None)
    assert plot.is_empty
    assert "Solve for the budget" in plot.empty_label.text()


def written(plot):
    """Return the numbers that stand in the cells, by (layer, head)."""
    shown = (item for item in plot._numbers if item.isVisible())
    return {(item.pos().y(), item.pos().x()): item.toPlainText() for item in shown}


def test_numbers_stand_in_the_cells_where_there_are_few(plot):
    assert written(plot) == {
        (0, 0): "1.00", (0, 1): "2.00", (0, 2): "3.00", (1, 0): "2.50", (1, 1): "2.50",
    }  # fmt: skip
    plot.show_given(np.array([[1.5]]))
    assert written(plot) == {(0, 0): "1.50"}
    plot.show_given(np.full((12, 12), 2.0))
    assert written(plot) == {}


def test_a_click_on_a_number_chooses_its_cell(plot, qtbot):
    position = plot.view.mapFromScene(plot.plot.vb.mapViewToScene(QPointF(1.0, 1.0)))
    with qtbot.waitSignal(plot.cell_chosen, timeout=1000) as caught:
        qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert caught.args == [1, 1]
