"""A RealNVP flow: couplings that mix dimensions (Dinh, Sohl-Dickstein & Bengio 2017)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import CouplingKind, Method, Recipe
from kvsplice_core.codec.shapes import ScatterShape
from kvsplice_core.codec.transforms.base import TrainingRates, Transform
from kvsplice_core.codec.transforms.chained import BehindAxes
from kvsplice_core.codec.transforms.couplings import Coupling, SplineCoupling
from kvsplice_core.codec.transforms.spec import TransformSpec

_COUPLINGS = 3
_REGULARISER = 1e-4
_COUPLING_OF = {CouplingKind.AFFINE: Coupling, CouplingKind.RATIONAL_QUADRATIC: SplineCoupling}
_WEIGHTS = ("w1", "b1", "w2", "b2", "w3", "b3")


@dataclass(frozen=True)
class Flow:
    """Couplings in a row; dimensions keep their places, so the start is exactly the identity.

    The fixed random permutations of the published form are folded into the halves of each
    coupling: PCA afterwards does not see the order of dimensions.

    Parameters
    ----------
    couplings : tuple of Coupling
        Applied first to last.
    unit : Tensor, shape ()
        Vectors are divided by it on the way in and multiplied on the way out.
    dim : int
        Dimension d.
    """

    couplings: tuple[Coupling, ...]
    unit: Tensor
    dim: int
    kind = Method.FLOW

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        flat = x.reshape(-1, self.dim) / self.unit
        for coupling in self.couplings:
            flat = coupling.forward(flat)
        return (flat * self.unit).view(x.shape)

    def inverse(self, z: Tensor) -> Tensor:
        """Map back, couplings last to first."""
        flat = z.reshape(-1, self.dim) / self.unit
        for coupling in reversed(self.couplings):
            flat = coupling.inverse(flat)
        return (flat * self.unit).view(z.shape)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return halves, weights and unit by name."""
        named = {"unit": self.unit}
        for i, coupling in enumerate(self.couplings):
            named |= {f"{i}.kept": coupling.kept, f"{i}.moved": coupling.moved}
            pairs = zip(_WEIGHTS, coupling.weights, strict=True)
            named |= {f"{i}.{name}": weight for name, weight in pairs}
        return named

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the flow with `function` applied to its weights."""
        couplings = tuple(coupling.map(function) for coupling in self.couplings)
        return type(self)(couplings, function(self.unit), self.dim)

    def bend(self) -> float:
        """Mean size of the last layers' weights, the only thing between the flow and identity."""
        sizes = [coupling.weights[4].detach().abs().mean() for coupling in self.couplings]
        return float(torch.stack(sizes).mean())

    def shape(self, probe: Tensor) -> ScatterShape:
        """Return where the vectors `probe` (points, d) go."""
        with torch.no_grad():
            after = self.forward(probe)
        before = probe.detach().float().cpu().numpy().copy()
        return ScatterShape(before, after.detach().float().cpu().numpy().copy())


class FlowLearner:
    """Weights of the couplings, started so that the flow is the identity."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow.map(lambda weight: weight.detach().clone())
        for weight in self.parameters():
            weight.requires_grad_()

    def parameters(self) -> tuple[Tensor, ...]:
        """Return the weights of all couplings."""
        return tuple(w for coupling in self._flow.couplings for w in coupling.weights)

    def build(self) -> Flow:
        """Return the flow of the present weights."""
        return self._flow

    def regulariser(self, z: Tensor) -> Tensor:
        """Pull each dimension of z (batch, d) to mean 0 and variance 1, gently."""
        scaled = z / self._flow.unit
        penalty = scaled.mean(0) ** 2 + (scaled.var(0) - 1) ** 2
        return _REGULARISER * penalty.mean()


class FlowKind:
    """Three couplings with networks of two hidden layers of 128."""

    def start(
        self, train: Tensor, spec: TransformSpec, generator: Generator, previous: Transform | None
    ) -> FlowLearner:
        """Return a learner at the identity, or at `previous` if that is a flow of its couplings."""
        kind = _COUPLING_OF[spec.coupling]
        if isinstance(previous, Flow) and all(type(c) is kind for c in previous.couplings):
            return FlowLearner(previous)
        dim = train.shape[1]
        # The published recipe feeds vectors as they are; joint must serve captures of any scale.
        unit = train.new_ones(()) if spec.recipe is Recipe.ORIGIN else train.std().clamp_min(1e-6)
        halves = _halves(dim, generator)
        starts = (kind.identity(*half, generator) for half in halves)
        couplings = tuple(start.map(lambda weight: weight.to(train)) for start in starts)
        return FlowLearner(Flow(couplings, unit, dim))

    def rates(self, recipe: Recipe) -> TrainingRates:
        """Return AdamW at 1e-3 with the gradient's norm clipped at 1."""
        decay = 1e-4 if recipe is Recipe.ORIGIN else 0.0
        return TrainingRates(learning_rate=1e-3, weight_decay=decay, clip_norm=1.0)

    def restore(self, tensors: Mapping[str, Tensor], dim: int) -> Flow:
        """Rebuild a flow; refuses weights that do not fit."""
        count = sum(name.endswith(".kept") for name in tensors)
        try:
            couplings = tuple(
                _coupling(
                    tensors[f"{i}.kept"],
                    tensors[f"{i}.moved"],
                    tuple(tensors[f"{i}.{name}"] for name in _WEIGHTS),
                )
                for i in range(count)
            )
            flow = Flow(couplings, tensors["unit"], dim)
        except KeyError as error:
            raise CodecFileError(
                f"a flow codec must hold all couplings; {error} is missing"
            ) from error
        _check(flow)
        return flow


def _coupling(kept: Tensor, moved: Tensor, weights: tuple[Tensor, ...]) -> Coupling:
    """Return the coupling whose last layer has as many outputs for each moved dimension."""
    splines = len(weights[-1]) == SplineCoupling.outputs * moved.numel()
    return (SplineCoupling if splines else Coupling)(kept, moved, weights)


def _check(flow: Flow) -> None:
    if not flow.couplings:
        raise CodecFileError("a flow codec must hold at least one coupling; got none")
    if flow.unit.shape != () or not float(flow.unit) > 0:
        raise CodecFileError(f"a flow's unit must be one positive number; got {flow.unit.tolist()}")
    for coupling in flow.couplings:
        _check_coupling(coupling, flow.dim)


def _check_coupling(coupling: Coupling, dim: int) -> None:
    halves = (coupling.kept, coupling.moved)
    whole = all(half.dtype == torch.int64 and half.ndim == 1 for half in halves)
    if not whole or torch.cat(halves).sort().values.tolist() != list(range(dim)):
        raise CodecFileError(f"each coupling must name every one of {dim} dimensions once")
    kept, last = len(coupling.kept), coupling.outputs * len(coupling.moved)
    hidden = coupling.weights[1].numel()
    expected = ((hidden, kept), (hidden,), (hidden, hidden), (hidden,), (last, hidden), (last,))
    found = tuple(tuple(weight.shape) for weight in coupling.weights)
    if found != expected:
        raise CodecFileError(f"a coupling's layers must have shapes {expected}; got {found}")


def _halves(dim: int, generator: Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.arange(dim)
    halves = []
    for i in range(_COUPLINGS):
        first, second = order[: dim // 2], order[dim // 2 :]
        halves.append((first, second) if i % 2 == 0 else (second, first))
        order = order[torch.randperm(dim, generator=generator)]
    return halves


KIND = BehindAxes(FlowKind())
