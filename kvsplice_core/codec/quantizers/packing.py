"""Whole numbers of mixed widths side by side in bytes."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_WIDTH = 8


def packed_bytes(widths: Tensor) -> int:
    """Return the bytes that codes of `widths` (k,) bits take together."""
    return -(-int(widths.sum()) // 8)


def pack_codes(codes: Tensor, widths: Tensor) -> Tensor:
    """Put codes side by side, most significant bit first.

    Parameters
    ----------
    codes : Tensor, shape (n, k)
        uint8, each below 2 to the power of its width.
    widths : Tensor, shape (k,)
        Bits per code, 0 … 8; whole numbers.

    Returns
    -------
    Tensor, shape (n, ceil(sum of widths / 8))
        uint8; the last bits of a row are zero padding.
    """
    byte, shift = _places(widths, codes.device)
    size = packed_bytes(widths)
    places = torch.zeros(len(widths), size + 1, device=codes.device)
    places[torch.arange(len(widths), device=codes.device), byte] = torch.exp2(shift.float())
    # bits of different codes never overlap, and 16-bit sums are exact in fp32 (even in TF32)
    words = (codes.float() @ places).int()  # (n, size + 1): codes that begin in a byte
    words[:, 1:] += (words[:, :-1] & 255) << 8  # what reaches into the next byte
    return (words >> 8)[:, :size].to(torch.uint8).contiguous()


def unpack_codes(packed: Tensor, widths: Tensor) -> Tensor:
    """Return the codes uint8 (n, k) that `pack_codes` put into `packed` uint8 (n, bytes)."""
    byte, shift = _places(widths, packed.device)
    rows = torch.nn.functional.pad(packed.T.contiguous(), (0, 0, 0, 2)).int()
    pairs = (rows[:-1] << 8) | rows[1:]  # (bytes + 1, n)
    masks = (1 << widths.to(packed.device, torch.int32)) - 1
    codes = (pairs.index_select(0, byte) >> shift[:, None]) & masks[:, None]
    return codes.to(torch.uint8).T.contiguous()


def _places(widths: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """First byte of each code, and its left shift within 16 bits."""
    wide = widths.to(device, torch.int64)
    first = wide.cumsum(0) - wide
    return first // 8, (16 - first % 8 - wide).int()
