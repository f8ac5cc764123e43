"""Timing a decode loop with one cache, and seeing the most memory it takes."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.cache.allocations import watch_allocations
from kvsplice_core.cache.compressed import CompressedCache
from kvsplice_core.cache.folded import folded
from kvsplice_core.tasks.measure import FOLDED, DecodeCost, HeldBytes

_PIECE = 256


class DecodeTimer:
    """Decodes the same tokens behind the same prefix again and again with one cache.

    Parameters
    ----------
    model : PreTrainedModel
    name : str
        ``dense``, ``compressed`` or ``folded``.
    cache : DynamicCache or CompressedCache
        Empty.
    ids : Tensor, shape (batch, tokens)
        The prefix and the tokens to decode.
    steps : int
        How many of `ids`, the last ones, are decoded in a turn.
    """

    def __init__(self, model: Any, name: str, cache: Any, ids: Tensor, steps: int) -> None:  # noqa: ANN401
        self._model, self._name, self._cache = model, name, cache
        self._prefix, self._next = ids[:, :-steps], ids[:, -steps:]
        self._seconds: list[float] = []
        self._held = self._peak = 0

    def warm_up(self) -> None:
        """Read the prefix, then decode once with an eye on the memory, untimed."""
        with self._attention(), watch_allocations(self._model.device) as watch:
            read(self._model, self._prefix, self._cache)
            self._held = held_bytes(self._cache).total
            watch.start()
            self._decode()
        self._peak = self._held + watch.peak_bytes
        self._cache.crop(-self._next.shape[1])

    def take_turn(self) -> None:
        """Decode and keep the time."""
        with self._attention():
            self._wait()
            started = time.perf_counter()
            self._decode()
            self._wait()
            self._seconds.append((time.perf_counter() - started) / self._next.shape[1])
        self._cache.crop(-self._next.shape[1])

    def cost(self) -> DecodeCost:
        """Return what was measured."""
        times = self._seconds
        return DecodeCost(self._name, median(times), min(times), max(times), self._held, self._peak)

    def _attention(self) -> AbstractContextManager[None]:
        return folded(self._model, self._cache) if self._name == FOLDED else nullcontext()

    @torch.no_grad()
    def _decode(self) -> None:
        for i in range(self._next.shape[1]):
            self._model(self._next[:, i : i + 1], past_key_values=self._cache)

    def _wait(self) -> None:
        if self._model.device.type == "cuda":
            torch.cuda.synchronize(self._model.device)


@torch.no_grad()
def read(model: Any, ids: Tensor, cache: Any) -> None:  # noqa: ANN401
    """Let `model` read (batch, tokens) into `cache`, a few hundred tokens at once."""
    for piece in torch.split(ids, _PIECE, dim=1):
        model(piece, past_key_values=cache, logits_to_keep=1)


def held_bytes(cache: Any) -> HeldBytes:  # noqa: ANN401 - a transformers Cache
    """Return the bytes of the tensors in a cache, compressed or dense."""
    if isinstance(cache, CompressedCache):
        held = cache.stored_bytes()
        return HeldBytes(held.keys, held.values, held.raw, held.side, held.other)
    keys, values = (
        sum(getattr(layer, name).nbytes for layer in cache.layers) for name in ("keys", "values")
    )
    return HeldBytes(keys, values)
