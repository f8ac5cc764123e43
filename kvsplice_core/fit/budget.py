"""What a codec stores per value, with everything counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.pipeline import HALF_BITS
from kvsplice_core.tasks.frontier import DEFAULT_COUNTED_TOKENS


@dataclass(frozen=True)
class Budget:
    """How much is kept of a vector, and how the codec's own bytes are counted.

    Parameters
    ----------
    bits : float, optional
        Bits per value, everything counted; above 0 and at most 32.
    tokens : int
        The codec's own bytes (bases, knots, decoders, codebooks, scales) are held once per model:
        they are spread over so many tokens.
    k : int, optional
        In place of bits: the bytes of k numbers of 16 bits per vector, ≥ 1.

    Raises
    ------
    SpecError
        If one lies outside its range, or not exactly one of bits and k is given.
    """

    bits: float | None = None
    tokens: int = DEFAULT_COUNTED_TOKENS
    k: int | None = None

    def __post_init__(self) -> None:
        if (self.bits is None) == (self.k is None):
            raise SpecError(f"a budget must be bits or k; got bits {self.bits} and k {self.k}")
        if self.k is not None and self.k < 1:
            raise SpecError(f"k must be at least 1; got {self.k}")
        if self.bits is not None and not 0 < self.bits <= 32:
            raise SpecError(f"bits per value must lie above 0 and be at most 32; got {self.bits}")
        if self.tokens < 1:
            raise SpecError(f"the tokens to count over must be at least 1; got {self.tokens}")

    def bits_for(self, dim: int) -> float:
        """Return the bits per value of vectors of `dim` numbers; SpecError if k exceeds that."""
        if self.k is None:
            assert self.bits is not None
            return self.bits
        if self.k > dim:
            raise SpecError(f"k must lie between 1 and the dimension {dim}; got {self.k}")
        return HALF_BITS * self.k / dim


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
