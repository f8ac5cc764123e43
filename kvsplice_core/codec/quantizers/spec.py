"""Which quantizers there are, and what a user may ask of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kvsplice_core.base.errors import SpecError

if TYPE_CHECKING:
    from kvsplice_core.codec.quantizers.base import QuantizerKind

ROUNDING_BITS = (2, 3, 4, 5, 6, 7, 8)
CODEBOOKS = ("gaussian", "empirical")


class Quantization(Enum):
    """How the latent is stored.

    Each member is ``(key, label, module)``: the word typed on the command line, the name on
    screen, and the module of ``codec.quantizers`` that holds its ``KIND``. The module is
    imported when first used, because it needs torch.
    """

    HALF = ("fp16", "fp16", "half")
    INT8 = ("int8", "int8", "integer")
    INT4 = ("int4", "int4", "integer")
    ROUNDING = ("rounding", "Rounding per token", "rounding")
    LLOYD = ("lloyd-max", "Lloyd–Max", "scalar")
    COMPANDED = ("companded", "Companded", "scalar")
    ENTROPY = ("entropy-coded", "Entropy-coded", "entropy")

    def __init__(self, key: str, label: str, module: str) -> None:
        self.key = key
        self.label = label
        self._module = module

    @property
    def kind(self) -> QuantizerKind:
        """How this quantizer is fitted and restored (imports torch)."""
        module = import_module(f"kvsplice_core.codec.quantizers.{self._module}")
        return cast("QuantizerKind", module.KIND)

    @classmethod
    def of(cls, key: str) -> Quantization:
        """Return the quantizer typed as `key`.

        Raises
        ------
        SpecError
            If no quantizer has that key.
        """
        for quantization in cls:
            if quantization.key == key:
                return quantization
        known = ", ".join(quantization.key for quantization in cls)
        raise SpecError(f"a quantizer must be one of {known}; got {key!r}")


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

    kind: Quantization = Quantization.LLOYD
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
