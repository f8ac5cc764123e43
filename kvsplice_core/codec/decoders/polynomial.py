"""Every monomial of the leading latents up to a degree, corrected by one regression."""

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
from kvsplice_core.codec.decoders.monomials import all_monomials, count_all
from kvsplice_core.codec.decoders.spec import MAX_DEGREE, MIN_DEGREE, DecoderSpec
from kvsplice_core.codec.kinds import Decoding


class PolynomialKind:
    """``c(z) = Wᵀ φ(z) + b`` with all monomials φ of degree 1 … g of the scaled leading latents."""

    def fit(
        self, latents: Tensor, residuals: Tensor, validation: Pair, spec: DecoderSpec
    ) -> Work[Correction | None]:
        """Learn it; degree, leading latents and ridge strength the validation part decides."""
        k, degree = latents.shape[-1], spec.degree
        most = max((m for m in range(1, k + 1) if count_all(m, degree) <= spec.features), default=0)
        fewer = {most * part // 4 for part in (1, 2, 3)} - {0, most}
        tried = [(most, g) for g in range(degree, MIN_DEGREE - 1, -1)] if most else []
        tried += [(leading, degree) for leading in sorted(fewer, reverse=True)]
        candidates = [_candidate(leading, g) for leading, g in tried]
        return (yield from fit_features(latents, residuals, validation, candidates))

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, object], k: int, dim: int
    ) -> Correction:
        """Rebuild it; refuses tensors that do not fit."""
        leading = whole_setting(settings, "leading", 1, k)
        degree = whole_setting(settings, "degree", MIN_DEGREE, MAX_DEGREE)
        what = f"a polynomial of degree {degree} in {leading} latents"
        require_features(tensors, count_all(leading, degree), what)
        return restore_features(_candidate(leading, degree), tensors, k, dim, what)


def _candidate(leading: int, degree: int) -> Candidate:
    settings = {"leading": leading, "degree": degree}
    return Candidate(Decoding.POLYNOMIAL, all_monomials(leading, degree), leading, settings)


KIND = PolynomialKind()
