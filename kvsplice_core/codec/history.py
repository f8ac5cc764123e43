"""What is kept of vectors that have gone by: their moments, and a few of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, DataError, SpecError
from kvsplice_core.codec.pca import PCA, mean_and_scatter, principal_axes

REPLAY_ROWS = 2_048
HELD_OUT_ROWS = 1_024
_SEED = 5


@dataclass(frozen=True)
class Moments:
    """Count, mean and scatter of vectors, in fp64 on the CPU.

    Parameters
    ----------
    count : float
        Vectors n; a fraction where older ones were partly forgotten.
    mean : Tensor, shape (d,)
    scatter : Tensor, shape (d, d)
        ``Σ (x − mean)(x − mean)ᵀ``, in units of V squared.

    References
    ----------
    Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
    variances".
    """

    count: float
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Return those of vectors (n, d), n ≥ 1, on any device."""
        if rows.ndim != 2 or len(rows) == 0:
            raise DataError(
                f"moments need vectors (n, d), n at least 1; got shape {tuple(rows.shape)}"
            )
        mean, scatter = mean_and_scatter(rows)
        return cls(float(len(rows)), mean.cpu(), scatter.cpu())

    @property
    def dim(self) -> int:
        """Dimension d."""
        return len(self.mean)

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance (d, d)."""
        return self.scatter / max(self.count - 1, 1.0)

    @property
    def total_variance(self) -> float:
        """The sum of the variances of all dimensions."""
        return float(self.covariance.trace())

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets of vectors together; exact.

        Raises
        ------
        DataError
            If they are of another dimension.
        """
        require_dim(other.dim, self.dim)
        count = self.count + other.count
        if count == 0:
            return self
        share, apart = other.count / count, other.mean - self.mean
        between = self.count * share * torch.outer(apart, apart)
        return Moments(count, self.mean + share * apart, self.scatter + other.scatter + between)

    def forgotten(self, share: float) -> Moments:
        """Return the moments with every vector weighing 1 − `share` of what it did.

        Forgetting the same share before each merger is exponential forgetting.

        Raises
        ------
        SpecError
            If `share` lies outside 0 … 1.
        """
        require_share(share)
        return Moments(self.count * (1 - share), self.mean, self.scatter * (1 - share))

    def pca(self, like: Tensor | None = None) -> PCA:
        """Return what `fit_pca` finds in all the vectors, up to rounding.

        In the dtype and on the device of `like`; fp32 on the CPU when omitted.
        """
        return principal_axes(self.mean, self.covariance, torch.zeros(()) if like is None else like)


@dataclass(frozen=True)
class History:
    """What a codec's file remembers of the vectors it was made of, for updating it.

    Moments make an update of PCA exact. A curve has no such summary, for its moments change with
    it, so a bounded sample of the vectors themselves stands for all of them.

    Parameters
    ----------
    moments : Moments
        Of every training vector so far.
    replay : Tensor, shape (m, d)
        A sample of them, at most 2 048, in their order; fp32 on the CPU, rounded to fp16.
    held_out : Tensor, shape (h, d)
        A sample of vectors none of which was learnt from, at most 1 024.
    """

    moments: Moments
    replay: Tensor
    held_out: Tensor

    @classmethod
    def of(cls, train: Tensor, held_out: Tensor) -> Self:
        """Return that of vectors (n, d) learnt from and (m, d) not learnt from."""
        parts = thinned(train, REPLAY_ROWS, _SEED), thinned(held_out, HELD_OUT_ROWS, _SEED)
        return cls(Moments.of(train), *(rounded(part.cpu().float()) for part in parts))

    def merged(self, other: History) -> History:
        """Return the history of both, each in the sample as it weighs in the moments."""
        moments = self.moments.merged(other.moments)
        share = self.moments.count / max(moments.count, 1.0)
        return History(
            moments,
            _mixed(self.replay, other.replay, share, REPLAY_ROWS),
            _mixed(self.held_out, other.held_out, share, HELD_OUT_ROWS),
        )

    def forgotten(self, share: float) -> History:
        """Return the history with every vector so far weighing 1 − `share` of what it did."""
        return History(self.moments.forgotten(share), self.replay, self.held_out)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything by name, as a file stores it: moments in fp64, vectors in fp16."""
        moments = self.moments
        stored = {
            "count": torch.tensor([moments.count], dtype=torch.float64),
            "mean": moments.mean,
            "scatter": moments.scatter,
        }
        for name, rows in (("replay", self.replay), ("held_out", self.held_out)):
            unit = _unit(rows)
            stored |= {name: (rows / unit).half(), f"{name}_unit": unit.reshape(1)}
        return stored

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], dim: int) -> Self:
        """Rebuild from `tensors`; CodecFileError if they do not fit a codec of dimension `dim`."""
        _require_tensors(tensors, dim)
        moments = Moments(float(tensors["count"]), tensors["mean"], tensors["scatter"])
        replay, held_out = (
            tensors[name].float() * tensors[f"{name}_unit"] for name in ("replay", "held_out")
        )
        return cls(moments, replay, held_out)


def thinned(rows: Tensor, most: int, seed: int) -> Tensor:
    """Return a seeded sample of at most `most` of the rows, in their order."""
    if len(rows) <= most:
        return rows
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(rows), generator=generator)[:most].sort().values
    return rows.index_select(0, chosen.to(rows.device))


def rounded(rows: Tensor) -> Tensor:
    """Return vectors as they come back from a file: fp16 in units of the largest number."""
    unit = _unit(rows)
    return (rows / unit).half().float() * unit


def require_dim(came: int, required: int) -> None:
    """Raise DataError unless vectors have the dimension of those before."""
    if came != required:
        raise DataError(f"new vectors must have the codec's dimension {required}; got {came}")


def require_share(share: float) -> None:
    """Raise SpecError unless a share to forget lies in 0 … 1."""
    if not 0 <= share <= 1:
        raise SpecError(f"the share to forget must lie between 0 and 1; got {share}")


def _unit(rows: Tensor) -> Tensor:
    """Return the power of two that brings every number into ±1: dividing by it loses nothing."""
    largest = rows.abs().max().clamp_min(torch.finfo(torch.float32).tiny) if len(rows) else None
    return torch.ones(()) if largest is None else torch.exp2(largest.log2().ceil())


def _mixed(old: Tensor, new: Tensor, share: float, most: int) -> Tensor:
    """Return the largest sample of both of which `share` is old; at most `most` rows."""
    parts = ((old, share), (new, 1 - share))
    room = min(most, *(len(rows) / part for rows, part in parts if part > 0))
    return torch.cat([thinned(rows, round(part * room), _SEED) for rows, part in parts])


def _require_tensors(tensors: Mapping[str, Tensor], dim: int) -> None:
    expected = {"count": (1,), "mean": (dim,), "scatter": (dim, dim)}
    expected |= {"replay_unit": (1,), "held_out_unit": (1,)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    rows = {name: found.pop(name, ()) for name in ("replay", "held_out")}
    right = found == expected and all(
        len(shape) == 2 and shape[1] == dim and shape[0] >= 1 for shape in rows.values()
    )
    if not right or float(tensors["count"]) < 0:
        raise CodecFileError(
            f"a codec's history must hold tensors of shapes {expected} and two samples (n, {dim}); "
            f"got {found | rows}"
        )
