"""Spline→PCA written the plain way: a Python loop over d one-dimensional splines.

Autograd through `searchsorted` and indexing, one set of parameters a dimension, PCA refitted each
epoch through the same loop. The mathematics and the order of the batches are those of
`kvsplice_core`, so that both take the same updates; only the way of computing differs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it
from torch import Tensor, nn

from kvsplice_core import CalibrationSpec
from kvsplice_core.fit.training import Job


class Spline1D(nn.Module):
    """One increasing piecewise-linear function over the quantiles of one dimension."""

    def __init__(self, column: Tensor, knots: int) -> None:
        super().__init__()
        self.knots = torch.quantile(column.contiguous(), torch.linspace(0, 1, knots))
        self.widths = self.knots[1:] - self.knots[:-1]
        self.unit = column.std()
        self.raw_slopes = nn.Parameter(_inverse_softplus(torch.ones(knots - 1) - 1e-4))
        self.raw_scale = nn.Parameter(_inverse_softplus(torch.tensor(1 - 1e-3)))
        self.raw_shift = nn.Parameter(torch.tensor(0.0))

    def tables(self) -> tuple[Tensor, Tensor]:
        """Return the slopes (knots − 1,) and the knots after the map (knots,)."""
        slopes = F.softplus(self.raw_slopes) + 1e-4
        slopes = slopes / ((slopes * self.widths).sum() / self.widths.sum())
        scale = F.softplus(self.raw_scale) + 1e-3
        rises = torch.cat([self.knots[:1], slopes * self.widths]).cumsum(0)
        return scale * slopes, scale * rises + self.raw_shift * self.unit

    def forward(self, x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
        slopes, out = tables
        segment = torch.searchsorted(self.knots[1:-1], x, right=True)
        return out[segment] + slopes[segment] * (x - self.knots[segment])

    def inverse(self, z: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
        slopes, out = tables
        segment = torch.searchsorted(out[1:-1].detach(), z, right=True)
        return self.knots[segment] + (z - out[segment]) / slopes[segment]


class LoopSplines(nn.Module):
    """One `Spline1D` for each dimension of vectors (n, d)."""

    def __init__(self, train: Tensor, knots: int) -> None:
        super().__init__()
        self.splines = nn.ModuleList(Spline1D(column, knots) for column in train.unbind(1))

    def tables(self) -> list[tuple[Tensor, Tensor]]:
        return [spline.tables() for spline in self.splines]

    def forward(self, x: Tensor, tables: list[tuple[Tensor, Tensor]]) -> Tensor:
        columns = zip(self.splines, x.T.contiguous(), tables, strict=True)
        return torch.stack([s.forward(column, table) for s, column, table in columns], dim=1)

    def inverse(self, z: Tensor, tables: list[tuple[Tensor, Tensor]]) -> Tensor:
        columns = zip(self.splines, z.T.contiguous(), tables, strict=True)
        return torch.stack([s.inverse(column, table) for s, column, table in columns], dim=1)


@dataclass(frozen=True)
class LoopCodec:
    """Splines and the PCA behind them; the mean and the first k axes."""

    splines: LoopSplines
    mean: Tensor
    axes: Tensor

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        return (self.splines(x, self.splines.tables()) - self.mean) @ self.axes

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        return self.splines.inverse(latent @ self.axes.T + self.mean, self.splines.tables())


def fit(train: Tensor, spec: CalibrationSpec) -> tuple[LoopCodec, tuple[float, ...]]:
    """Return the codec at `spec.k` and the mean loss of each epoch."""
    splines = LoopSplines(train, spec.resolved_knots)
    optimiser = torch.optim.AdamW(splines.parameters(), lr=2e-3, weight_decay=1e-4)
    losses: list[list[Tensor]] = []
    for _, step, batch in Job(train, train, spec).batches():
        if step == 0:
            mean, axes = pca(splines, train, spec.k_train)
            losses.append([])
        losses[-1].append(update(splines, mean, axes, batch, optimiser))
    means = tuple(float(torch.stack(epoch).mean()) for epoch in losses)
    return LoopCodec(splines, *pca(splines, train, spec.k)), means


def update(
    splines: LoopSplines,
    mean: Tensor,
    axes: Tensor,
    batch: Tensor,
    optimiser: torch.optim.Optimizer,
) -> Tensor:
    """Take one step on the round-trip MSE and return it."""
    tables = splines.tables()
    z = splines(batch, tables)
    restored = splines.inverse((z - mean) @ axes @ axes.T + mean, tables)
    loss = F.mse_loss(restored, batch)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


@torch.no_grad()
def pca(splines: LoopSplines, train: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the mean (d,) and the first k axes (d, k) of the mapped vectors."""
    z = splines(train, splines.tables()).double()
    mean = z.mean(0)
    centred = z - mean
    _, axes = torch.linalg.eigh(centred.T @ centred / (len(z) - 1))
    return mean.float(), axes.flip(1)[:, :k].float()


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))
