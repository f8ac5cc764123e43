"""The watch counts what lives at once, from where it was started."""

from __future__ import annotations

import pytest
import torch

from kvsplice_core.cache.allocations import watch_allocations


def test_the_watch_counts_what_lives_at_once():
    with watch_allocations(torch.device("cpu")) as watch:
        before = torch.ones(1000)
        watch.start()
        first = torch.ones(1000)  # 4 000 bytes
        del before  # −4 000
        second = torch.ones(3000)  # 12 000
        del first, second
        torch.ones(500)
    assert watch.peak_bytes == 12_000


def test_what_is_inside_an_operator_counts():
    with watch_allocations(torch.device("cpu")) as watch:
        x = torch.ones(1000)
        watch.start()
        x.sort(descending=True)  # values, places, and room to work
    assert watch.peak_bytes >= 4 * 1000 + 8 * 1000


def test_nothing_new_is_no_peak():
    with watch_allocations(torch.device("cpu")) as watch:
        x = torch.ones(1000)
        watch.start()
        x.add_(1)
        del x
    assert watch.peak_bytes < 100


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_counts_by_itself():
    device = torch.device("cuda")
    with watch_allocations(device) as watch:
        watch.start()
        torch.ones(1 << 20, device=device)
    assert watch.peak_bytes >= 4 << 20
