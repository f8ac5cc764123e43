"""Latents in units of their own spread, kept inside the range that was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError

# Of the range on either side: room for a vector a little beyond those seen.
_MARGIN = 0.1


@dataclass(frozen=True)
class Scaling:
    """``(clamp(z, low, high) − mean) / spread`` for the leading latents.

    The clamp bounds what high degrees make of an outlier: a vector beyond the range that was
    seen is corrected like one at its edge.

    Parameters
    ----------
    mean, spread, low, high : Tensor, shape (leading,)
        Mean, standard deviation and range of the training latents, the range widened by a tenth
        on either side; in units of z.
    """

    mean: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor

    @property
    def leading(self) -> int:
        """How many latents it keeps, the first ones."""
        return len(self.mean)

    @classmethod
    def of(cls, latents: Tensor, leading: int) -> Self:
        """Return the scaling of training latents (n, k), n ≥ 2."""
        z = latents[:, :leading].float()
        low, high = torch.aminmax(z, dim=0)
        room = _MARGIN * (high - low)
        mean = z.mean(0)
        spread = (z - mean).square_().mean(0).sqrt()
        # A latent that never moves stays at 0 rather than amplify its rounding.
        moving = spread > 1e-6 * mean.abs().clamp_min(torch.finfo(z.dtype).tiny)
        spread = torch.where(moving, spread, torch.ones_like(spread))
        return cls(mean, spread, low - room, high + room)

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return the scaling that a file holds; CodecFileError unless it has spread and range."""
        scaling = cls(*(tensors[name] for name in ("mean", "spread", "low", "high")))
        usable = (scaling.spread > 0) & (scaling.low <= scaling.high)
        if not bool(usable.all()):
            raise CodecFileError(
                "a decoder's spreads must be above 0 and its ranges ascend; the stored ones do not"
            )
        return scaling

    def apply(self, latents: Tensor) -> Tensor:
        """Return (n, leading) of latents (n, k), in the dtype of the scaling."""
        z = latents[:, : self.leading].to(self.mean.dtype)
        return (torch.clamp(z, self.low, self.high) - self.mean) / self.spread

    def tensors(self) -> dict[str, Tensor]:
        """Return its four tensors by name, in the order of the fields."""
        return {"mean": self.mean, "spread": self.spread, "low": self.low, "high": self.high}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the scaling with `function` applied to its tensors."""
        return type(self)(*map(function, self.tensors().values()))
