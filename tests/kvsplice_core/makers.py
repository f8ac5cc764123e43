"""Vectors and transforms for tests, small and seeded."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kvsplice_core import CalibrationSpec, Values, load_values, run
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.codec.registry import load
from kvsplice_core.codec.transforms.base import Learner, Transform


def bent_rows(n: int = 400, d: int = 6, seed: int = 0) -> Tensor:
    """Return vectors on a curve with noise, shape (n, d): a spline gains on them."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(n, 1, generator=generator)
    phases = torch.linspace(0, 2, d)
    curve = torch.exp(3 * t * phases) / torch.exp(1.5 * phases)
    return (curve + 0.02 * torch.randn(n, d, generator=generator)).contiguous()


def gaussian_rows(n: int = 400, d: int = 6, seed: int = 0) -> Tensor:
    """Return correlated Gaussian vectors, shape (n, d): nothing can gain on them."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator)
    return torch.randn(n, d, generator=generator) @ mix


def values_of(rows: Tensor) -> Values:
    """Return rows as `Values`."""
    return load_values(np.ascontiguousarray(rows.numpy()))


def learner_of(method: Method, rows: Tensor, roughness: float = 0.0, **options: object) -> Learner:
    """Return a learner started on `rows`, its parameters moved by seeded noise."""
    spec = CalibrationSpec(method=method, **options)  # type: ignore[arg-type]
    learner = load(method).start(rows, spec.transform, torch.Generator().manual_seed(1), None)
    assert learner is not None
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in learner.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(noise, alpha=roughness)
    return learner


def transform_of(
    method: Method, rows: Tensor, roughness: float = 0.0, **options: object
) -> Transform:
    """Return a transform of `method` made for `rows`; the identity when `roughness` is 0."""
    if not method.is_learnt:
        return load(method).restore({}, rows.shape[1])
    built = learner_of(method, rows, roughness, **options).build()
    return built.map(lambda tensor: tensor.detach().clone())


def pooled(codec: Codec, heads: int) -> HeadCodecs:
    """Return one codec for all heads."""
    return HeadCodecs((codec,), heads)


def per_head(codecs) -> HeadCodecs:
    """Return one codec for each head."""
    return HeadCodecs(tuple(codecs), len(codecs))


_BITS = {
    Quantization.FP16: 16,
    Quantization.INT8: 8,
    Quantization.LLOYD_MAX: 3,
    Quantization.COMPANDED: 3,
}


def quantized(codec: Codec, rows: Tensor, kind: Quantization, **options: object) -> Codec:
    """Return the codec with its latents of `rows` quantized: 16, 8, 4 or 3 bits, as `kind` is."""
    spec = QuantizerSpec(kind, **options)  # type: ignore[arg-type]
    budget = _BITS.get(kind, 4) * codec.k + 40
    quantizer = load(kind).fit(codec.latent(rows), spec, budget)
    return replace(codec, quantizer=quantizer)


def corrected(codec: Codec, rows: Tensor, kind: Decoding) -> Codec:
    """Return the codec with a nonlinear decoder learnt on `rows`."""
    latent = codec.latent(rows)
    pair = latent, codec.transform.forward(rows) - codec.projection.decode(latent)
    spec = DecoderSpec(kind, epochs=60, hidden=8)
    correction = run(load(kind).fit(*pair, pair, spec))
    assert correction is not None
    return replace(codec, correction=correction)
