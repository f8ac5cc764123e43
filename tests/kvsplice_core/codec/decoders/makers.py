"""Latents, and residuals that a decoder can know, small and seeded."""

import torch
from torch import Tensor

from kvsplice_core import run
from kvsplice_core.codec.decoders.base import Correction, Pair
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.registry import load


def random_latents(n: int = 400, k: int = 4, seed: int = 0) -> Tensor:
    """Return latents (n, k) with falling spread, as PCA gives them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, k, generator=generator) * torch.logspace(0, -1, k)


def bend(z: Tensor, d: int = 7, seed: int = 1) -> Tensor:
    """Return residuals (n, d) that are quadratic in z/std."""
    generator = torch.Generator().manual_seed(seed)
    k = z.shape[1]
    matrix = torch.randn(k * k, d, generator=generator)
    unit = z / torch.logspace(0, -1, k)
    return (unit[:, :, None] * unit[:, None, :]).reshape(len(z), -1) @ matrix


def planted(n: int = 400, k: int = 4, d: int = 7, noise: float = 0.1) -> tuple[Pair, Pair]:
    """Return a training and a validation part with a planted quadratic."""
    parts = []
    for seed, rows in ((0, n), (50, n // 2)):
        z = random_latents(rows, k, seed)
        generator = torch.Generator().manual_seed(seed + 1)
        parts.append((z, bend(z, d) + noise * torch.randn(rows, d, generator=generator)))
    return parts[0], parts[1]


def chance(n: int = 400, k: int = 4, d: int = 7, seed: int = 0) -> tuple[Pair, Pair]:
    """Return parts whose residuals the latents say nothing about."""
    generator = torch.Generator().manual_seed(seed + 1_000)
    parts = [
        (random_latents(rows, k, seed + rows), torch.randn(rows, d, generator=generator))
        for rows in (n, n // 2)
    ]
    return parts[0], parts[1]


def fitted(kind: Decoding, parts: tuple[Pair, Pair], **options: object) -> Correction | None:
    """Return what `kind` learns from a training and a validation part; the MLP in few epochs."""
    spec = DecoderSpec(kind, **{"epochs": 120, "hidden": 16, **options})  # type: ignore[arg-type]
    training, validation = parts
    return run(load(kind).fit(*training, validation, spec))


def squared_error(correction: Correction | None, pair: Pair) -> float:
    """Return Σ |r − c(z)|² in fp64."""
    latents, residuals = pair
    rest = residuals if correction is None else residuals - correction.apply(latents)
    return float(rest.double().square().sum())
