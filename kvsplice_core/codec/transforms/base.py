"""What every bijection in front of PCA offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from torch import Generator, Tensor

from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.shapes import Shape
from kvsplice_core.codec.transforms.spec import TransformSpec


class Transform(Protocol):
    """An immutable bijection of R^d; what is nonlinear in a codec.

    ``forward`` and ``inverse`` map (…, d) to (…, d), keep dtype and device, and are
    differentiable in their argument and in the tensors the transform was built from.
    """

    @property
    def kind(self) -> Method:
        """Which kind of transform it is."""
        ...

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        ...

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (…, d) to the straightened space (…, d)."""
        ...

    def inverse(self, z: Tensor) -> Tensor:
        """Map back; the exact inverse of `forward` up to rounding."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """Return everything needed to restore it, by name."""
        ...

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the same bijection with `function` applied to its tensors (detach, move)."""
        ...

    def bend(self) -> float:
        """Mean departure from a straight line, 0 for the identity; unit 1."""
        ...

    def shape(self, probe: Tensor) -> Shape | None:
        """Return what to draw; `probe` (points, d) are vectors a scatter may use."""
        ...


class Learner(Protocol):
    """The trainable side of a transform: owns parameters and builds transforms from them."""

    def parameters(self) -> Iterable[Tensor]:
        """Return the leaf tensors to optimise, each free of units (for Adam's step is absolute)."""
        ...

    def build(self) -> Transform:
        """Return the transform of the present parameters, gradients attached."""
        ...

    def regulariser(self, z: Tensor) -> Tensor | None:
        """Return a penalty on transformed vectors (batch, d), or None."""
        ...


@dataclass(frozen=True)
class TrainingRates:
    """How a recipe optimises a kind of transform."""

    learning_rate: float
    weight_decay: float = 0.0
    clip_norm: float | None = None


class TransformKind(Protocol):
    """What the registry knows of one kind of transform."""

    def start(
        self, train: Tensor, spec: TransformSpec, generator: Generator, previous: Transform | None
    ) -> Learner | None:
        """Return a learner that starts at the identity or at `previous`; None if nothing learns."""
        ...

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return the optimiser's settings under `recipe`."""
        ...

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Transform:
        """Rebuild a transform from `Transform.tensors`; CodecFileError if they do not fit."""
        ...
