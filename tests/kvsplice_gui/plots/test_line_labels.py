import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_gui.plots.line_labels import spread

HEIGHT = 14


@given(st.lists(st.floats(-50, 400), max_size=12))
def test_labels_do_not_overlap_and_keep_their_order(rows):
    placed = spread(rows, HEIGHT, room=300)
    bottoms = sorted(placed.values())
    assert all(b - a >= HEIGHT - 1e-9 for a, b in itertools.pairwise(bottoms))
    assert sorted(placed, key=placed.get) == sorted(placed, key=lambda i: (rows[i], i))
    assert max(placed.values(), default=0) <= 300


@given(st.floats(HEIGHT, 300))
def test_a_label_alone_stands_where_it_wishes(row):
    assert spread([row], HEIGHT, room=300) == {0: row}


def test_lines_without_points_have_no_label():
    assert set(spread([np.nan, 20.0], HEIGHT, room=300)) == {1}
