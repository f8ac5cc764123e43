"""How entropy-coded steps are fitted to latents, and restored from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.bound import gaussian_distortion
from kvsplice_core.codec.quantizers.base import (
    PreparingKind,
    Quantizer,
    Setting,
    require_budget,
    require_latents,
    whole_setting,
)
from kvsplice_core.codec.quantizers.classes import Classes, fit_classes
from kvsplice_core.codec.quantizers.entropy_coded import LEAST_BYTES, EntropyCoded
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.codec.quantizers.steps import OCTAVE

_MOST_CLASSES = 256
_TYPICAL_BITS = 2.5  # per component: classes are told apart as well as such codes tell them
_INT8 = 127
_SOME_ROWS = 4_096
_LEAST_STEP = 1e-12
_MOST_STEPS = 2**14  # in a deviation, as the tables can tell them
_STEP = 22.0  # the square of a step, in errors of a component at the bound
_HEAD_BITS = 12  # of class and size of the step, about


class EntropyCodedKind(PreparingKind):
    """How entropy-coded steps are fitted and restored."""

    def prepare(
        self, latents: Tensor, spec: QuantizerSpec, weights: Tensor | None = None
    ) -> Callable[[int], Quantizer]:
        """Fit the classes, which serve every budget."""
        require_latents(latents)
        x = latents.float()
        weights = torch.ones_like(x[0]) if weights is None else weights.to(x)
        centre, worth = x.double().mean(0).float(), weights.clamp_min(_LEAST_STEP).sqrt()
        scaled = (x - centre) * worth
        spread = scaled.var(0, correction=0)
        noise = _noise(spread, round(_TYPICAL_BITS * x.shape[1]))
        classes = fit_classes(scaled, _MOST_CLASSES, noise, spec.seed)

        def fitted(budget_bits: int) -> Quantizer:
            size = budget_bits // 8
            require_budget(LEAST_BYTES, budget_bits, "an entropy code")
            within = classes.variances[classes.of(scaled[:_SOME_ROWS], noise)].mean(0)
            step = (_STEP * _noise(within, max(0, 8 * size - _HEAD_BITS))) ** 0.5
            least = float(spread.max().sqrt()) / _MOST_STEPS
            return _written(classes, centre, worth, max(step, least, _LEAST_STEP), size)

        return fitted

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, Setting], k: int
    ) -> Quantizer:
        """Rebuild a quantizer; CodecFileError if its parts do not fit together."""
        size = whole_setting(settings, "bytes", LEAST_BYTES, 2**20)
        _require_parts(tensors, k)
        return EntropyCoded(**tensors, size=size)


def _noise(spread: Tensor, bits: int) -> float:
    """Return the error of a component at the Gaussian bound."""
    return gaussian_distortion(spread, bits) / len(spread)


def _written(
    classes: Classes, centre: Tensor, worth: Tensor, step: float, size: int
) -> EntropyCoded:
    """Return the quantizer whose usual step is `step`, means and deviations in a byte each."""
    means = classes.means / step
    unit = (means.abs().amax(0) / _INT8).clamp_min(_LEAST_STEP)
    scales = OCTAVE * (classes.variances.sqrt() / step).clamp_min(_LEAST_STEP).log2()
    return EntropyCoded(
        centre=centre,
        step=step / worth,
        unit=unit,
        means=(means / unit).round().to(torch.int8),
        scales=scales.round().clamp(-_INT8, _INT8).to(torch.int8),
        size=size,
    )


def _require_parts(tensors: Mapping[str, Tensor], k: int) -> None:
    """Raise CodecFileError unless centre, step, unit, means and scales belong together."""
    names = ("centre", "step", "unit", "means", "scales")
    if set(tensors) != set(names):
        raise CodecFileError(f"entropy codes need {', '.join(names)}; the file has {list(tensors)}")
    shapes = {name: tuple(tensors[name].shape) for name in names}
    table = (tensors["means"].shape[0], k)
    if any(shapes[n] != (k,) for n in names[:3]) or any(shapes[n] != table for n in names[3:]):
        raise CodecFileError(f"entropy codes of {k} components do not fit shapes {shapes}")
    if not 1 <= table[0] <= _MOST_CLASSES:
        raise CodecFileError(f"entropy codes need 1 … {_MOST_CLASSES} classes; got {table[0]}")
    if any(tensors[name].dtype != torch.int8 for name in names[3:]):
        raise CodecFileError("means and scales of entropy codes must be int8; the file has others")
    numbers = [tensors[name] for name in names[:3]]
    if not all(one.is_floating_point() and bool(one.isfinite().all()) for one in numbers):
        raise CodecFileError("numbers of entropy codes must be finite; the file has others")
    if not bool((tensors["step"] > 0).all()):
        raise CodecFileError("the steps of entropy codes must be above 0; the file has others")


KIND = EntropyCodedKind()
