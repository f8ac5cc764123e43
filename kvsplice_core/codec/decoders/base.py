"""What every decoder beside the linear one offers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Protocol, Self, TypeVar

from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, DataError
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding

Setting = int | bool | str
Result = TypeVar("Result")
Work = Generator[float, None, Result]
"""Long work: yields the share that is done, 0 … 1; closing it cancels."""
Pair = tuple[Tensor, Tensor]
"""Latents (n, k) and the residuals (n, d) that belong to them."""


class Correction(Protocol):
    """The fitted c of ``x̂ = s⁻¹(D(z) + c(z))``; immutable."""

    @property
    def kind(self) -> Decoding:
        """Which decoder it belongs to."""
        ...

    @property
    def k(self) -> int:
        """Numbers kept per vector."""
        ...

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        ...

    def apply(self, latent: Tensor) -> Tensor:
        """Return what to add, (…, d) for latents (…, k), in the space of D(z)."""
        ...

    def settings(self) -> Mapping[str, Setting]:
        """Return what the tensors do not tell, for a file's header."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """Return everything learnt, by name: float32 or int64."""
        ...

    def derived(self) -> tuple[Tensor, ...]:
        """Return what it keeps in memory beside `tensors`: made from its settings, in no file."""
        ...

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the same correction with `function` applied to its tensors (detach, move)."""
        ...


class DecoderKind(Protocol):
    """What the registry knows of one kind of decoder."""

    def fit(
        self, latents: Tensor, residuals: Tensor, validation: Pair, spec: DecoderSpec
    ) -> Work[Correction | None]:
        """Learn what the linear decoder leaves over.

        Parameters
        ----------
        latents : Tensor, shape (n, k)
            What the decoder will get, dequantised where a quantizer follows; the most important
            first, for products may be taken of the leading ones only.
        residuals : Tensor, shape (n, d)
            ``s(x) − D(z)`` of the same vectors.
        validation : tuple of Tensor, shapes (m, k) and (m, d)
            Latents and residuals of other documents, which decide how strongly to smooth.
        spec : DecoderSpec
            What is asked.

        Returns
        -------
        Correction or None
            None where nothing beats the linear decoder on the validation part.

        Raises
        ------
        DataError
            If latents and residuals do not belong together, or are not finite.
        """
        ...

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, object], k: int, dim: int
    ) -> Correction:
        """Rebuild from `Correction.tensors` and `settings`; CodecFileError if they do not fit."""
        ...


def require_pairs(training: Pair, validation: Pair) -> None:
    """Raise DataError unless both parts are latents (n, k) and residuals (n, d), n ≥ 2, finite."""
    for name, (latents, residuals) in {"training": training, "validation": validation}.items():
        shapes = f"got {tuple(latents.shape)} and {tuple(residuals.shape)}"
        if latents.ndim != 2 or residuals.ndim != 2 or len(latents) != len(residuals):
            raise DataError(
                f"{name} latents and residuals must have shapes (n, k) and (n, d); {shapes}"
            )
        if len(latents) < 2:
            raise DataError(f"the {name} part of a decoder needs at least 2 vectors; {shapes}")
        # One pass over them: the sum of numbers one of which is not finite is not finite either.
        if not bool((latents.sum() + residuals.sum()).isfinite()):
            raise DataError(f"{name} latents and residuals must be finite; some are not")
    widths = [(pair[0].shape[1], pair[1].shape[1]) for pair in (training, validation)]
    if widths[0] != widths[1]:
        raise DataError(
            f"training and validation must have the same k and d; got {widths[0]} and {widths[1]}"
        )


def require_tensors(
    tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], what: str
) -> None:
    """Raise CodecFileError unless `tensors` are those of `expected`, floating point."""
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != dict(expected) or not all(t.is_floating_point() for t in tensors.values()):
        raise CodecFileError(f"{what} must hold tensors of shapes {dict(expected)}; got {found}")


def whole_setting(settings: Mapping[str, object], name: str, low: int, high: int) -> int:
    """Return a whole number of a file's header; CodecFileError unless it lies in low … high."""
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise CodecFileError(f"a decoder's {name} must lie in {low} … {high}; got {value!r}")
    return value
