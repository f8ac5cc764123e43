"""KVSplice: compress the V vectors of transformer KV caches, and see what it buys.

Everything in ``__all__`` is the stable interface. A name is imported when it is first used, so
``import kvsplice_core`` loads neither torch nor matplotlib.

Examples
--------
>>> import kvsplice_core as kvs
>>> values = kvs.load_values("smollm2-v", layer=15, head=0)  # doctest: +SKIP
>>> spec = kvs.CalibrationSpec(method=kvs.Method.SPLINE, k=16)  # doctest: +SKIP
>>> result = kvs.run(kvs.calibrate(values, spec))  # doctest: +SKIP
>>> latent = result.codec.encode(values.rows)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kvsplice_core.version import __version__

if TYPE_CHECKING:
    from kvsplice_core.cache_memory import MemorySpec, cache_bytes, load_model_shape
    from kvsplice_core.calibration import calibrate
    from kvsplice_core.codec import Codec
    from kvsplice_core.codec_file import load_codec, save_codec
    from kvsplice_core.errors import (
        CodecFileError,
        DataError,
        KVSpliceError,
        ModelShapeError,
        SpecError,
    )
    from kvsplice_core.methods import Method
    from kvsplice_core.progress import run
    from kvsplice_core.results import (
        CalibrationResult,
        CalibrationStep,
        Change,
        DataSummary,
        Scores,
        SweepResult,
        SweepRow,
        SweepStep,
        Verdict,
    )
    from kvsplice_core.specs import CalibrationSpec, Recipe, SweepSpec
    from kvsplice_core.sweeping import sweep
    from kvsplice_core.values.values import Values, describe, load_values

__all__ = [
    "CalibrationResult",
    "CalibrationSpec",
    "CalibrationStep",
    "Change",
    "Codec",
    "CodecFileError",
    "DataError",
    "DataSummary",
    "KVSpliceError",
    "MemorySpec",
    "Method",
    "ModelShapeError",
    "Recipe",
    "Scores",
    "SpecError",
    "SweepResult",
    "SweepRow",
    "SweepSpec",
    "SweepStep",
    "Values",
    "Verdict",
    "__version__",
    "cache_bytes",
    "calibrate",
    "describe",
    "load_codec",
    "load_model_shape",
    "load_values",
    "run",
    "save_codec",
    "sweep",
]

_NAMES_BY_MODULE = {
    "cache_memory": "MemorySpec cache_bytes load_model_shape",
    "calibration": "calibrate",
    "codec": "Codec",
    "codec_file": "load_codec save_codec",
    "errors": "CodecFileError DataError KVSpliceError ModelShapeError SpecError",
    "methods": "Method",
    "progress": "run",
    "results": (
        "CalibrationResult CalibrationStep Change DataSummary Scores "
        "SweepResult SweepRow SweepStep Verdict"
    ),
    "specs": "CalibrationSpec Recipe SweepSpec",
    "sweeping": "sweep",
    "values.values": "Values describe load_values",
}
_HOMES = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
