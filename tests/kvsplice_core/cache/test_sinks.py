"""The first tokens of rows are found by the mask; masks that say something else are refused."""

from __future__ import annotations

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cache.sinks import Sinks, left_pads


def test_left_pads_are_counted():
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1]])
    assert left_pads(mask) == left_pads(mask.bool()) == (0, 3, 1)


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]])
def test_other_padding_is_refused(row):
    with pytest.raises(SpecError, match="zeros, then at least a one"):
        left_pads(torch.tensor([[1, 1, 1], row]))


def test_a_mask_of_four_axes_is_refused():
    with pytest.raises(SpecError, match="got 4 axes"):
        left_pads(torch.ones(1, 1, 3, 3))


def test_a_batch_may_repeat_its_rows():
    x = torch.rand(2, 1, 6, 2).repeat_interleave(3, dim=0)
    sinks = Sinks(2, (0, 3))
    sinks.add(x, before=0)
    got = torch.zeros_like(x)
    sinks.overlay(got)
    assert torch.equal(got[:3, :, :2], x[:3, :, :2])
    assert torch.equal(got[3:, :, 3:5], x[3:, :, 3:5])
    assert int(got.count_nonzero()) == 6 * 2 * 2


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_of_other_rows_is_refused(batch):
    with pytest.raises(SpecError, match=f"has 2 rows.*got {batch}"):
        Sinks(2, (0, 3)).add(torch.rand(batch, 1, 6, 2), before=0)
