"""Moments merge exactly; a history keeps a sample, and comes back from its tensors."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import CodecFileError, DataError, SpecError
from kvsplice_core.codec.history import (
    HELD_OUT_ROWS,
    REPLAY_ROWS,
    History,
    Moments,
    rounded,
    thinned,
)
from kvsplice_core.codec.pca import fit_pca
from tests.kvsplice_core.makers import gaussian_rows

ROWS = gaussian_rows(300) + 50.0


def same(ours, theirs):
    assert ours.count == pytest.approx(theirs.count)
    torch.testing.assert_close(ours.mean, theirs.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.scatter, theirs.scatter, rtol=1e-10, atol=1e-9)


@given(cuts=st.lists(st.integers(1, len(ROWS) - 1), max_size=4))
def test_merged_parts_are_the_moments_of_all(cuts):
    ends = [0, *sorted(set(cuts)), len(ROWS)]
    parts = [Moments.of(ROWS[a:b]) for a, b in pairwise(ends)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merged(part)
    same(merged, Moments.of(ROWS))


def test_the_order_of_a_merger_does_not_matter():
    first, second = Moments.of(ROWS[:40]), Moments.of(ROWS[40:])
    same(first.merged(second), second.merged(first))


def test_pca_of_merged_moments_is_that_of_all_vectors():
    merged, whole = Moments.of(ROWS[:70]).merged(Moments.of(ROWS[70:])).pca(ROWS), fit_pca(ROWS)
    torch.testing.assert_close(merged.variances, whole.variances)
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.basis, whole.basis)
    assert merged.basis.dtype == torch.float32


def test_forgetting_weighs_the_earlier_vectors_less():
    old, new = Moments.of(ROWS[:100]), Moments.of(ROWS[100:150] + 9)
    same(old.forgotten(0.0), old)
    same(old.forgotten(1.0).merged(new), new)
    halved = old.forgotten(0.5).merged(new)
    assert halved.count == 100
    torch.testing.assert_close(halved.mean, (old.mean + new.mean) / 2)
    torch.testing.assert_close(old.forgotten(0.5).mean, old.mean)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(SpecError, match="between 0 and 1"):
        Moments.of(ROWS).forgotten(share)


def test_vectors_of_another_dimension_are_refused():
    with pytest.raises(DataError, match="dimension 6; got 5"):
        Moments.of(ROWS).merged(Moments.of(ROWS[:, :5]))
    with pytest.raises(DataError, match="at least 1"):
        Moments.of(ROWS[:0])


@given(n=st.integers(1, 60), most=st.integers(0, 60))
def test_a_sample_keeps_the_order_and_takes_each_row_once(n, most):
    rows = torch.arange(float(n)).reshape(n, 1)
    kept = thinned(rows, most, seed=5)[:, 0]
    assert len(kept) == min(n, most)
    assert bool((kept.diff() > 0).all())
    assert torch.equal(kept, thinned(rows, most, seed=5)[:, 0])


@given(scale=st.floats(1e-30, 1e30))
def test_vectors_of_any_size_survive_sixteen_bits(scale):
    rows = ROWS * scale
    missed = (rounded(rows) - rows).abs().max()
    assert missed <= 2**-10 * rows.abs().max()


def test_a_history_comes_back_from_its_tensors():
    history = History.of(ROWS[:200], ROWS[200:])
    back = History.restore(history.tensors(), ROWS.shape[1])
    assert back.moments.count == 200
    for name in ("mean", "scatter"):
        assert torch.equal(getattr(back.moments, name), getattr(history.moments, name))
    assert torch.equal(back.replay, history.replay)
    assert torch.equal(back.held_out, history.held_out)


def test_a_merged_history_is_bounded_and_holds_each_part_as_it_weighs():
    old = History.of(torch.zeros(9_000, 2), torch.zeros(3_000, 2))
    new = History.of(torch.ones(3_000, 2), torch.ones(1_000, 2))
    both = old.merged(new)
    assert len(both.replay) == REPLAY_ROWS
    assert len(both.held_out) == HELD_OUT_ROWS
    assert float(both.replay.mean()) == pytest.approx(0.25, abs=1e-3)
    assert float(both.held_out.mean()) == pytest.approx(0.25, abs=1e-3)
    assert float(old.forgotten(1.0).merged(new).replay.mean()) == 1.0


def test_small_samples_hold_what_was_forgotten_less_too():
    old = History.of(torch.zeros(100, 2), torch.zeros(50, 2))
    new = History.of(torch.ones(100, 2), torch.ones(50, 2))
    assert len(old.merged(new).replay) == 200
    assert float(old.forgotten(0.5).merged(new).replay.mean()) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": None},
        {"scatter": torch.zeros(6, 5, dtype=torch.float64)},
        {"replay": torch.zeros(3, 5)},
        {"held_out": torch.zeros(0, 6)},
        {"count": torch.tensor([-1.0])},
        {"else": torch.zeros(1)},
    ],
)
def test_tensors_that_make_no_history_are_refused(changes):
    held = History.of(ROWS[:200], ROWS[200:]).tensors() | changes
    with pytest.raises(CodecFileError, match="history must hold"):
        History.restore({name: t for name, t in held.items() if t is not None}, 6)
