"""A toy kind of each family, declared nowhere but here: a file, and a line each."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.codec.decoders.base import require_tensors
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.quantizers.base import by_rows, require_budget, require_no_tensors
from kvsplice_core.codec.registry import registered
from kvsplice_core.codec.transforms.base import TrainingRates

ASINH = Method(
    "asinh", "Asinh→PCA", f"{__name__}:TRANSFORM", column="AsinhPCA", heeds=(),
    numbers=lambda dim, spec: dim,
)  # fmt: skip
ABSOLUTE = Decoding("absolute", "absolute values", f"{__name__}:DECODER")
BYTES = Quantization("bytes", "Bytes", f"{__name__}:QUANTIZER", flags=("rotated",))
TOYS = (ASINH, ABSOLUTE, BYTES)


def declared() -> AbstractContextManager[None]:
    """Return the context in which there are toys."""
    return registered(*TOYS)


@dataclass(frozen=True)
class Asinh:
    """``z = u asinh(x / u)`` with a unit u of each dimension."""

    unit: Tensor
    kind = ASINH

    @property
    def dim(self) -> int:
        return len(self.unit)

    def forward(self, x: Tensor) -> Tensor:
        return self.unit * (x / self.unit).asinh()

    def inverse(self, z: Tensor) -> Tensor:
        return self.unit * (z / self.unit).sinh()

    def tensors(self) -> Mapping[str, Tensor]:
        return {"unit": self.unit}

    def map(self, function: Callable[[Tensor], Tensor]) -> "Asinh":
        return Asinh(function(self.unit))

    def bend(self) -> float:
        return float((1 / self.unit).mean())

    def shape(self, probe: Tensor) -> None:
        return None


class AsinhLearner:
    def __init__(self, scale: Tensor) -> None:
        self._raw = (4 * scale).log().requires_grad_()

    def parameters(self) -> tuple[Tensor, ...]:
        return (self._raw,)

    def build(self) -> Asinh:
        return Asinh(self._raw.exp())

    def regulariser(self, z: Tensor) -> None:
        return None


class AsinhKind:
    def start(self, train, spec, generator, previous):
        return AsinhLearner(train.std(0))

    def rates(self, recipe):
        return TrainingRates(learning_rate=1e-2)

    def restore(self, tensors, dim):
        require_tensors(tensors, {"unit": (dim,)}, "an asinh")
        return Asinh(tensors["unit"])


@dataclass(frozen=True)
class AbsoluteCorrection:
    """``c(z) = |z| W + b``."""

    weights: Tensor
    bias: Tensor
    kind = ABSOLUTE

    @property
    def k(self) -> int:
        return len(self.weights)

    @property
    def dim(self) -> int:
        return len(self.bias)

    def apply(self, latent: Tensor) -> Tensor:
        return latent.abs() @ self.weights + self.bias

    def settings(self) -> Mapping[str, int]:
        return {}

    def tensors(self) -> Mapping[str, Tensor]:
        return {"weights": self.weights, "bias": self.bias}

    def derived(self) -> tuple[Tensor, ...]:
        return ()

    def map(self, function: Callable[[Tensor], Tensor]) -> "AbsoluteCorrection":
        return AbsoluteCorrection(function(self.weights), function(self.bias))


class AbsoluteKind:
    def fit(self, latents, residuals, validation, spec):
        features = torch.cat([latents.abs(), torch.ones_like(latents[:, :1])], dim=1)
        solution = torch.linalg.lstsq(features.double(), residuals.double()).solution.float()
        yield 1.0
        return AbsoluteCorrection(solution[:-1].contiguous(), solution[-1].contiguous())

    def restore(self, tensors, settings, k, dim):
        require_tensors(tensors, {"weights": (k, dim), "bias": (dim,)}, "absolute values")
        return AbsoluteCorrection(tensors["weights"], tensors["bias"])


@dataclass(frozen=True)
class Bytes:
    """A byte of each number: the nearest of 255 steps of its unit."""

    k: int
    kind = BYTES

    @property
    def bytes_per_vector(self) -> int:
        return self.k

    def pack(self, latent: Tensor) -> Tensor:
        steps = (32 * latent.float().asinh()).round().clamp(-127, 127) + 127
        return steps.to(torch.uint8)

    def unpack(self, stored: Tensor) -> Tensor:
        return by_rows(lambda rows: ((rows.float() - 127) / 32).sinh(), stored, self.k)

    def settings(self) -> Mapping[str, int]:
        return {}

    def tensors(self) -> Mapping[str, Tensor]:
        return {}

    def map(self, function: Callable[[Tensor], Tensor]) -> "Bytes":
        return self


class BytesKind:
    def fit(self, latents, spec, budget_bits, weights=None):
        require_budget(latents.shape[1], budget_bits, "bytes")
        return Bytes(latents.shape[1])

    def restore(self, tensors, settings, k):
        require_no_tensors(tensors)
        return Bytes(k)


TRANSFORM, DECODER, QUANTIZER = AsinhKind(), AbsoluteKind(), BytesKind()
