"""What every plot does, on one list of all plots."""

from types import SimpleNamespace

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QColor

from kvsplice_core.codec.kinds import Method
from kvsplice_gui.look.theme import DARK, LIGHT
from kvsplice_gui.plots.change_plot import ChangePlot
from kvsplice_gui.plots.loss_plot import LossPlot
from kvsplice_gui.plots.memory_plot import MemoryPlot
from kvsplice_gui.plots.mse_plot import MsePlot
from kvsplice_gui.plots.slope_map import SlopeMap
from kvsplice_gui.plots.spline_plot import SplinePlot
from tests.kvsplice_gui.plots import samples


def fill_loss(plot):
    for epoch in range(5):
        plot.append(Method.SPLINE, 8, epoch, 0.1 / (epoch + 1))


FILL = {
    MsePlot: lambda plot: plot.show_result(samples.ROWS, samples.PCA_CURVE),
    ChangePlot: lambda plot: plot.show_changes(samples.CHANGES),
    SplinePlot: lambda plot: plot.show_shape(samples.spline_shape(), (0, 3)),
    SlopeMap: lambda plot: plot.show_shape(samples.spline_shape(), (0, 3)),
    LossPlot: fill_loss,
    MemoryPlot: lambda plot: plot.show_memory(samples.LINES, 1024, "2 × 12 × 64"),
}
WITH_LOG = (MsePlot, LossPlot, MemoryPlot)


def made(kind, qtbot, filled=True):
    plot = kind()
    qtbot.addWidget(plot)
    plot.resize(420, 260)
    if filled:
        FILL[kind](plot)
    plot.show()
    return plot


@pytest.fixture(params=FILL, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture
def plot(kind, qtbot):
    return made(kind, qtbot)


def colours_of(plot):
    image = plot.view.grab().toImage()
    return {
        image.pixelColor(x, y).name()
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    }


def hover(plot, x=0.5, y=0.5):
    """Point at a share of the plot's inner width and height."""
    area = plot.plot.vb.sceneBoundingRect()
    plot._on_scene_mouse_moved(area.topLeft() + QPointF(x * area.width(), y * area.height()))


def test_it_starts_empty_with_a_sentence(kind, qtbot):
    plot = made(kind, qtbot, filled=False)
    assert plot.is_empty
    assert plot.empty_label.isVisible()
    assert plot.empty_label.text().endswith(".")


def test_it_shows_data_and_clears(plot):
    assert not plot.is_empty
    assert plot.view.isVisible()
    assert len(colours_of(plot)) > 3
    plot.clear()
    assert plot.is_empty
    assert plot.header.readout.text() == ""


def test_showing_twice_uses_the_same_items(kind, plot):
    before = len(plot.view.scene().items())
    FILL[kind](plot)
    assert len(plot.view.scene().items()) == before


def test_every_theme_changes_the_ground(plot):
    for theme in (DARK, LIGHT):
        plot.set_theme(theme)
        assert plot.view.backgroundBrush().color() == QColor(theme.base)
        assert theme.base.lower() in colours_of(plot)


def test_all_data_are_in_view_and_the_view_comes_back(plot, qtbot):
    whole = plot.plot.vb.viewRange()
    plot.plot.vb.scaleBy((0.2, 0.2))
    assert plot.plot.vb.viewRange() != whole
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.plot.vb.viewRange() == whole


def test_a_view_moved_by_hand_stays(kind, plot):
    plot.plot.vb.scaleBy((0.2, 0.2))
    plot.plot.vb.sigRangeChangedManually.emit([True, True])
    moved = plot.plot.vb.viewRange()
    FILL[kind](plot)
    assert plot.plot.vb.viewRange() == moved


def test_pointing_reads_and_leaving_stops(plot):
    standing = plot.header.readout.text()
    hover(plot)
    assert plot.crosshair.is_visible
    assert plot.header.readout.text() not in ("", standing)
    plot._leave()
    assert not plot.crosshair.is_visible
    assert plot.header.readout.text() == standing


def test_pointing_beside_the_plot_reads_nothing(plot):
    hover(plot, x=-0.5)
    assert not plot.crosshair.is_visible


def test_the_menu_asks_for_copies_and_exports(plot, qtbot):
    copy, export, _ = plot.menu.actions()
    with qtbot.waitSignal(plot.copy_requested, timeout=1000):
        copy.trigger()
    with qtbot.waitSignal(plot.export_requested, timeout=1000):
        export.trigger()


def test_a_double_click_shows_everything_again(plot, qtbot):
    whole = plot.plot.vb.viewRange()
    plot.plot.vb.scaleBy((0.2, 0.2))
    centre = plot.view.mapFromScene(plot.plot.vb.sceneBoundingRect().center())
    qtbot.mouseDClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    qtbot.mouseRelease(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    qtbot.waitUntil(lambda: plot.plot.vb.viewRange() == whole, timeout=1000)


def test_keys_go_to_the_frame(plot):
    assert plot.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert plot.view.focusPolicy() == Qt.FocusPolicy.NoFocus
    assert plot.accessibleName()


def test_the_axis_has_no_label_where_the_plot_is_low(plot):
    assert plot.axes["bottom"].label.isVisible()
    plot.resize(420, 120)
    assert not plot.axes["bottom"].label.isVisible()


@pytest.mark.parametrize("kind", WITH_LOG)
def test_l_changes_the_scale_and_says_so(kind, qtbot):
    plot = made(kind, qtbot)
    before = plot.is_log
    with qtbot.waitSignal(plot.log_changed, timeout=1000) as caught:
        qtbot.keyClick(plot, Qt.Key.Key_L)
    assert plot.is_log is not before
    assert caught.args == [plot.is_log]
    assert plot.header.log_button.isChecked() is plot.is_log


@pytest.mark.parametrize("kind", WITH_LOG)
def test_set_log_says_nothing(kind, qtbot):
    plot = made(kind, qtbot)
    with qtbot.assertNotEmitted(plot.log_changed):
        plot.set_log(not plot.is_log)


@pytest.mark.parametrize("kind", [kind for kind in FILL if kind not in WITH_LOG])
def test_l_does_nothing_without_a_scale_to_change(kind, qtbot):
    plot = made(kind, qtbot)
    with qtbot.assertNotEmitted(plot.log_changed):
        qtbot.keyClick(plot, Qt.Key.Key_L)
    assert not plot.is_log


def test_linked_plots_share_the_k_axis(qtbot):
    mse, change = made(MsePlot, qtbot), made(ChangePlot, qtbot)
    change.link_x(mse)
    change.resize(420, 160)
    mse.plot.vb.setXRange(1, 3)
    assert change.plot.vb.viewRange()[0] == pytest.approx(mse.plot.vb.viewRange()[0], abs=0.05)
    FILL[ChangePlot](change)
    assert change.plot.vb.viewRange()[0] == pytest.approx(mse.plot.vb.viewRange()[0], abs=0.05)


def test_a_right_click_opens_the_menu(plot, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(type(plot.menu), "popup", lambda menu, at: opened.append(at))
    qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.RightButton, pos=QPoint(200, 100))
    assert len(opened) == 1


def click(plot, *, double):
    """Send what pyqtgraph sends of a click in the middle."""
    place = plot.plot.vb.sceneBoundingRect().center()
    event = SimpleNamespace(
        button=lambda: Qt.MouseButton.LeftButton, double=lambda: double, scenePos=lambda: place
    )
    plot._on_scene_mouse_clicked(event)


def test_a_double_click_shows_everything_and_does_nothing_else(plot, qtbot, monkeypatch):
    clicks = []
    monkeypatch.setattr(plot, "_click_at", lambda x, y: clicks.append((x, y)))
    whole = plot.plot.vb.viewRange()
    plot.plot.vb.scaleBy((0.2, 0.2))
    click(plot, double=False)
    click(plot, double=True)
    assert plot.plot.vb.viewRange() == whole
    assert not plot._click_timer.isActive()
    assert clicks == []
    click(plot, double=False)
    qtbot.waitUntil(lambda: len(clicks) == 1)
