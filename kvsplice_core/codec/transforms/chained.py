"""A transform behind other axes, and how every kind of transform is learnt there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Generator, Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import Axes, Method, Recipe
from kvsplice_core.codec.shapes import Shape
from kvsplice_core.codec.transforms.base import Learner, TrainingRates, Transform, TransformKind
from kvsplice_core.codec.transforms.linear import LinearAxes, linear_axes
from kvsplice_core.codec.transforms.spec import TransformSpec

_AXES, _THEN = "axes.", "then."
# How far the product of both stored matrices may lie from the identity.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Chained:
    """First other axes, then a transform in them.

    Parameters
    ----------
    axes : LinearAxes
    then : Transform
        Both of dimension d.
    """

    axes: LinearAxes
    then: Transform

    @property
    def kind(self) -> Method:
        """The kind of the transform in them."""
        return self.then.kind

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.axes.dim

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        return self.then.forward(self.axes.forward(x))

    def inverse(self, z: Tensor) -> Tensor:
        """Map back, the transform first."""
        return self.axes.inverse(self.then.inverse(z))

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the tensors of both, each behind its prefix."""
        named = {_AXES + name: tensor for name, tensor in self.axes.tensors().items()}
        return named | {_THEN + name: tensor for name, tensor in self.then.tensors().items()}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the chain with `function` applied to its tensors."""
        return type(self)(self.axes.map(function), self.then.map(function))

    def bend(self) -> float:
        """Return the bend of the transform; axes are straight."""
        return self.then.bend()

    def shape(self, probe: Tensor) -> Shape | None:
        """Return what the transform draws, in its own axes."""
        return self.then.shape(self.axes.forward(probe))


class AxesLearner:
    """Learns a transform behind axes that stay as they are."""

    def __init__(self, axes: LinearAxes, inner: Learner) -> None:
        self._axes = axes
        self._inner = inner

    def parameters(self) -> Iterable[Tensor]:
        """Return those of the transform."""
        return self._inner.parameters()

    def build(self) -> Chained:
        """Return the axes and the transform of the present parameters."""
        return Chained(self._axes, self._inner.build())

    def regulariser(self, z: Tensor) -> Tensor | None:
        """Return the transform's own penalty."""
        return self._inner.regulariser(z)


@dataclass(frozen=True)
class BehindAxes:
    """A kind of transform, in the axes a calibration asks for.

    Parameters
    ----------
    inner : TransformKind
        The kind itself; asked directly where the axes are raw.
    output_weight : Tensor, shape (d, hidden), optional
        W_O of the vectors, needed for ``Axes.OUTPUT``.
    """

    inner: TransformKind
    output_weight: Tensor | None = None

    def seeing(self, output_weight: Tensor | None) -> Self:
        """Return the kind with the output projection its vectors go into."""
        return replace(self, output_weight=output_weight)

    def start(
        self, train: Tensor, spec: TransformSpec, generator: Generator, previous: Transform | None
    ) -> Learner | None:
        """Return a learner in the axes of `spec`; a warm start stays in its own axes.

        Raises
        ------
        SpecError
            If the axes of the output projection are asked for and its weight is not known.
        """
        behind = isinstance(previous, Chained)
        if spec.axes is Axes.RAW:
            return self.inner.start(train, spec, generator, None if behind else previous)
        earlier = previous.then if isinstance(previous, Chained) else None
        axes = (
            previous.axes
            if isinstance(previous, Chained)
            else linear_axes(spec.axes, train, self.output_weight)
        )
        learner = self.inner.start(axes.forward(train), spec, generator, earlier)
        return None if learner is None else AxesLearner(axes, learner)

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return those of the kind itself."""
        return self.inner.rates(recipe)

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Transform:
        """Rebuild a transform, with its axes where it has some.

        Raises
        ------
        CodecFileError
            If the tensors do not fit, or the two matrices are not each other's inverse.
        """
        if not any(name.startswith((_AXES, _THEN)) for name in tensors):
            return self.inner.restore(tensors, dim)
        then = {n.removeprefix(_THEN): t for n, t in tensors.items() if n.startswith(_THEN)}
        return Chained(_restored_axes(tensors, dim), self.inner.restore(then, dim))


def _restored_axes(tensors: Mapping[str, Tensor], dim: int) -> LinearAxes:
    found = {name: tensors.get(_AXES + name) for name in ("matrix", "inverse")}
    matrix, inverse = found.values()
    if matrix is None or inverse is None or not matrix.shape == inverse.shape == (dim, dim):
        shapes = {name: None if t is None else tuple(t.shape) for name, t in found.items()}
        raise CodecFileError(
            f"axes must hold a matrix and its inverse of {dim} × {dim}; got {shapes}"
        )
    product = matrix.double() @ inverse.double()
    identity = torch.eye(dim, dtype=product.dtype, device=product.device)
    if not bool(((product - identity).abs() <= _ROUNDING).all()):
        raise CodecFileError("the stored axes must be undone by their inverse; they are not")
    return LinearAxes(matrix, inverse)
