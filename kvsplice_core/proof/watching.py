"""What caches hand to attention, set beside what the card says they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card


@dataclass(eq=False)
class Given:
    """K and V of every layer as the model gave them to one cache, update by update."""

    keys: dict[int, list[Tensor]] = field(default_factory=dict)
    values: dict[int, list[Tensor]] = field(default_factory=dict)

    def add(self, key: Tensor, value: Tensor, layer: int) -> None:
        """Keep copies: a cache may write into what it is given."""
        self.keys.setdefault(layer, []).append(key.clone())
        self.values.setdefault(layer, []).append(value.clone())


@dataclass(eq=False)
class ReadErrors:
    """The largest error of what attention was handed, over all caches followed so far.

    Parameters
    ----------
    error : float
        The largest relative error of a side of a layer in a pass; NaN stays, as it must fail.
    vectors : int
        Tokens compared, over sides, layers and passes.
    """

    error: float = 0.0
    vectors: int = 0

    def follow(self, cache: Any, card: Card, compressed: Callable[[int], slice]) -> None:  # noqa: ANN401
        """Compare everything that the updates of `cache` return from now on.

        Parameters
        ----------
        cache : CompressedCache
            An empty one.
        card : Card
            What it should hold.
        compressed : callable
            Tells which of so many tokens must be returned compressed.
        """
        given, original = Given(), cache.update

        def update(key: Tensor, value: Tensor, layer: int, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            given.add(key, value, layer)
            got = original(key, value, layer, *args, **kwargs)
            self.compare(layer, card, given, got, compressed(got[0].shape[2]))
            return got

        cache.update = update

    def add(self, other: ReadErrors) -> None:
        """Take in what another one has seen."""
        self.error = larger(self.error, other.error)
        self.vectors += other.vectors

    @torch.no_grad()
    def compare(
        self, layer: int, card: Card, given: Given, got: tuple[Tensor, Tensor], tokens: slice
    ) -> None:
        """Set K and V of one layer beside the card's reconstruction of what the cache was given.

        A side without codecs must be what was given.
        """
        sides = ((card.keys, given.keys, got[0]), (card.values, given.values, got[1]))
        for codecs_of, parts, read in sides:
            raw = torch.cat(parts[layer], dim=-2)[:, :, tokens]
            if not raw.shape[2]:
                continue
            codecs = codecs_of.get(layer)
            if codecs is not None:
                raw = codecs.map(lambda tensor, at=raw.device: tensor.to(at)).reconstruct(raw)  # type: ignore[misc]
            self.vectors += raw.shape[2]
            self.error = larger(self.error, relative_error(read[:, :, tokens], raw))


def record_updates(cache: Any) -> Given:  # noqa: ANN401
    """Return what will hold all that `cache` is given from now on."""
    given, original = Given(), cache.update

    def update(key: Tensor, value: Tensor, layer: int, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        given.add(key, value, layer)
        return original(key, value, layer, *args, **kwargs)

    cache.update = update
    return given


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """Return ‖got − wanted‖ / ‖wanted‖; infinite for another shape."""
    if got.shape != wanted.shape:
        return float("inf")
    missed, size = (got.float() - wanted.float()).norm(), wanted.float().norm()
    return float(missed / size.clamp_min(torch.finfo(torch.float32).tiny))


def larger(a: float, b: float) -> float:
    """Return the larger number, or NaN where one is."""
    return b if b != b or b > a else a
