"""Packing is exact, whatever the widths."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.quantizers.packing import pack_codes, packed_bytes, unpack_codes


@given(
    widths=st.lists(st.integers(0, 8), min_size=1, max_size=40),
    rows=st.integers(0, 5),
    seed=st.integers(0, 999),
)
def test_codes_of_any_widths_come_back(widths: list[int], rows: int, seed: int) -> None:
    wide = torch.tensor(widths)
    draw = torch.rand(rows, len(widths), generator=torch.Generator().manual_seed(seed))
    codes = (draw * 2**wide).to(torch.uint8)
    packed = pack_codes(codes, wide)
    assert packed.shape == (rows, packed_bytes(wide)) == (rows, -(-sum(widths) // 8))
    assert torch.equal(unpack_codes(packed, wide), codes)


def test_first_code_takes_the_most_significant_bits() -> None:
    codes, widths = torch.tensor([[5, 1, 9]], dtype=torch.uint8), torch.tensor([3, 1, 6])
    assert pack_codes(codes, widths).tolist() == [[0b10110010, 0b01000000]]
