"""What all figures share: readable text, ticks that do not collide, true numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.style import (
    ground,
    method_line,
    mse_axis,
    new_figure,
    signed,
    spread,
    without_rounding,
)
from kvsplice_core.report.palette import style_of
from tests.kvsplice_core.report.figures.gallery import GALLERY, contrast


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(dark):
    colours = ground(dark)
    for text in (colours.text, colours.muted, colours.accent):
        assert contrast(text, colours.paper) > 4.5
    for method in Method:
        assert contrast(style_of(method).colour, colours.paper) > 2.5


@pytest.mark.parametrize("name", GALLERY)
def test_every_plot_says_what_its_axes_are(name):
    figure = GALLERY[name]()
    if name in {"architecture", "splines"}:  # a picture; panels that share one label
        return
    for axes in figure.axes:
        shares_y = name == "reduction" and axes is figure.axes[1]
        assert axes.get_ylabel() or shares_y
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"


@given(st.lists(st.integers(1, 4096), min_size=1, max_size=40, unique=True).map(sorted))
def test_ticks_stand_apart_and_keep_both_ends(ks):
    kept = spread(ks)
    assert set(kept) <= set(ks)
    assert (kept[0], kept[-1]) == (ks[0], ks[-1])
    if len(kept) > 2:
        assert np.diff(np.log(kept)).min() >= 0.05 * np.log(ks[-1] / ks[0])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (-3.14, "−3.1"),
        (12.0, "+12.0"),
        (250.4, "+250"),
        (-0.151, "−0.15"),
        (0.949, "+0.95"),
        (0.0, "0"),
        (-0.001, "0"),
    ],
)
def test_changes_have_a_sign_and_few_digits(change, text):
    assert signed(change) == text


def test_rounding_is_no_error():
    assert np.isnan(without_rounding([1.0, 0.5, 1e-12])).tolist() == [False, False, True]
    assert without_rounding([]).size == 0
    assert np.isnan(without_rounding([0.5, float("nan")])).tolist() == [False, True]


def test_curves_that_coincide_stay_visible():
    widths = [method_line(method, dark=False)["linewidth"] for method in Method]
    sizes = [method_line(method, dark=False)["markersize"] for method in Method]
    assert widths == sorted(widths, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(widths)) == len(set(sizes)) == len(Method)


@pytest.mark.parametrize("errors", [(4.5e-4, 1.3e-3), (0.02, 0.05), (1e-9, 1.0)])
def test_a_log_axis_has_at_least_two_labels(errors):
    axes = new_figure(dark=False).subplots()
    axes.plot([1, 2], errors)
    mse_axis(axes, log=True)
    low, high = axes.get_ylim()
    shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert len(shown) >= 2
