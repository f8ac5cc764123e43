"""What is asked of an evaluation; free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method
from kvsplice_core.specs import CalibrationSpec

DEFAULT_QUALITY_KS = (8, 16, 24, 32, 48, 64)
SENSITIVITY_TOKENS = 2_048
"""Tokens each cell of a sensitivity map is scored on at most: it has as many as there are heads."""


@dataclass(frozen=True)
class EvalSpec:
    """How to measure a card through the cache.

    Parameters
    ----------
    mode : str
        ``strict`` or ``window``; see `CacheMode`.
    window : int
        Newest tokens that stay raw in mode ``window``, ≥ 1; the first 4 stay raw too.
    tokens : int
        Most tokens to score, spread over the documents in proportion to their length; ≥ 2.
    context : int, optional
        Tokens of a window of text; the model's own, at most 1024, when omitted.
    continuation_tokens : int
        Tokens of the greedy continuation, 0 for none.
    tensor_tokens : int
        Tokens the tensor view (errors per head) is measured on.
    seed : int
        Seeds the bootstrap and the random basis of the audit.
    """

    mode: str = "strict"
    window: int = 64
    tokens: int = 16_384
    context: int | None = None
    continuation_tokens: int = 48
    tensor_tokens: int = 2_048
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("strict", "window"):
            raise SpecError(f"the mode must be strict or window; got {self.mode!r}")
        floors = {"window": 1, "tokens": 2, "continuation_tokens": 0, "tensor_tokens": 2}
        for name, least in floors.items():
            if getattr(self, name) < least:
                raise SpecError(f"{name} must be at least {least}; got {getattr(self, name)}")
        if self.context is not None and self.context < 2:
            raise SpecError(f"context must be at least 2; got {self.context}")
        if not 0 <= self.seed < 2**31:
            raise SpecError(f"the seed must lie in 0 … 2³¹−1; got {self.seed}")


@dataclass(frozen=True)
class CurveSpec:
    """Several methods at several k, each measured through the cache.

    Parameters
    ----------
    methods : tuple of Method
    ks : tuple of int
    calibration : CalibrationSpec
        How each codec is calibrated; its method and k are set for each point.
    evaluation : EvalSpec
    side : str
        ``v``, ``k`` or ``both``.
    budget : int
        Vectors each codec learns from at most.
    first_k : int, optional
        The k to measure first.
    """

    methods: tuple[Method, ...] = tuple(Method)
    ks: tuple[int, ...] = DEFAULT_QUALITY_KS
    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)
    evaluation: EvalSpec = field(default_factory=EvalSpec)
    side: str = "v"
    budget: int = 16_384
    first_k: int | None = None

    def __post_init__(self) -> None:
        if not self.methods or not self.ks:
            raise SpecError("a quality curve needs at least one method and one k; got none")
        if self.side not in ("v", "k", "both"):
            raise SpecError(f"the side must be v, k or both; got {self.side!r}")
        object.__setattr__(self, "ks", tuple(sorted(set(self.ks))))
        object.__setattr__(self, "methods", tuple(dict.fromkeys((Method.PCA, *self.methods))))

    def at(self, method: Method, k: int) -> CalibrationSpec:
        """Return the calibration of one point."""
        return replace(self.calibration, method=method, k=k)

    @property
    def ordered_ks(self) -> tuple[int, ...]:
        """The ks, the wished one first."""
        if self.first_k not in self.ks:
            return self.ks
        return (self.first_k, *(k for k in self.ks if k != self.first_k))
