"""The bundled samples, listed without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.resources import resource_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_SOURCES = 48
_KEPT_SHARE = 0.6
_NOISE = 0.03


def geometric_mix(n: int = 6000, d: int = 128, seed: int = 13) -> NDArray[np.float32]:
    """Return vectors on a curve bent by tanh and logistic functions, plus a little noise.

    Parameters
    ----------
    n, d : int
        Vectors and their dimension; ``1 ≤ d ≤ 144``.
    seed : int
        Seeds every draw; 13 gives the vectors of the recorded results.

    Returns
    -------
    ndarray, shape (n, d), float32
        Columns of unit standard deviation and noise of standard deviation 0.03.

    Raises
    ------
    DataError
        If `n` or `d` lies outside its range.
    """
    width = 3 * _SOURCES
    if n < 1 or not 1 <= d <= width:
        raise DataError(f"geometric-mix needs n of at least 1 and d in 1 … {width}; got {n} × {d}")
    rng = np.random.default_rng(seed)
    atoms = _atoms(rng.uniform(size=(n, 1)))
    weights = rng.standard_normal((atoms.shape[1], _SOURCES))
    weights *= rng.uniform(size=weights.shape) < _KEPT_SHARE
    sources = atoms @ weights
    bent = np.hstack([sources, np.tanh(sources), 1 / (1 + np.exp(-sources))])
    mixed = bent @ np.linalg.qr(rng.standard_normal((width, d)))[0]
    mixed /= mixed.std(axis=0) + 1e-6
    noisy: NDArray[np.float64] = mixed + _NOISE * rng.standard_normal(mixed.shape)
    return noisy.astype(np.float32)


def _atoms(t: NDArray[np.float64]) -> NDArray[np.float64]:
    turn = 2 * np.pi * t
    root = np.sqrt(np.clip(t, 1e-6, 1))
    return np.hstack([np.ones_like(t), t, t**2, t * (t + 1) / 2, root, np.sin(turn), np.cos(turn)])


def _file(name: str) -> Callable[[], Path]:
    return lambda: resource_path("samples", name)


@dataclass(frozen=True)
class Sample:
    """A bundled sample.

    Parameters
    ----------
    description : str
        One line: what the vectors are and where they come from.
    get : callable
        Returns the path of its file, or the array itself when it is generated.
    """

    description: str
    get: Callable[[], Path | NDArray[np.float32]]


_REGISTRY = {
    "geometric-mix": Sample(
        "generated: a bent curve in 128 dimensions, 6 000 × 128", geometric_mix
    ),
    "smollm2-v": Sample(
        "V vectors of SmolLM2-135M, layers 5 and 15, 3 heads of 64, 8 192 tokens",
        _file("smollm2-v.safetensors"),
    ),
}

SAMPLES = {name: sample.description for name, sample in _REGISTRY.items()}
"""Descriptions of the bundled samples by name."""


def open_sample(name: str) -> Path | NDArray[np.float32]:
    """Return a sample's file, or its array (n, d) when it is generated.

    Raises
    ------
    DataError
        If there is no sample of that name.
    """
    if name not in _REGISTRY:
        raise DataError(f"a sample must be one of {', '.join(_REGISTRY)}; got {name!r}")
    return _REGISTRY[name].get()
