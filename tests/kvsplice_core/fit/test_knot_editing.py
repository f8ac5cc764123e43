"""Whatever a hand asks of a knot, the spline stays an increasing bijection."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import MAX_KNOTS, Method
from kvsplice_core.codec.transforms.spline_kind import KIND
from kvsplice_core.fit.knot_editing import (
    add_knot,
    distinct_knots,
    identity_spline,
    move_knot,
    remove_knot,
)
from tests.kvsplice_core.makers import bent_rows, transform_of

ROWS = bent_rows(d=4)
KNOTS = 7
DIMS = st.integers(0, 3)
PLACES = st.floats(-50, 50, width=32)


def spline(seed=0):
    rough = 0.0 if seed == 0 else 1.5
    return transform_of(Method.SPLINE, bent_rows(d=4, seed=seed), rough, knots=KNOTS)


def assert_bijection(edited):
    """Tables that a codec file would take, and an exact inverse near and far of the knots."""
    KIND.restore(edited.tensors(), edited.dim)
    x = torch.linspace(-60, 60, 301)[:, None].expand(-1, edited.dim).contiguous()
    z = edited.forward(x)
    assert bool((z[1:] > z[:-1]).all())
    slopes = torch.minimum(edited.slopes.amin(0), torch.ones(edited.dim))
    size = z.abs().amax(0) + x.abs().amax(0)
    assert bool(((edited.inverse(z) - x).abs() <= 1e-5 * size / slopes).all())


moves = st.tuples(DIMS, st.integers(0, KNOTS - 1), PLACES, PLACES, st.booleans())


@given(st.integers(0, 3), st.lists(moves, min_size=1, max_size=4))
def test_any_moves_leave_an_increasing_bijection(seed, wished):
    edited = spline(seed)
    for dim, index, x, z, everywhere in wished:
        edited = move_knot(edited, dim, index, x, z, everywhere=everywhere)
    assert_bijection(edited)


@given(DIMS, st.integers(0, KNOTS - 1), PLACES, PLACES)
def test_a_move_touches_nothing_else(dim, index, x, z):
    before = spline(1)
    edited = move_knot(before, dim, index, x, z)
    others = [j for j in range(4) if j != dim]
    for name, table in edited.tensors().items():
        assert torch.equal(table[:, others], before.tensors()[name][:, others])
    rest = [row for row in range(KNOTS) if row != index]
    assert torch.equal(edited.knots_in[rest], before.knots_in[rest])
    assert torch.equal(edited.knots_out[rest], before.knots_out[rest])


def test_a_move_within_its_room_is_taken_exactly():
    before = spline(1)
    x = float(before.knots_in[2:5, 3].mean())
    z = float(before.knots_out[2:5, 3].mean())
    edited = move_knot(before, 3, 3, x, z)
    assert float(edited.knots_in[3, 3]) == pytest.approx(x)
    assert float(edited.knots_out[3, 3]) == pytest.approx(z)


@given(st.integers(0, KNOTS - 1), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_everywhere_moves_by_the_same_share_of_each_range(index, dx, dz):
    before = identity_spline(torch.linspace(-1, 1, 200)[:, None] * torch.tensor([1.0, 5.0, 0.2]), 7)
    span = before.knots_in[-1] - before.knots_in[0]
    x, z = before.knots_in[index, 1] + dx * span[1], before.knots_out[index, 1] + dz * span[1]
    edited = move_knot(before, 1, index, float(x), float(z), everywhere=True)
    shares = (edited.knots_in[index] - before.knots_in[index]) / span
    assert shares == pytest.approx(torch.full((3,), dx), abs=1e-5)
    shares = (edited.knots_out[index] - before.knots_out[index]) / span
    assert shares == pytest.approx(torch.full((3,), dz), abs=1e-5)


@given(DIMS, st.floats(-6, 30, width=32), st.integers(0, 3))
def test_an_added_knot_changes_no_curve(dim, x, seed):
    before = spline(seed)
    span = before.knots_in[-1, dim] - before.knots_in[0, dim]
    assume(float((before.knots_in[:, dim] - x).abs().min()) > 2e-3 * span)
    edited = add_knot(before, dim, x)
    assert len(edited.knots_in) == KNOTS + 1
    probe = torch.linspace(-10, 40, 201)[:, None].expand(-1, 4).contiguous()
    size = before.forward(probe).abs().amax(0) + probe.abs().amax(0)
    assert bool(((edited.forward(probe) - before.forward(probe)).abs() <= 1e-5 * size).all())
    assert bool((edited.knots_in[:, dim] - x).abs().min() < 1e-5)
    assert_bijection(edited)


@given(DIMS, st.integers(0, KNOTS - 1), st.booleans(), moves)
def test_a_removed_knot_is_bridged_by_a_straight_line(dim, index, everywhere, move):
    before = spline(1)
    edited = remove_knot(before, dim, index, everywhere=everywhere)
    assert distinct_knots(edited, dim) == KNOTS - 1
    assert_bijection(edited)
    if 0 < index < KNOTS - 1:
        ends = (
            before.knots_in[[index - 1, index + 1], dim],
            before.knots_out[[index - 1, index + 1], dim],
        )
        middle = edited.forward(ends[0].mean().expand(1, 4))[0, dim]
        assert float(middle) == pytest.approx(float(ends[1].mean()), abs=1e-4)
    dim, index, x, z, everywhere = move
    index = min(index, len(edited.knots_in) - 1)
    assert_bijection(move_knot(edited, dim, index, x, z, everywhere=everywhere))


def test_removing_one_dimensions_knot_leaves_the_others_alone():
    before = spline(1)
    edited = remove_knot(before, 2, 3)
    x = torch.linspace(-10, 30, 101)[:, None].expand(-1, 4).contiguous()
    kept = [0, 1, 3]
    assert torch.equal(edited.forward(x)[:, kept], before.forward(x)[:, kept])


@pytest.mark.parametrize("index", [0, KNOTS - 1])
def test_beyond_a_removed_end_the_curve_goes_on_as_its_last_segment(index):
    edited = remove_knot(spline(1), 1, index)
    segment = (1, -2)[index > 0]
    moved = move_knot(edited, 1, index, float(edited.knots_in[index, 1]), 999.0)
    for one in (edited, moved):
        assert float(one.slopes[min(index, KNOTS - 2), 1]) == float(one.slopes[segment, 1])


def test_repeated_knots_move_as_one():
    rows = ROWS.clone()
    rows[: len(rows) // 2, 0] = 0.0
    before = identity_spline(rows, KNOTS)
    tied = (before.knots_in[:, 0] == 0).nonzero().flatten().tolist()
    assert len(tied) > 2
    edited = move_knot(before, 0, tied[1], 0.01, 0.02)
    assert edited.knots_in[tied, 0].tolist() == pytest.approx([0.01] * len(tied))
    assert_bijection(edited)


def test_a_constant_dimension_can_be_moved():
    rows = ROWS.clone()
    rows[:, 1] = 2.0
    assert_bijection(move_knot(identity_spline(rows, 5), 1, 2, 3.0, 1.0, everywhere=True))


def test_refusals_say_what_was_wanted():
    before = spline()
    for dim, index in ((4, 0), (-1, 0), (0, KNOTS), (0, -1)):
        with pytest.raises(SpecError, match="a knot must be one of"):
            move_knot(before, dim, index, 0.0, 0.0)
    with pytest.raises(SpecError, match="finite"):
        move_knot(before, 0, 0, float("nan"), 0.0)
    with pytest.raises(SpecError, match="room"):
        add_knot(before, 0, float(before.knots_in[2, 0]))
    few = before
    while distinct_knots(few, 0) > 3:
        few = remove_knot(few, 0, 0)
    with pytest.raises(SpecError, match="at least 3"):
        remove_knot(few, 0, 0)
    with pytest.raises(SpecError, match="at most"):
        add_knot(identity_spline(ROWS, MAX_KNOTS), 0, 100.0)
