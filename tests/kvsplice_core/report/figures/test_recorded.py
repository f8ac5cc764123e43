"""Figures of recorded tables draw the tables."""

import pytest

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.estimates import Change
from kvsplice_core.report.figures.recorded import compression_comparison, improvement_delta
from kvsplice_core.report.sweep_table import MseTable
from tests.kvsplice_core.report.figures.gallery import TABLES, lines_of, texts_of

DRAWINGS = (compression_comparison, improvement_delta)


def test_comparison_has_each_method_once():
    lines = lines_of(compression_comparison([*TABLES, *TABLES]).axes[0])
    assert list(lines) == ["PCA", "Spline→PCA", "Flow→PCA"]
    assert tuple(lines["Flow→PCA"].get_ydata()) == TABLES[1].columns["FlowPCA"]


def test_changes_are_against_pca_of_the_same_table():
    axes = improvement_delta(TABLES).axes[0]
    heights = {c.get_label(): [bar.get_height() for bar in c.patches] for c in axes.containers}
    assert heights["Spline→PCA"] == pytest.approx([-50, 10])
    assert heights["Flow→PCA"] == pytest.approx([25, -10])


def test_tables_of_different_ks_share_an_axis():
    other = MseTable((4, 16), {"PCA": (4e-3, 1e-3), "FlowPCA": (4e-3, 1e-3)})
    labels = [t.get_text() for t in improvement_delta([TABLES[0], other]).axes[0].get_xticklabels()]
    assert labels == ["4", "8", "16"]


def test_blanks_and_rounding_are_left_out():
    gaps = MseTable(
        (1, 2, 64), {"PCA": (1e-2, 1e-3, 1e-17), "SplinePCA": (5e-3, float("nan"), 3e-17)}
    )
    bars = improvement_delta([gaps]).axes[0].containers[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([-50])
    assert compression_comparison([gaps]).axes[0].get_ylim()[0] > 1e-6


def test_columns_that_are_no_method_are_drawn_under_their_own_names():
    table = MseTable((8, 16), {"Magic": (1.5e-3, 2e-3), "Other": (4e-3, 3e-3), **TABLES[0].columns})
    lines = lines_of(compression_comparison([table]).axes[0])
    assert list(lines) == ["PCA", "Spline→PCA", "Magic", "Other"]
    assert len({line.get_color() for line in lines.values()}) == 4
    bars = {c.get_label(): c.patches[0] for c in improvement_delta([table]).axes[0].containers}
    assert list(bars) == ["Spline→PCA", "Magic", "Other"]
    assert bars["Magic"].get_height() == pytest.approx(-25)


@pytest.mark.parametrize("mse", [0.0, float("nan")])
def test_errors_without_a_logarithm_can_be_drawn(mse):
    table = MseTable((1, 2), {"PCA": (mse, mse), "SplinePCA": (mse, mse)})
    for draw in DRAWINGS:
        draw([table]).draw_without_rendering()


def test_pca_alone_says_what_is_missing():
    texts = texts_of(improvement_delta([MseTable((1,), {"PCA": (1.0,)})]))
    assert "Record a spline or a flow to see its change against PCA." in texts


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([], "at least one table"),
        ([MseTable((1,), {"SplinePCA": (1.0,)})], "must have the column PCA; got SplinePCA"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(draw, tables, words):
    with pytest.raises(DataError, match=words):
        draw(tables)


def test_recorded_intervals_are_drawn_and_a_tie_is_called_one():
    changes = {"SplinePCA": (Change(-40.0, -42.0, -38.0), Change(0.1, -0.2, 0.4))}
    table = MseTable((8, 16), {"PCA": (2e-3, 1e-3), "SplinePCA": (1.2e-3, 1.001e-3)}, changes)
    figure = improvement_delta([table])
    assert "tie" in texts_of(figure)
    bars = [patch for patch in figure.axes[0].patches if patch.get_width() > 0]
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True]
