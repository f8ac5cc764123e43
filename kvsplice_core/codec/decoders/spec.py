"""What a user may ask of a decoder; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Decoding

MIN_DEGREE, MAX_DEGREE = 2, 7
MAX_FEATURES = 8_192
MAX_HIDDEN = 4_096


@dataclass(frozen=True)
class DecoderSpec:
    """One decoder.

    Parameters
    ----------
    kind : Decoding
        Which.
    degree : int
        Highest degree of the polynomial's monomials, 2 … 7; lower ones are tried too.
    features : int
        Most features of the quadratic and the polynomial decoder, 1 … 8192: products are taken
        only among as many leading latents as fit.
    epochs : int
        Passes of the MLP over the training vectors, ≥ 1, in each of its two runs.
    hidden : int
        Width of the MLP's two hidden layers, 1 … 4096.
    seed : int
        Seeds the MLP's start and shuffling.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    """

    kind: Decoding = Decoding.LINEAR
    degree: int = 3
    features: int = 2_048
    epochs: int = 80
    hidden: int = 128
    seed: int = 5

    def __post_init__(self) -> None:
        ranges = {
            "the degree": (self.degree, MIN_DEGREE, MAX_DEGREE),
            "the most features": (self.features, 1, MAX_FEATURES),
            "the epochs of a decoder": (self.epochs, 1, 1_000_000),
            "the width of a decoder": (self.hidden, 1, MAX_HIDDEN),
            "the seed": (self.seed, 0, 2**31 - 1),
        }
        for name, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise SpecError(f"{name} must lie between {low} and {high}; got {value}")
