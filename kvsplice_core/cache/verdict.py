"""What measured memory and time mean, in sentences; bad news as plainly as good."""

from __future__ import annotations

from kvsplice_core.base.formats import format_bytes, three_digits
from kvsplice_core.tasks.measure import COMPRESSED, FOLDED, DecodeCost, HeldBytes, MemoryPoint

_EVEN = 0.05


def verdict_on(
    points: tuple[MemoryPoint, ...],
    break_even: int | None,
    costs: tuple[DecodeCost, ...],
    why_not_folded: str,
) -> tuple[str, ...]:
    """Return what the measures say: bytes held, where they match the formula, time and peak.

    Parameters
    ----------
    points : tuple of MemoryPoint
        By rising length.
    break_even : int or None
        Tokens from which the compressed cache is no larger.
    costs : tuple of DecodeCost
        Dense first, then compressed and perhaps folded.
    why_not_folded : str
        Why there is no folded decoding; empty where there is.
    """
    dense, *others = costs
    sentences = [_held(points[-1], break_even), _formula(points)]
    sentences += [_decoding(cost, dense) for cost in others]
    if why_not_folded:
        sentences.append(f"Decoding cannot be folded: {why_not_folded}.")
    return tuple(sentences)


def _held(point: MemoryPoint, break_even: int | None) -> str:
    sizes = (format_bytes(point.compressed.total), format_bytes(point.dense.total))
    text = f"At {point.tokens} tokens the cache holds {sizes[0]} instead of {sizes[1]}"
    if break_even is None:
        return f"{text}, and it never becomes smaller than the dense one."
    if break_even > point.tokens:
        return f"{text}: it pays only from {break_even} tokens on, codecs counted."
    return f"{text}; it pays from {break_even} tokens on, codecs counted."


def _formula(points: tuple[MemoryPoint, ...]) -> str:
    def tokens_of(held: HeldBytes) -> tuple[int, ...]:
        return held.keys, held.values, held.raw, held.other

    exact = all(tokens_of(p.compressed) == tokens_of(p.formula) for p in points)
    side, counted = points[-1].compressed.side, points[-1].formula.side
    words = "agree to the byte" if exact else "differ"
    text = f"K, V and raw tokens {words} with the formula at every length"
    if side == counted:
        return f"{text}, and so do the codecs ({format_bytes(side)})."
    return (
        f"{text}; the codecs hold {format_bytes(side)}, the formula says {format_bytes(counted)}."
    )


def _decoding(cost: DecodeCost, dense: DecodeCost) -> str:
    name = {COMPRESSED: "Compressed", FOLDED: "Folded"}[cost.cache]
    return f"{name} decoding {_time(cost, dense)}, and its peak memory {_peak(cost, dense)}."


def _time(cost: DecodeCost, dense: DecodeCost) -> str:
    ratio = cost.token_s / dense.token_s
    ours, theirs = three_digits(1e3 * cost.token_s), three_digits(1e3 * dense.token_s)
    times = f"({ours} against {theirs} ms per token)"
    apart = cost.fastest_s > dense.slowest_s or dense.fastest_s > cost.slowest_s
    if abs(ratio - 1) <= _EVEN or (abs(ratio - 1) <= 0.2 and not apart):
        return f"takes about as long as dense {times}"
    if ratio > 1:
        return f"is {ratio:.2f} times slower than dense {times}"
    return f"is {1 / ratio:.2f} times faster than dense {times}"


def _peak(cost: DecodeCost, dense: DecodeCost) -> str:
    change = cost.peak_bytes / dense.peak_bytes - 1
    sizes = f"({format_bytes(cost.peak_bytes)} against {format_bytes(dense.peak_bytes)})"
    if change < -0.01:
        return f"falls by {three_digits(-100 * change)} % {sizes}"
    why = ": a layer is restored whole for every token" if cost.cache == COMPRESSED else ""
    if change <= 0.01:
        return f"does not fall {sizes}{why}"
    return f"rises by {three_digits(100 * change)} % {sizes}{why}"
