"""The scatter of a transform shows every vector of every chosen dimension."""

from kvsplice_core.report.figures.scatter import transform_scatter
from tests.factories import make_scatter_shape


def test_each_dimension_is_one_set_of_points():
    shape = make_scatter_shape(6, 40)
    axes = transform_scatter(shape, (0, 3)).axes[0]
    drawn = [line for line in axes.lines if str(line.get_label()).startswith("dim")]
    assert [line.get_label() for line in drawn] == ["dim 0", "dim 3"]
    assert all(len(line.get_xdata()) == 40 for line in drawn)
