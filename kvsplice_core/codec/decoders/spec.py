"""The decoders: one line each, from which CLI and GUI build their choices, and their options."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kvsplice_core.base.errors import SpecError

if TYPE_CHECKING:
    from kvsplice_core.codec.decoders.base import DecoderKind

MIN_DEGREE, MAX_DEGREE = 2, 7
MAX_FEATURES = 8_192
MAX_HIDDEN = 4_096


class Decoding(Enum):
    """How vectors come back from their k numbers.

    Each member is ``(key, label, module)``: the word typed on the command line, the name on
    screen, and the module of ``codec.decoders`` that holds its ``KIND``. The module is
    imported when first used, because it needs torch.
    """

    LINEAR = ("linear", "linear", "linear")
    QUADRATIC = ("quadratic", "quadratic manifold", "quadratic")
    POLYNOMIAL = ("polynomial", "polynomial features", "polynomial")
    MLP = ("mlp", "MLP", "mlp")

    def __init__(self, key: str, label: str, module: str) -> None:
        self.key = key
        self.label = label
        self._module = module

    @property
    def kind(self) -> DecoderKind:
        """How this decoder is learnt and restored (imports torch)."""
        module = import_module(f"kvsplice_core.codec.decoders.{self._module}")
        return cast("DecoderKind", module.KIND)

    @classmethod
    def of(cls, key: str) -> Decoding:
        """Return the decoder typed as `key`.

        Raises
        ------
        SpecError
            If no decoder has that key.
        """
        for decoding in cls:
            if decoding.key == key:
                return decoding
        known = ", ".join(decoding.key for decoding in cls)
        raise SpecError(f"a decoder must be one of {known}; got {key!r}")


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
