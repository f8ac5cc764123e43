"""The linear decoder: nothing is added."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.decoders.base import Correction, Pair, Work, require_pairs
from kvsplice_core.codec.decoders.spec import DecoderSpec


class LinearKind:
    """Adds nothing to the linear decoder."""

    def fit(
        self, latents: Tensor, residuals: Tensor, validation: Pair, spec: DecoderSpec
    ) -> Work[Correction | None]:
        """Return None: there is nothing to learn."""
        del spec
        require_pairs((latents, residuals), validation)
        yield 1.0
        return None

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, object], k: int, dim: int
    ) -> Correction:
        """Refuse: a linear decoder stores no correction."""
        del tensors, settings, k, dim
        raise CodecFileError("a linear decoder must hold no correction; the file has one")


KIND = LinearKind()
