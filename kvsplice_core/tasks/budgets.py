"""How much is kept of a vector: numbers or bits per value, everything counted; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import text_of
from kvsplice_core.codec.pipeline import HALF_BITS

DEFAULT_COUNTED_TOKENS = 131_072
"""Tokens a codec's own numbers are spread over: one context of 128 k tokens."""
_MOST_BITS = 16
_FORM = "budgets must be written as k=8,16 or as bits=1,2.5"


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

    @property
    def words(self) -> str:
        """What is asked for, such as ``k 8`` or ``2.5 bits``."""
        return f"{self.bits:g} bits" if self.k is None else f"k {self.k}"


@dataclass(frozen=True)
class Budgets:
    """Several budgets of one unit.

    Parameters
    ----------
    unit : str
        ``k``, the numbers of 16 bits kept of each head's vector, or ``bits``, bits per value.
    amounts : tuple of float
        Whole numbers of at least 1, or bits above 0 and at most 16; sorted and freed of repeats.

    Raises
    ------
    SpecError
        If the unit is neither, or there is no amount, or one lies outside its range.
    """

    unit: str
    amounts: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.unit not in ("k", "bits") or not self.amounts:
            raise SpecError(f"{_FORM}; got {self.unit!r}, {self.amounts}")
        for amount in map(float, self.amounts):
            if self.unit == "k" and not (amount >= 1 and amount.is_integer()):
                raise SpecError(f"k must be a whole number of at least 1; got {amount:g}")
            if self.unit == "bits" and not 0 < amount <= _MOST_BITS:
                raise SpecError(f"bits must be above 0 and at most {_MOST_BITS}; got {amount:g}")
        object.__setattr__(self, "amounts", tuple(sorted({float(one) for one in self.amounts})))

    @classmethod
    def of(cls, text: str) -> Budgets:
        """Read a text such as ``k=8,16`` or ``bits=1,2.5``.

        Raises
        ------
        SpecError
            If it is none.
        """
        unit, _, listed = text.partition("=")
        try:
            amounts = tuple(float(one) for one in listed.split(","))
        except ValueError as error:
            raise SpecError(f"{_FORM}; got {text!r}") from error
        return cls(unit.strip(), amounts)

    @property
    def key(self) -> str:
        """The text that `of` reads as these budgets."""
        return f"{self.unit}={text_of(self.amounts)}"

    @property
    def each(self) -> tuple[Budget, ...]:
        """The budgets one by one."""
        if self.unit == "k":
            return tuple(Budget(k=int(amount)) for amount in self.amounts)
        return tuple(map(Budget, self.amounts))
