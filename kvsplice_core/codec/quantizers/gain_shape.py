"""What stands in front of the levels: the norm kept apart, and a random rotation."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from kvsplice_core.codec.quantizers.base import from_half_bytes, to_half_bytes

NORM_BYTES = 2
NO_ROTATION = -1


def split_gain(latent: Tensor) -> tuple[Tensor, Tensor]:
    """Return norms as fp16 bytes (n, 2), and latents (n, k) over them; zeros stay zeros."""
    head = to_half_bytes(torch.linalg.vector_norm(latent, dim=1, keepdim=True))
    norm = from_half_bytes(head)
    return head, latent / torch.where(norm > 0, norm, 1)


@lru_cache(maxsize=16)
def rotation(k: int, seed: int) -> Tensor:
    """Return the random orthogonal matrix (k, k), fp32 on the CPU, of a seed."""
    draw = torch.randn(k, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    axes: Tensor = torch.linalg.qr(draw).Q
    return axes.float()


def rotated(x: Tensor, seed: int) -> Tensor:
    """Turn x (n, k) by the rotation of `seed`; −1 turns nothing."""
    return x if seed == NO_ROTATION else x @ rotation(x.shape[1], seed).to(x.device)


def unrotated(x: Tensor, seed: int) -> Tensor:
    """Turn x (n, k) back."""
    return x if seed == NO_ROTATION else x @ rotation(x.shape[1], seed).to(x.device).T
