"""Reading captures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.data.capture import ATTENTION, CaptureFacts, facts_of, is_capture_metadata
from kvsplice_core.data.readers import open_tensors
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.data.tensors import TensorFile
from kvsplice_core.data.vectors import Values, load_values


@dataclass(frozen=True)
class Capture:
    """An opened capture; its numbers are read when asked for.

    Parameters
    ----------
    path : str
        The file.
    facts : CaptureFacts
        What it says of itself.
    """

    path: str
    facts: CaptureFacts

    @cached_property
    def sha256(self) -> str:
        """Hash of the whole file, in hexadecimal."""
        with Path(self.path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def values(
        self,
        side: str,
        layer: int,
        head: int | None = None,
        *,
        budget: int = SAMPLE_BUDGET,
        seed: int = 0,
    ) -> Values:
        """Return the vectors of a layer, with the beginnings of their documents.

        Parameters
        ----------
        side : str
            ``v`` or ``k``.
        layer : int
        head : int, optional
            All heads, those of a token together, when omitted.
        budget : int
            At most so many rows: a seeded sample of whole tokens.
        seed : int
            Seeds that sample.

        Raises
        ------
        SpecError
            If the capture does not hold it.
        """
        self._require(side in self.facts.sides.names, f"{side!r}", "side", self.facts.sides.names)
        self._require_layer(layer)
        return load_values(
            self.path,
            tensor=f"layers.{layer}.{side}",
            head=head,
            pool_heads=head is None,
            budget=budget,
            seed=seed,
        )

    def attention(self, layer: int) -> Tensor:
        """Return the mean squared attention each token receives, shape (tokens, kv_heads), fp32.

        Raises
        ------
        SpecError
            If it was not captured.
        """
        self._require_layer(layer)
        if not self.facts.attention:
            raise SpecError(f"attention must be captured with --attention; {self.path} lacks it")
        try:
            with safe_open(self.path, framework="pt") as file:
                tensor: Tensor = file.get_tensor(f"layers.{layer}{ATTENTION}")
                return tensor
        except Exception as error:
            raise DataError(f"{self.path} cannot be read any more", str(error)) from error

    def _require_layer(self, layer: int) -> None:
        self._require(layer in self.facts.layers, str(layer), "layer", self.facts.layers)

    def _require(self, held: bool, got: str, what: str, known: tuple[object, ...]) -> None:
        if not held:
            names = ", ".join(map(str, known))
            raise SpecError(f"{what} must be one the capture holds ({names}); got {got}")


def open_capture(path: str | Path) -> Capture:
    """Open a capture and check its tensors against what it says of itself.

    Raises
    ------
    DataError
        If the file is missing, damaged, or no capture.
    """
    file = open_tensors(path)
    facts = facts_of(file.metadata, str(path))
    _require_tensors(file, facts)
    return Capture(str(Path(path).expanduser()), facts)


def is_capture(path: str | Path) -> bool:
    """Say whether a file is a capture, by its metadata alone."""
    try:
        with safe_open(Path(path).expanduser(), framework="pt") as file:
            return is_capture_metadata(file.metadata() or {})
    except Exception:  # noqa: BLE001 - whatever it is, it is no capture
        return False


def _require_tensors(file: TensorFile, facts: CaptureFacts) -> None:
    held = {info.name: info for info in file.tensors}
    for layer in facts.layers:
        for side in facts.sides.names:
            name = f"layers.{layer}.{side}"
            info = held.get(name)
            fits = info is not None and len(info.shape) == 3 and info.dtype == facts.dtype
            if info is None or not fits or info.shape[0] != facts.tokens:
                raise DataError(
                    f"{file.source} must hold {facts.tokens} tokens of {name} in {facts.dtype}, "
                    f"as its header says; it does not"
                )
