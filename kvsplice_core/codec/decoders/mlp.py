"""A small network as decoder: the upper reference of what a decoder can know."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Tensor

from kvsplice_core.codec.decoders.base import (
    Correction,
    Pair,
    Setting,
    Work,
    require_pairs,
    require_tensors,
    whole_setting,
)
from kvsplice_core.codec.decoders.scaling import Scaling
from kvsplice_core.codec.decoders.spec import MAX_HIDDEN, DecoderSpec
from kvsplice_core.codec.kinds import Decoding

_LEARNING_RATE = 3e-3
# A clean curve wants none; few and noisy vectors want much. The validation part decides.
_WEIGHT_DECAYS = (0.0, 1.0)
_BATCH, _MOST_BATCH, _STEPS_PER_EPOCH = 256, 4_096, 32
_CHUNK_ROWS = 16_384
_LEAST_GAIN = 1e-3
_WEIGHTS = ("w1", "b1", "w2", "b2", "w3", "b3")
Weights = tuple[Tensor, ...]


@dataclass(frozen=True)
class NetworkCorrection:
    """Two hidden layers with GELU on scaled latents.

    Parameters
    ----------
    scaling : Scaling
        Of all k latents.
    weights : tuple of 6 Tensor
        Weight and bias of three linear layers k → hidden → hidden → d, units of the residual
        included in the last.
    """

    scaling: Scaling
    weights: Weights
    kind = Decoding.MLP

    @property
    def k(self) -> int:
        """Numbers kept per vector."""
        return self.scaling.leading

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return len(self.weights[-1])

    def apply(self, latent: Tensor) -> Tensor:
        """Return what to add, (…, d) for latents (…, k)."""
        flat = latent.reshape(-1, latent.shape[-1])
        parts = [
            _network(self.scaling.apply(p), self.weights) for p in torch.split(flat, _CHUNK_ROWS)
        ]
        return torch.cat(parts).reshape(*latent.shape[:-1], self.dim).to(latent.dtype)

    def settings(self) -> Mapping[str, Setting]:
        """Return the width of the hidden layers."""
        return {"hidden": len(self.weights[1])}

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the layers and the scaling."""
        return {**dict(zip(_WEIGHTS, self.weights, strict=True)), **self.scaling.tensors()}

    def derived(self) -> tuple[Tensor, ...]:
        """Return nothing: its tensors are all it holds."""
        return ()

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the correction with `function` applied to its tensors."""
        return type(self)(self.scaling.map(function), tuple(map(function, self.weights)))


class MlpKind:
    """AdamW with cosine decay on the squared residual, without and with weight decay.

    The epoch of either run that is best on the validation part is kept.
    """

    def fit(
        self, latents: Tensor, residuals: Tensor, validation: Pair, spec: DecoderSpec
    ) -> Work[Correction | None]:
        """Learn it from the training part; the validation part chooses the run and its epoch."""
        require_pairs((latents, residuals), validation)
        scaling = Scaling.of(latents, latents.shape[1])
        unit = residuals.float().square().mean().sqrt().clamp_min(torch.finfo(torch.float32).tiny)
        held = scaling.apply(validation[0]), validation[1].float() / unit
        inputs, targets = scaling.apply(latents), residuals.float() / unit
        least = (1 - _LEAST_GAIN) * _error(held[1])
        best: Weights | None = None
        for run, decay in enumerate(_WEIGHT_DECAYS):
            for progress, weights in _epochs(inputs, targets, spec, decay):
                error = _error(held[1] - _in_parts(held[0], weights))
                if error < least:
                    best, least = tuple(weight.clone() for weight in weights), error
                yield (run + progress) / len(_WEIGHT_DECAYS)
        if best is None:
            return None
        return NetworkCorrection(scaling, (*best[:4], best[4] * unit, best[5] * unit))

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, object], k: int, dim: int
    ) -> Correction:
        """Rebuild it; refuses tensors that do not fit."""
        hidden = whole_setting(settings, "hidden", 1, MAX_HIDDEN)
        shapes = ((hidden, k), (hidden,), (hidden, hidden), (hidden,), (dim, hidden), (dim,))
        expected: dict[str, tuple[int, ...]] = dict(zip(_WEIGHTS, shapes, strict=True))
        expected |= dict.fromkeys(("mean", "spread", "low", "high"), (k,))
        require_tensors(tensors, expected, "an MLP decoder")
        return NetworkCorrection(
            Scaling.restored(tensors), tuple(tensors[name] for name in _WEIGHTS)
        )


def _epochs(
    inputs: Tensor, targets: Tensor, spec: DecoderSpec, decay: float
) -> Generator[tuple[float, Weights], None, None]:
    """Train; yield the share that is done and the present weights after every epoch."""
    generator = torch.Generator().manual_seed(spec.seed)
    widths = (inputs.shape[1], spec.hidden, spec.hidden, targets.shape[1])
    weights = _start(widths, generator, inputs)
    size = min(len(inputs), _MOST_BATCH, max(_BATCH, len(inputs) // _STEPS_PER_EPOCH))
    steps = len(inputs) // size
    optimiser = torch.optim.AdamW(weights, lr=_LEARNING_RATE, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, spec.epochs * steps)
    for epoch in range(1, spec.epochs + 1):
        order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
        for rows in torch.split(order[: steps * size], size):
            error = (_network(inputs[rows], weights) - targets[rows]).square().mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(error)
            optimiser.step()
            schedule.step()
        yield epoch / spec.epochs, tuple(weight.detach() for weight in weights)


def _start(widths: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Weights:
    """Return seeded weights, the last layer zero: the start is the linear decoder."""
    weights: list[Tensor] = []
    for index, (into, out) in enumerate(pairwise(widths)):
        gain = 0.0 if index == len(widths) - 2 else (2 / into) ** 0.5
        matrix = gain * torch.randn(out, into, generator=generator)
        weights += [matrix, torch.zeros(out)]
    return tuple(weight.to(like).requires_grad_() for weight in weights)


def _network(x: Tensor, weights: Weights) -> Tensor:
    w1, b1, w2, b2, w3, b3 = weights
    hidden = F.gelu(F.linear(x, w1, b1))
    return F.linear(F.gelu(F.linear(hidden, w2, b2)), w3, b3)


def _in_parts(x: Tensor, weights: Weights) -> Tensor:
    with torch.no_grad():
        return torch.cat([_network(part, weights) for part in torch.split(x, _CHUNK_ROWS)])


def _error(rest: Tensor) -> float:
    return float(rest.square().mean(1).cpu().double().mean())


KIND = MlpKind()
