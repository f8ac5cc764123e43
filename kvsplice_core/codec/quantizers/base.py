"""What every quantizer offers, and the checks and byte views they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol, Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, DataError, SpecError
from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.spec import QuantizerSpec

Setting = int | bool | str
HALF_MAX = 65_504.0
_CHUNK_ROWS = 4_096


class Quantizer(Protocol):
    """A fitted, immutable map of k numbers to a fixed number of bytes, and back."""

    @property
    def kind(self) -> Quantization:
        """Which kind of quantizer it is."""
        ...

    @property
    def k(self) -> int:
        """Numbers per latent vector."""
        ...

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes, scales and norms included."""
        ...

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k), any floating dtype, as uint8 (…, bytes_per_vector)."""
        ...

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k) from uint8 (…, bytes_per_vector)."""
        ...

    def settings(self) -> Mapping[str, Setting]:
        """Return what a file's JSON must say of it; with `tensors` enough to restore it."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """Return its side information, float32, int64 or int8, counted once per codec."""
        ...

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the same quantizer with `function` applied to its tensors (move)."""
        ...


class WithoutTensors:
    """A quantizer with no side information: what it needs lies with each vector, or nowhere."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Return nothing."""
        return {}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:  # noqa: ARG002
        """Return itself."""
        return self


class QuantizerKind(Protocol):
    """What the registry knows of one kind of quantizer."""

    def fit(
        self,
        latents: Tensor,
        spec: QuantizerSpec,
        budget_bits: int,
        weights: Tensor | None = None,
    ) -> Quantizer:
        """Fit a quantizer that stores at most `budget_bits` per vector.

        Parameters
        ----------
        latents : Tensor, shape (n, k)
            What it will store the like of.
        spec : QuantizerSpec
            The user's choices.
        budget_bits : int
            Bits per vector; scales, norms and the padding to whole bytes count.
        weights : Tensor, shape (k,), optional
            What a unit of squared error of each component costs; 1 when omitted.

        Raises
        ------
        SpecError
            If the budget is too small.
        DataError
            If `latents` is not a finite floating-point matrix.
        """
        ...

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, Setting], k: int
    ) -> Quantizer:
        """Rebuild a quantizer; CodecFileError if the tensors or settings do not fit."""
        ...


class PreparingKind(ABC):
    """A kind whose fit spends its time on what no budget changes."""

    @abstractmethod
    def prepare(
        self, latents: Tensor, spec: QuantizerSpec, weights: Tensor | None = None
    ) -> Callable[[int], Quantizer]:
        """Return what fits a quantizer to any budget of bits; see `QuantizerKind.fit`."""

    def fit(
        self,
        latents: Tensor,
        spec: QuantizerSpec,
        budget_bits: int,
        weights: Tensor | None = None,
    ) -> Quantizer:
        """Fit a quantizer to one budget; see `QuantizerKind.fit`."""
        return self.prepare(latents, spec, weights)(budget_bits)


def require_latents(latents: Tensor) -> None:
    """Raise DataError unless `latents` is a finite floating-point (n ≥ 1, k ≥ 1)."""
    shape = tuple(latents.shape)
    if latents.ndim != 2 or latents.numel() == 0 or not latents.is_floating_point():
        raise DataError(
            f"a quantizer needs floating-point latents (n, k); got {latents.dtype} {shape}"
        )
    if not bool(latents.isfinite().all()):
        raise DataError("a quantizer needs finite latents; got infinities or NaN")


def require_latent(latent: Tensor, k: int) -> None:
    """Raise DataError unless `latent` is floating point with a last axis of `k`."""
    if not latent.is_floating_point() or latent.ndim == 0 or latent.shape[-1] != k:
        raise DataError(
            f"latents to pack must be floating point with a last axis of {k}; "
            f"got {latent.dtype} of shape {tuple(latent.shape)}"
        )


def require_stored(stored: Tensor, size: int) -> None:
    """Raise DataError unless `stored` is uint8 with a last axis of `size` bytes."""
    if stored.dtype != torch.uint8 or stored.ndim == 0 or stored.shape[-1] != size:
        raise DataError(
            f"stored latents must be uint8 with a last axis of {size}; "
            f"got {stored.dtype} of shape {tuple(stored.shape)}"
        )


def require_budget(needed_bytes: int, budget_bits: int, what: str) -> None:
    """Raise SpecError if `needed_bytes` per vector do not fit into `budget_bits`."""
    if needed_bytes > budget_bits // 8:
        raise SpecError(
            f"{what} needs {needed_bytes * 8} bits per vector; the budget is {budget_bits}"
        )


def require_no_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Raise CodecFileError if a quantizer without side information was given some."""
    if tensors:
        raise CodecFileError(
            f"this quantizer must hold no tensors; the file has {', '.join(sorted(tensors))}"
        )


def whole_setting(settings: Mapping[str, Setting], name: str, low: int, high: int) -> int:
    """Return the whole number `name` of `settings`; CodecFileError unless low … high."""
    number = settings.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise CodecFileError(
            f"a quantizer's {name} must be a whole number in {low} … {high}; got {number!r}"
        )
    return number


def flag_setting(settings: Mapping[str, Setting], name: str) -> bool:
    """Return the truth value `name` of `settings`; CodecFileError if it is none."""
    flag = settings.get(name)
    if not isinstance(flag, bool):
        raise CodecFileError(f"a quantizer's {name} must be true or false; got {flag!r}")
    return flag


def by_rows(function: Callable[[Tensor], Tensor], x: Tensor, width: int) -> Tensor:
    """Apply `function`, (rows, a) to (rows, width), to x (…, a) in chunks that bound memory."""
    rows = x.reshape(-1, x.shape[-1])
    parts = [function(chunk) for chunk in torch.split(rows, _CHUNK_ROWS)]
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    return joined.reshape(*x.shape[:-1], width)


def to_half_bytes(x: Tensor) -> Tensor:
    """Return numbers (…, m) as fp16 in bytes (…, 2m), clamped to its range."""
    return x.float().clamp(-HALF_MAX, HALF_MAX).half().contiguous().view(torch.uint8)


def from_half_bytes(stored: Tensor) -> Tensor:
    """Return fp16 bytes (…, 2m) as float32 (…, m)."""
    aligned = stored.clone(memory_format=torch.contiguous_format)  # a view may start at an odd byte
    return aligned.view(torch.float16).float()
