"""The quadratic manifold: products of two latents, and cubes, corrected by one regression.

Geelen, Wright & Willcox 2023, "Operator inference for non-intrusive model reduction with
quadratic manifolds"; Barnett & Farhat 2022, "Quadratic approximation manifold for mitigating the
Kolmogorov barrier in nonlinear projection-based model order reduction".
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from kvsplice_core.codec.decoders.base import Correction, Pair, Work, whole_setting
from kvsplice_core.codec.decoders.features import (
    Candidate,
    fit_features,
    require_features,
    restore_features,
)
from kvsplice_core.codec.decoders.monomials import count_quadratic, quadratic_monomials
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding


class QuadraticKind:
    """``c(z) = Wᵀ [z_i, z_i z_j (i ≤ j), z_i³, 1]`` of the scaled leading latents."""

    def fit(
        self, latents: Tensor, residuals: Tensor, validation: Pair, spec: DecoderSpec
    ) -> Work[Correction | None]:
        """Learn it; how many leading latents and how much ridge the validation part decides."""
        k = latents.shape[-1]
        most = max((m for m in range(1, k + 1) if count_quadratic(m) <= spec.features), default=0)
        tried = sorted({most, *(most * part // 4 for part in (1, 2, 3))} - {0}, reverse=True)
        candidates = [_candidate(leading) for leading in tried]
        return (yield from fit_features(latents, residuals, validation, candidates))

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, object], k: int, dim: int
    ) -> Correction:
        """Rebuild it; refuses tensors that do not fit."""
        leading = whole_setting(settings, "leading", 1, k)
        what = f"a quadratic decoder of {leading} latents"
        require_features(tensors, count_quadratic(leading), what)
        return restore_features(_candidate(leading), tensors, k, dim, what)


def _candidate(leading: int) -> Candidate:
    return Candidate(
        Decoding.QUADRATIC, quadratic_monomials(leading), leading, {"leading": leading}
    )


KIND = QuadraticKind()
