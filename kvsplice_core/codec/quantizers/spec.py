"""What a user may ask of a quantizer; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Quantization

ROUNDING_BITS = (2, 3, 4, 5, 6, 7, 8)
CODEBOOKS = ("gaussian", "empirical")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)


@dataclass(frozen=True)
class QuantizerSpec:
    """One quantizer, before it has seen data.

    Parameters
    ----------
    kind : Quantization
        Which quantizer.
    group : int
        ``rounding``: numbers that share a minimum and a step, ≥ 1.
    bits_per_number : int, optional
        ``rounding``: 2 … 8; when omitted the most that the budget allows.
    gain : bool
        Levels: keep each latent's norm apart in fp16 and code its direction (gain–shape).
    rotate : bool
        Levels: turn the latent by a seeded random rotation first.
    codebook : str
        Levels: ``gaussian`` (those of a normal density, shared by all components) or
        ``empirical`` (fitted to each component's data).
    seed : int
        Seeds the rotation.

    Raises
    ------
    SpecError
        If a value lies outside its range.
    """

    kind: Quantization = Quantization.LLOYD_MAX
    group: int = 64
    bits_per_number: int | None = None
    gain: bool = True
    rotate: bool = False
    codebook: str = "empirical"
    seed: int = 5

    def __post_init__(self) -> None:
        _require(self.group >= 1, f"a group must hold at least 1 number; got {self.group}")
        _require(
            self.bits_per_number is None or self.bits_per_number in ROUNDING_BITS,
            f"rounding must use 2 to 8 bits per number; got {self.bits_per_number}",
        )
        _require(
            self.codebook in CODEBOOKS,
            f"a codebook must be one of {', '.join(CODEBOOKS)}; got {self.codebook!r}",
        )
        _require(0 <= self.seed < 2**31, f"the seed must lie in 0 … 2³¹−1; got {self.seed}")
