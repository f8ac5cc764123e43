"""Decoders that are linear in fixed features of the latents: one ridge regression each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.decoders.base import Pair, Setting, Work, require_pairs, require_tensors
from kvsplice_core.codec.decoders.monomials import Monomials
from kvsplice_core.codec.decoders.ridge import Regression, Sums
from kvsplice_core.codec.decoders.scaling import Scaling
from kvsplice_core.codec.kinds import Decoding

_CHUNK_ROWS = 4_096
# A gain of less than a thousandth is chance, and not worth the decoder's bytes.
_LEAST_GAIN = 1e-3
# Rounding of the sums acts like noise of this variance on standardised features.
_LEAST_STRENGTH = {torch.float32: -6.0, torch.float64: -11.0}
_MOST_STRENGTH = 2.0
_STRENGTHS_PER_DECADE = 3
_SUMMING = 0.8  # of the whole work, roughly
# Monomials of higher degree are so alike that fp32 cannot tell them apart.
_FP32_DEGREE = 3


@dataclass(frozen=True)
class FeatureCorrection:
    """``c(z) = Wᵀ φ(z) + b`` with monomials φ of the scaled leading latents.

    Parameters
    ----------
    kind : Decoding
        Which decoder it belongs to.
    k : int
        Numbers kept per vector.
    monomials : Monomials
        Which products.
    scaling : Scaling
        Of the leading latents.
    weights : Tensor, shape (features, d)
    bias : Tensor, shape (d,)
    chosen : mapping of str to int, bool or str
        What the tensors do not tell.
    """

    kind: Decoding
    k: int
    monomials: Monomials
    scaling: Scaling
    weights: Tensor
    bias: Tensor
    chosen: Mapping[str, Setting]

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return len(self.bias)

    def features(self, latent: Tensor) -> Tensor:
        """Return φ, (…, features) for latents (…, k)."""
        flat = latent.reshape(-1, latent.shape[-1])
        return self._columns(flat).T.reshape(*latent.shape[:-1], len(self.monomials))

    def apply(self, latent: Tensor) -> Tensor:
        """Return what to add, (…, d) for latents (…, k)."""
        flat = latent.reshape(-1, latent.shape[-1])
        # In parts, for all features of a long sequence at once would not fit into memory.
        parts = [
            torch.addmm(self.bias, self._columns(part).T, self.weights)
            for part in torch.split(flat, _CHUNK_ROWS)
        ]
        return torch.cat(parts).reshape(*latent.shape[:-1], self.dim).to(latent.dtype)

    def _columns(self, flat: Tensor) -> Tensor:
        return self.monomials.values(self.scaling.apply(flat).T.contiguous())

    def settings(self) -> Mapping[str, Setting]:
        """Return the numbers that say which monomials."""
        return self.chosen

    def tensors(self) -> Mapping[str, Tensor]:
        """Return weights, bias and the scaling."""
        return {"weights": self.weights, "bias": self.bias, **self.scaling.tensors()}

    def derived(self) -> tuple[Tensor, ...]:
        """Return the places of the products."""
        return tuple(places for level in self.monomials.levels for places in level)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the correction with `function` applied to its tensors, and moved with them."""
        weights, bias = function(self.weights), function(self.bias)
        scaling, monomials = self.scaling.map(function), self.monomials.to(weights.device)
        return replace(self, monomials=monomials, scaling=scaling, weights=weights, bias=bias)


@dataclass(frozen=True)
class Candidate:
    """Features that may serve: some of those that were summed.

    Parameters
    ----------
    kind : Decoding
        Whose.
    monomials : Monomials
        Which.
    leading : int
        Of how many leading latents.
    settings : mapping of str to int, bool or str
        How to name them in a file.
    """

    kind: Decoding
    monomials: Monomials
    leading: int
    settings: Mapping[str, Setting]


def fit_features(
    latents: Tensor, residuals: Tensor, validation: Pair, candidates: Sequence[Candidate]
) -> Work[FeatureCorrection | None]:
    """Choose features and ridge strength by the validation part, then learn from both parts.

    Parameters
    ----------
    latents, residuals : Tensor, shapes (n, k) and (n, d)
    validation : tuple of Tensor, shapes (m, k) and (m, d)
    candidates : sequence of Candidate
        The first holds every monomial of the others; none, and there is nothing to fit.

    Returns
    -------
    FeatureCorrection or None
        None where no candidate beats adding nothing on the validation part.
    """
    require_pairs((latents, residuals), validation)
    if not candidates:
        return None
    widest = candidates[0]
    scaling = Scaling.of(torch.cat([latents, validation[0]]), widest.leading)
    parts = ((latents, residuals), validation)
    fit, held = yield from _sums_of(parts, widest.monomials, scaling)
    choice = yield from _choose(fit, held, candidates, _strengths(widest.monomials))
    if choice is None:
        return None
    candidate, places, strength = choice
    # The strength counts vectors: with more of them the same smoothing weighs less.
    weights, bias = Regression((fit + held).among(places)).solution(
        strength * fit.rows / (fit.rows + held.rows)
    )
    return FeatureCorrection(
        candidate.kind,
        latents.shape[1],
        candidate.monomials.to(latents.device),
        scaling.map(lambda tensor: tensor[: candidate.leading].clone()),
        weights.float().contiguous().to(latents.device),  # as a file will give them back
        bias.float().to(latents.device),
        candidate.settings,
    )


def require_features(tensors: Mapping[str, Tensor], count: int, what: str) -> None:
    """Raise CodecFileError unless there are `count` rows of weights.

    Asked before the monomials are listed: a damaged header must not fill the memory.
    """
    weights = tensors.get("weights")
    if weights is None or weights.ndim != 2 or len(weights) != count:
        found = None if weights is None else tuple(weights.shape)
        raise CodecFileError(f"{what} must hold {count} rows of weights; got {found}")


def restore_features(
    candidate: Candidate, tensors: Mapping[str, Tensor], k: int, dim: int, what: str
) -> FeatureCorrection:
    """Rebuild a correction with the features of `candidate`; CodecFileError if they do not fit."""
    each = (candidate.leading,)
    expected = {"weights": (len(candidate.monomials), dim), "bias": (dim,)}
    expected |= dict.fromkeys(("mean", "spread", "low", "high"), each)
    require_tensors(tensors, expected, what)
    scaling = Scaling.restored(tensors)
    weights = tensors["weights"]
    return FeatureCorrection(
        candidate.kind,
        k,
        candidate.monomials.to(weights.device),
        scaling,
        weights,
        tensors["bias"],
        candidate.settings,
    )


def _dtype(monomials: Monomials) -> torch.dtype:
    return torch.float32 if len(monomials.factors[-1]) <= _FP32_DEGREE else torch.float64


def _strengths(monomials: Monomials) -> Tensor:
    least = _LEAST_STRENGTH[_dtype(monomials)]
    steps = round((_MOST_STRENGTH - least) * _STRENGTHS_PER_DECADE) + 1
    return torch.logspace(least, _MOST_STRENGTH, steps, dtype=torch.float64)


def _sums_of(
    parts: Iterable[Pair], monomials: Monomials, scaling: Scaling
) -> Generator[float, None, list[Sums]]:
    """Sum each part in chunks: products in the features' dtype, totals in fp64."""
    device, dtype = scaling.mean.device, _dtype(monomials)
    if device.type == "mps" and dtype is torch.float64:
        device = torch.device("cpu")
    here = scaling.map(lambda tensor: tensor.to(device, dtype))
    places = monomials.to(device)
    parts = tuple(parts)
    rows, done = sum(len(latents) for latents, _ in parts), 0
    totals = []
    for pair in parts:
        total: Sums | None = None
        for latents, residuals in zip(*(torch.split(t, _CHUNK_ROWS) for t in pair), strict=True):
            z = here.apply(latents.to(device)).T.contiguous()
            sums = Sums.of(places.values(z), residuals.to(device, dtype))
            total = sums if total is None else total + sums
            done += len(latents)
            yield _SUMMING * done / rows
        assert total is not None
        totals.append(total)
    return totals


def _choose(
    fit: Sums, held: Sums, candidates: Sequence[Candidate], strengths: Tensor
) -> Generator[float, None, tuple[Candidate, Tensor, float] | None]:
    """Return the candidate, its places and the strength of least validation error."""
    best, least = None, (1 - _LEAST_GAIN) * held.energy
    for index, candidate in enumerate(candidates, start=1):
        places = candidates[0].monomials.places(candidate.monomials.factors)
        errors = Regression(fit.among(places)).errors(held.among(places), strengths)
        error, at = errors.min(0)
        if float(error) < least:
            best, least = (candidate, places, float(strengths[at])), float(error)
        yield _SUMMING + (1 - _SUMMING) * index / len(candidates)
    return best
