"""What a codec stores per value, with everything counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.pipeline import HALF_BITS


@dataclass(frozen=True)
class Counted:
    """Bits per value of one or several codecs.

    Parameters
    ----------
    vector_bits : float
        What is stored per token, per value: codes, scales and norms.
    side_bits : float
        The codecs themselves, spread over the tokens.
    """

    vector_bits: float
    side_bits: float

    @property
    def total(self) -> float:
        """Bits per value, everything counted."""
        return self.vector_bits + self.side_bits


def count_bits(codec: Codec, tokens: int, vectors_per_token: int = 1) -> Counted:
    """Count one codec.

    Parameters
    ----------
    codec : Codec
        Without a quantizer its k numbers are counted as fp16.
    tokens : int
        What its own bytes are spread over.
    vectors_per_token : int
        Vectors of a token that share it (pooled heads).
    """
    once = replace(codec, projection=codec.projection.shared())
    held = HeadCodecs((once,), heads=1).nbytes()
    kept = 8 * codec.stored_bytes(HALF_BITS // 8)
    return Counted(kept / codec.dim, 8 * held / (tokens * vectors_per_token * codec.dim))


def mean_bits(counted: list[Counted]) -> Counted:
    """Return the mean over codecs of vectors of equal size."""
    total = len(counted)
    return Counted(
        sum(one.vector_bits for one in counted) / total,
        sum(one.side_bits for one in counted) / total,
    )
