"""What is drawn is told in its own axes, and beside nothing of others."""

from dataclasses import replace

import pytest

from kvsplice_core.codec.kinds import Axes, Method
from kvsplice_core.tasks.sweep import CalibrationStep
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.wishes import ViewWish
from tests.factories import make_result, make_spline_shape
from tests.kvsplice_gui.panels.hands import pick, read, write_npz


@pytest.fixture
def quick_wishes(quick_wishes):
    return quick_wishes.but(k=2, view=ViewWish(dims=(0, 1)))


@pytest.fixture
def dataset(tmp_path):
    return read(write_npz(tmp_path / "some.npz", v=(500, 4)))


def in_axes(axes):
    """Return a result in which every row was calibrated in `axes`."""
    result = make_result((Method.PCA, Method.SPLINE), (1, 2, 4), dim=4)
    calibration = replace(result.spec.calibration, axes=axes)
    rows = tuple(
        replace(
            row,
            calibration=replace(row.calibration, spec=replace(row.calibration.spec, axes=axes)),
        )
        for row in result.rows
    )
    return replace(result, rows=rows, spec=replace(result.spec, calibration=calibration))


def has_ghost(window):
    return any(len(items.ghost.getData()[0]) for items in window.views.splines._items)


def test_curves_in_other_axes_say_so_and_have_no_ghost_of_raw_ones(window, dataset):
    raw, turned = in_axes(Axes.RAW), in_axes(Axes.PCA)
    window.state.find(dataset=dataset, result=raw, ghost=raw)
    splines, slopes = window.views.splines, window.views.slopes
    assert splines.header.title.text() == "Transform s(x)"
    assert has_ghost(window)
    window.state.find(result=turned)
    assert splines.header.title.text() == "Transform s(x), in PCA axes"
    assert slopes.header.title.text() == "Slopes ds/dx, in PCA axes"
    assert not has_ghost(window)
    window.state.find(ghost=turned)
    assert has_ghost(window)


def test_a_running_calibration_is_drawn_in_its_axes(window, dataset):
    window.state.find(dataset=dataset, result=in_axes(Axes.RAW))
    window.state.find(starting_over=True, asked=CalibrationSpec(axes=Axes.WHITENED))
    step = CalibrationStep(
        Method.SPLINE, 2, 1, 9, 0.5, 0.1, loss=0.2, shape=make_spline_shape(dim=4)
    )
    window.presenter.on_controller_stepped(step)
    assert window.views.splines.header.title.text() == "Transform s(x), in whitened axes"
    window.state.find(starting_over=False)
    assert window.views.splines.header.title.text() == "Transform s(x)"


def test_choosing_a_kind_reaches_the_wishes_and_reweighs_the_cache(window):
    window.state.wish(method=Method.SPLINE)
    cache, transform = (window.views.strip.buttons[key] for key in ("cache", "transform"))
    before = cache.number
    pick(window.views.calibration.fields["axes"].widget, "whitened")
    assert window.state.wishes.calibration.axes is Axes.WHITENED
    assert "whitened axes" in transform.accessibleName()
    assert cache.number != before
