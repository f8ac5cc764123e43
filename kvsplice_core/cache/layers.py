"""One layer of a compressed cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from kvsplice_core.cache.raw_tokens import RawTokens, Window
from kvsplice_core.codec.heads import HeadCodecs


class Side:
    """How one of K and V is kept: dense without codecs, else as latents and perhaps a raw window.

    The latents themselves stay in the layer (``keys``, ``values``), where transformers crops,
    reorders and repeats them.
    """

    def __init__(
        self,
        codecs: HeadCodecs | None,
        window: Window | None,
        pads: tuple[int, ...] | None = None,
    ) -> None:
        self.codecs = codecs
        self.raw = None if codecs is None or window is None else RawTokens(window, pads)

    def stored(self, x: Tensor) -> Tensor:
        """Return what is kept of new vectors (batch, heads, tokens, d)."""
        return x if self.codecs is None else self.codecs.encode(x)

    def restored(self, stored: Tensor, dtype: torch.dtype, *, by_token: bool = False) -> Tensor:
        """Return what attention reads of everything that is kept, in the model's dtype."""
        if self.codecs is None:
            return stored
        whole = self.codecs.decode(stored, dtype)
        if self.raw is None:
            return whole
        whole = self.raw.overlay_sinks(whole)
        return whole if by_token else self.raw.overlay_newest(whole)


class CompressedLayer(DynamicLayer):  # type: ignore[misc]  # transformers has no types here
    """Keeps latents where `DynamicLayer` keeps vectors, and hands reconstructions to attention.

    The reconstruction is handed out on the first update too: a cache that returned the original
    vectors there would cost nothing in one forward pass, and prove nothing.

    Parameters
    ----------
    keys, values : HeadCodecs, optional
        Codecs of K and V; what has none stays dense.
    window : Window, optional
        Tokens that stay raw; without it every token is read compressed, the current one too.
    pads : tuple of int, optional
        Columns of padding on the left of every row, which a window's first tokens come after.
    """

    keys: Tensor
    values: Tensor

    def __init__(
        self,
        keys: HeadCodecs | None = None,
        values: HeadCodecs | None = None,
        window: Window | None = None,
        pads: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.key_side = Side(keys, window, pads)
        self.value_side = Side(values, window, pads)
        self.reads_by_token = False
        """Whether attention overlays the newest tokens itself (see `by_token`)."""
        self.is_read_next = False
        """Whether the latest update waits for its attention, which comes right after it."""
        self.record_past = False
        """Whether a crop may follow every update; transformers' name."""
        self.gives_latents = False
        """Whether attention gets V's latents, to be decoded after the sum (see `folded`)."""

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        *args: object,
        **kwargs: object,
    ) -> tuple[Tensor, Tensor]:
        """Take in new K and V (batch, heads, new, d); return what attention reads of all."""
        del args, kwargs
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before = self.get_seq_length()
        keep_all = self.reads_by_token or self.record_past
        self.is_read_next = True
        new = ((self.key_side, key_states), (self.value_side, value_states))
        for side, states in new:
            if side.raw is not None:
                side.raw.add(states, before=before, keep_all=keep_all)
        self.keys = _behind(self.keys, self.key_side.stored(key_states))
        self.values = _behind(self.values, self.value_side.stored(value_states))
        dtype, by_token = key_states.dtype, self.reads_by_token
        keys = self.key_side.restored(self.keys, dtype, by_token=by_token)
        if self.gives_latents:
            return keys, self.values
        return keys, self.value_side.restored(self.values, dtype, by_token=by_token)

    def _raws(self) -> Iterator[RawTokens]:
        yield from (s.raw for s in (self.key_side, self.value_side) if s.raw is not None)

    def _change_raws(self, function: Callable[[Tensor], Tensor]) -> None:
        for raw in self._raws():
            raw.change(function)

    def activate_past_recording(self) -> None:
        """Keep every update raw until the next, for part of it may be cropped.

        transformers calls this before it lets guesses be verified.
        """
        self.record_past = True

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last tokens; `tokens_to_remove` is negative, as transformers wants it."""
        super().crop(tokens_to_remove)
        for raw in self._raws():
            raw.crop(abs(tokens_to_remove), self.get_seq_length())

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        for raw in self._raws():
            raw.clear()

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follow the beams."""
        super().reorder_cache(beam_idx)
        self._change_raws(lambda x: x.index_select(0, beam_idx.to(x.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every sequence of the batch."""
        super().batch_repeat_interleave(repeats)
        self._change_raws(lambda x: x.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some sequences of the batch."""
        super().batch_select_indices(indices)
        self._change_raws(lambda x: x[indices])

    def offload(self) -> None:
        """Move to the CPU."""
        super().offload()
        self._change_raws(lambda x: x.to("cpu", non_blocking=True))

    def prefetch(self) -> None:
        """Move back to the device of the model."""
        super().prefetch()
        if self.is_initialized:
            self._change_raws(lambda x: x.to(self.device, non_blocking=True))


def _behind(before: Tensor, new: Tensor) -> Tensor:
    """Append tokens; what an empty layer begins with has neither their shape nor their dtype.

    A layer's first tokens are copied too: they may be a view of all that a fused projection gave,
    which would then stay in memory.
    """
    return torch.cat([before, new] if before.numel() else [new], dim=-2)
