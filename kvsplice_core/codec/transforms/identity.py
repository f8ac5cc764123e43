"""No transform: plain PCA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from torch import Generator, Tensor

from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.shapes import Shape
from kvsplice_core.codec.transforms.base import TrainingRates, Transform
from kvsplice_core.codec.transforms.spec import TransformSpec


@dataclass(frozen=True)
class Identity:
    """The bijection that changes nothing."""

    dim: int
    kind = Method.PCA

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        return x

    def inverse(self, z: Tensor) -> Tensor:
        """Return `z`."""
        return z

    def tensors(self) -> Mapping[str, Tensor]:
        """Return nothing: there is nothing to store."""
        return {}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return itself."""
        del function
        return self

    def bend(self) -> float:
        """Return 0: a straight line."""
        return 0.0

    def shape(self, probe: Tensor) -> Shape | None:
        """Return None: there is nothing to draw."""
        del probe
        return None


class IdentityKind:
    """PCA learns nothing in front of its basis."""

    def start(
        self, train: Tensor, spec: TransformSpec, generator: Generator, previous: Transform | None
    ) -> None:
        """Return None: nothing learns."""
        del train, spec, generator, previous

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return a rate that is never used."""
        del recipe
        return TrainingRates(learning_rate=0.0)

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Identity:
        """Return the identity of dimension `dim`."""
        del tensors
        return Identity(dim)


KIND = IdentityKind()
