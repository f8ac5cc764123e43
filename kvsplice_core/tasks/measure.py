"""What a real cache was measured to hold and to cost; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, require_ranges, shared
from kvsplice_core.tasks.reading import model_option
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec

DTYPES = ("fp32", "fp16", "bf16")
"""Types of a number that a model is measured in."""
DENSE, COMPRESSED, FOLDED = "dense", "compressed", "folded"
_SHORTEST = 64


@dataclass(frozen=True)
class MeasureSpec:
    """What to measure.

    Parameters
    ----------
    tokens : tuple of int, optional
        Lengths at which the bytes are counted, rising, each ≥ 1; 64, 128, 256, … up to the
        model's context when omitted.
    decode_tokens : int, optional
        Tokens in the cache when decoding is timed; half the context, at most 1024, when omitted.
    steps : int
        Tokens decoded in one turn.
    turns : int
        Turns of each cache, in rotation; the first, a warm-up, is not counted.
    batch : int
        Sequences at once.
    windowed : bool
        Keep the first 4 and the newest 64 tokens raw.
    seed : int
        Of the random tokens that are read; bytes and time do not depend on what they say.

    Raises
    ------
    SpecError
        If a number is out of range or the lengths do not rise.
    """

    tokens: tuple[int, ...] | None = None
    decode_tokens: int | None = None
    steps: int = 8
    turns: int = 7
    batch: int = 1
    windowed: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("decode_tokens", "steps", "turns", "batch"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise SpecError(f"{name.replace('_', ' ')} must be at least 1; got {number}")
        if self.tokens is not None and (
            not self.tokens or self.tokens[0] < 1 or list(self.tokens) != sorted({*self.tokens})
        ):
            raise SpecError(f"token counts must rise from at least 1; got {self.tokens}")

    @classmethod
    def up_to(cls, tokens: int | None, *, batch: int = 1, windowed: bool = False) -> Self:
        """Return what measures up to `tokens` and times decoding just before them.

        None stands for the whole context, and decoding at half of it.
        """
        if tokens is None:
            return cls(batch=batch, windowed=windowed)
        steps = min(cls.steps, max(1, tokens - 1))
        return cls(_doubled(tokens), max(1, tokens - steps), steps, batch=batch, windowed=windowed)

    def lengths(self, context: int) -> tuple[int, ...]:
        """Return the lengths to count bytes at, for a model of `context` tokens.

        Raises
        ------
        SpecError
            If a length is more than the model reads.
        """
        if self.tokens is not None:
            _require_room(self.tokens[-1], context)
            return self.tokens
        return _doubled(context)

    def decode_length(self, context: int) -> int:
        """Return the tokens in the cache before decoding is timed.

        Raises
        ------
        SpecError
            If the tokens decoded do not fit behind them.
        """
        length = self.decode_tokens or max(1, min(context // 2, 1024))
        _require_room(length + self.steps, context)
        return length


def _doubled(most: int) -> tuple[int, ...]:
    """Return 64, 128, 256, … and `most` itself."""
    lengths = (_SHORTEST << i for i in range(most.bit_length()))
    return (*(length for length in lengths if length < most), most)


def _require_room(tokens: int, context: int) -> None:
    if tokens > context:
        raise SpecError(f"the model reads {context} tokens at most; got {tokens}")


@dataclass(frozen=True)
class HeldBytes:
    """Bytes of a cache by what they are for.

    Parameters
    ----------
    keys, values : int
        K and V as they are kept, without raw windows.
    raw : int
        Tokens kept raw beside their latents.
    side : int
        The codecs, once per model.
    other : int
        Whatever else the cache holds; none in a closed form.
    """

    keys: int
    values: int
    raw: int = 0
    side: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """Everything."""
        return self.keys + self.values + self.raw + self.side + self.other


@dataclass(frozen=True)
class MemoryPoint:
    """The caches of one sequence length.

    Parameters
    ----------
    tokens : int
        In each sequence.
    dense : HeldBytes
        Counted from the tensors of transformers' `DynamicCache`.
    compressed : HeldBytes
        Counted from the tensors of the compressed cache.
    formula_dense, formula : HeldBytes
        What the closed form says of both.
    """

    tokens: int
    dense: HeldBytes
    compressed: HeldBytes
    formula_dense: HeldBytes
    formula: HeldBytes

    @property
    def ratio(self) -> float:
        """Dense over compressed, side information counted; below 1 where it does not pay yet."""
        return self.dense.total / self.compressed.total


@dataclass(frozen=True)
class DecodeCost:
    """What decoding a token costs with one kind of cache.

    Parameters
    ----------
    cache : str
        ``dense``, ``compressed`` or ``folded``.
    token_s : float
        Seconds per decoding step (one token of each sequence), the median over the turns.
    fastest_s, slowest_s : float
        The fastest and the slowest turn.
    held_bytes : int
        What the cache holds before the decoding, side information counted.
    peak_bytes : int
        The most that lives at once while it decodes: `held_bytes`, and everything that torch's
        allocator handed out meanwhile (the weights of the model are not counted).
    """

    cache: str
    token_s: float
    fastest_s: float
    slowest_s: float
    held_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class MeasuredMemory:
    """What was measured on this machine, in one run.

    Parameters
    ----------
    model, card : str
        Names on screen.
    compresses : str
        ``V``, ``K`` or ``V and K``.
    dtype, device : str
        For example ``float32`` and ``cpu``.
    points : tuple of MemoryPoint
        By rising length.
    break_even_tokens : int or None
        Fewest tokens at which the compressed cache, side information counted, holds no more than
        the dense one; from the closed form of what the tensors hold. None if it never does.
    decode_tokens, batch : int
        Length and sequences at which decoding was timed.
    costs : tuple of DecodeCost
        Dense first.
    why_not_folded : str
        Why there is no folded decoding; empty where there is.
    verdict : tuple of str
        Sentences, good and bad news alike.
    """

    model: str
    card: str
    compresses: str
    dtype: str
    device: str
    points: tuple[MemoryPoint, ...]
    break_even_tokens: int | None
    decode_tokens: int
    batch: int
    costs: tuple[DecodeCost, ...]
    why_not_folded: str
    verdict: tuple[str, ...]

    def cost(self, cache: str) -> DecodeCost | None:
        """Return the cost of one kind of cache; None if it was not measured."""
        return next((cost for cost in self.costs if cost.cache == cache), None)


@dataclass(frozen=True)
class MeasureTask(Task):
    """What real caches hold and decoding costs on this machine, with a card and dense."""

    command: ClassVar[str] = "memory"
    runner: ClassVar[str] = "cache.tasks:measure_task"
    shows: ClassVar[str] = "print(result.verdict)"
    writes: ClassVar[tuple[str, ...]] = ("--measure",)

    model: str = model_option()
    card: str = option("Card", "the codecs in the cache, from kvsplice fit", flag="--card")
    tokens: int | None = option("Tokens", "tokens to measure up to", None, low=1)
    batch: int = option("Batch", "sequences at once", 1, low=1)
    mode: str = option(
        "Mode",
        "window: the first 4 and the newest 64 tokens stay raw",
        "strict",
        choices=("strict", "window"),
    )
    dtype: str = option("Type of numbers", "of K and V", "fp32", flag="--dtype", choices=DTYPES)
    device: str = shared(CalibrationSpec, "device")

    def __post_init__(self) -> None:
        require_ranges(self)

    @property
    def spec(self) -> MeasureSpec:
        """What to measure."""
        return MeasureSpec.up_to(self.tokens, batch=self.batch, windowed=self.mode == "window")
