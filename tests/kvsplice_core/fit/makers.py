"""Small vectors of several heads, and the parts pipelines are fitted to."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.calibrate import Parts, split_parts
from kvsplice_core.fit.layer import LayerValues
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, values_of

CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=2, k_train=4, device="cpu")
HEADS, DIM, TOKENS = 4, 8, 600
MANY = 10**7
"""Tokens over which a codec's own bytes hardly count."""


def layer_values(seed: int = 0, tokens: int = TOKENS, hidden: int = 12) -> LayerValues:
    """Return bent, correlated heads of three documents, and a W_O that sees some axes better."""
    rows = bent_rows(tokens, HEADS * DIM, seed).reshape(-1, DIM).contiguous()
    plain = values_of(rows)
    cuts = tuple(HEADS * cut for cut in (tokens // 3, 2 * tokens // 3))
    values = Values(rows, replace(plain.summary, pooled_heads=HEADS), cuts)
    generator = torch.Generator().manual_seed(seed)
    seen = torch.randn(HEADS, DIM, hidden, generator=generator)
    return LayerValues(values, seen * torch.logspace(0.5, -1.5, DIM)[:, None])


def parts_of(rows: Tensor, calibration: CalibrationSpec = CALIBRATION) -> Parts:
    """Return rows (n, d) cut into training, validation and test part."""
    return split_parts(values_of(rows), calibration)
