"""The kernel equals a plain look-up, whatever the knots."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.transforms import piecewise
from kvsplice_core.codec.transforms.piecewise import (
    look_up,
    piecewise_linear,
    segment_index,
    sum_segments,
)


def tables(segments, dim, seed, ties=False):
    """Return anchors, slopes, heights and base in fp64."""
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(segments + 1, dim, generator=generator, dtype=torch.float64)
    if ties:
        knots = knots.round()
    knots = knots.sort(0).values
    slopes = 0.05 + 3 * torch.rand(segments, dim, generator=generator, dtype=torch.float64)
    heights = slopes * (knots[1:] - knots[:-1])
    base = torch.randn(dim, generator=generator, dtype=torch.float64)
    return torch.cat([knots[1:2], knots[1:-1]]), slopes, heights, base


def values(n, dim, seed, spread=2.0):
    generator = torch.Generator().manual_seed(seed + 1000)
    return spread * torch.randn(n, dim, generator=generator, dtype=torch.float64)


def plain(u, anchors, slopes, heights, base):
    """Walk through the segments of every single value."""
    out = torch.empty_like(u)
    for row in range(u.shape[0]):
        for column in range(u.shape[1]):
            value, place, height = u[row, column], 0, base[column]
            for j in range(1, len(anchors)):
                if value >= anchors[j, column]:
                    height = base[column] + heights[1:j, column].sum()
                    place = j
            out[row, column] = height + slopes[place, column] * (value - anchors[place, column])
    return out


layouts = st.tuples(st.integers(2, 8), st.integers(1, 4), st.integers(0, 500), st.booleans())


@given(layouts)
def test_every_form_equals_a_walk_through_the_segments(layout):
    parts = tables(*layout)
    u = values(6, layout[1], layout[2], spread=4)
    expected = plain(u, *parts)
    for form in (piecewise_linear, sum_segments, look_up):
        torch.testing.assert_close(form(u, *parts), expected, rtol=1e-12, atol=1e-12)


@given(layouts)
def test_both_differentiable_forms_have_the_same_gradients(layout):
    u = values(9, layout[1], layout[2])
    found = []
    for form in (sum_segments, look_up):
        leaves = [t.clone().requires_grad_() for t in (u, *tables(*layout[:3]))]
        form(*leaves).square().sum().backward()
        # With two segments no height is read: one form then gives zeros, the other nothing.
        found.append([torch.zeros_like(t) if t.grad is None else t.grad for t in leaves])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("form", [piecewise_linear, sum_segments, look_up])
def test_gradients_of_every_argument_equal_finite_differences(form):
    leaves = [t.clone().requires_grad_() for t in (values(7, 3, 5), *tables(5, 3, 5))]
    assert torch.autograd.gradcheck(form, leaves, eps=1e-7, atol=1e-6)


@given(
    knots=st.integers(1, 63), dim=st.integers(1, 4), seed=st.integers(0, 500), ties=st.booleans()
)
def test_the_segment_is_the_one_a_binary_search_finds(knots, dim, seed, ties):
    generator = torch.Generator().manual_seed(seed)
    inner = torch.randn(knots, dim, generator=generator)
    u = torch.randn(50, dim, generator=generator)
    if ties:
        inner, u = inner.round(), u.round()
    inner = inner.sort(0).values
    expected = torch.searchsorted(inner.T.contiguous(), u.T.contiguous(), right=True).T
    assert torch.equal(segment_index(u, inner).long(), expected)


def test_working_in_chunks_changes_nothing(monkeypatch):
    u, parts = values(50, 3, 1), tables(6, 3, 1)
    whole = piecewise_linear(u, *parts)
    monkeypatch.setattr(piecewise, "_CACHED_ROWS", 7)
    assert torch.equal(piecewise_linear(u, *parts), whole)


def test_the_argument_is_left_alone():
    u, parts = values(50, 3, 1), tables(6, 3, 1)
    before = u.clone()
    piecewise_linear(u, *parts)
    assert torch.equal(u, before)


def test_learning_gives_the_same_values_as_using():
    u, parts = values(50, 3, 1).float(), [t.float() for t in tables(6, 3, 1)]
    used = piecewise_linear(u, *parts)
    learnt = piecewise_linear(u.clone().requires_grad_(), *parts)
    torch.testing.assert_close(learnt, used, rtol=1e-5, atol=1e-5)
