"""Figures of a sweep draw the numbers of the sweep."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from kvsplice_core.base.estimates import Verdict
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.measured import change_vs_pca, loss_curve, mse_vs_k
from kvsplice_core.report.palette import GREY, style_of
from tests.factories import make_result
from tests.kvsplice_core.report.figures.gallery import LOSSES, lines_of, texts_of


@pytest.mark.parametrize("method", Method)
def test_each_method_has_its_line_in_its_colour(method):
    result = make_result(ks=(1, 4, 16))
    line = lines_of(mse_vs_k(result).axes[0])[method.label]
    assert line.get_xdata().tolist() == [1, 4, 16]
    assert line.get_ydata().tolist() == [row.scores.mse for row in result.of(method)]
    assert line.get_color() == style_of(method).colour
    assert line.get_marker() == style_of(method).marker


def test_pca_is_drawn_at_the_rows_and_at_every_k():
    result = make_result(ks=(2, 5))
    lines = lines_of(mse_vs_k(result).axes[0])
    assert lines["PCA"].get_xdata().tolist() == [2, 5]
    assert lines["PCA at every k"].get_xdata().tolist() == [2, 3, 4, 5]
    assert tuple(lines["PCA at every k"].get_ydata()) == result.pca_curve[1:5]


def test_rounding_at_full_rank_does_not_stretch_the_axis():
    axes = mse_vs_k(make_result()).axes[0]
    assert axes.get_ylim()[0] > 1e-7


def test_scale_chosen_k_and_ghost():
    result = make_result()
    plain = mse_vs_k(result, log=False)
    assert plain.axes[0].get_yscale() == "linear"
    assert plain.axes[0].get_ylim()[0] == 0
    full = mse_vs_k(result, chosen_k=7, ghost=make_result(seed=60))
    assert full.axes[0].get_yscale() == "log"
    assert "k = 7" in texts_of(full)
    ghosts = [name for name in lines_of(full.axes[0]) if name.endswith("run before")]
    assert ghosts == ["Spline→PCA, run before", "Flow→PCA, run before"]


@pytest.mark.parametrize("ks", [(1,), (64,), tuple(range(1, 33))])
def test_any_set_of_ks_can_be_drawn(ks):
    for draw in (mse_vs_k, change_vs_pca):
        draw(make_result(ks=ks)).draw_without_rendering()


def test_a_cut_sweep_can_be_drawn():
    result = make_result()
    for rows in ((), result.rows[:1], result.rows[:5]):
        short = replace(result, rows=rows)
        for draw in (mse_vs_k, change_vs_pca):
            draw(short).draw_without_rendering()


def test_bars_are_the_changes_and_ties_are_grey_and_hatched():
    result = make_result()
    axes = change_vs_pca(result).axes[0]
    bars = [container.patches[0] for container in axes.containers]
    rows = [row for m in (Method.SPLINE, Method.FLOW) for row in result.of(m)]
    assert {row.change.verdict for row in rows} == set(Verdict)
    for bar, row in zip(bars, rows, strict=True):
        tie = row.change.verdict is Verdict.TIE
        assert bar.get_height() == pytest.approx(row.change.percent)
        assert bool(bar.get_hatch()) == tie
        colour = to_hex(bar.get_edgecolor()).upper()
        assert colour == (GREY if tie else style_of(row.method).colour)


def test_intervals_are_drawn_and_ties_are_called_ties():
    result = make_result()
    figure = change_vs_pca(result)
    drawn = {tuple(np.round(line.get_ydata(), 9)) for line in figure.axes[0].get_lines()}
    changes = [row.change for row in result.rows if row.change]
    assert {(round(c.low, 9), round(c.high, 9)) for c in changes} <= drawn
    ties = sum(change.verdict is Verdict.TIE for change in changes)
    assert texts_of(figure).count("tie") == ties
    assert "tie: interval holds 0" in texts_of(figure)


def test_the_ks_of_a_long_sweep_stay_readable():
    axes = change_vs_pca(make_result(ks=tuple(range(1, 65)))).axes[0]
    ticks = zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
    names = {tick.get_text(): x for tick, x in ticks}
    assert len(names) <= 24
    assert all(x == int(name) - 1 for name, x in names.items())


def test_without_a_learnt_method_it_says_what_is_missing():
    texts = texts_of(change_vs_pca(make_result((Method.PCA,))))
    assert "Calibrate a spline or a flow to see its change against PCA." in texts


def test_losses_are_drawn_by_epoch():
    lines = lines_of(loss_curve(LOSSES).axes[0])
    assert lines["Flow→PCA"].get_xdata().tolist() == [1, 2, 3]
    assert tuple(lines["Flow→PCA"].get_ydata()) == LOSSES[Method.FLOW]


def test_no_rows_say_what_is_missing():
    empty = replace(make_result(), rows=())
    assert "Calibrate to see what each method loses at each k." in texts_of(mse_vs_k(empty))


@pytest.mark.parametrize("losses", [{}, {Method.PCA: ()}])
def test_no_loss_says_what_is_missing(losses):
    assert "Calibrate a spline or a flow to see its loss." in texts_of(loss_curve(losses))
