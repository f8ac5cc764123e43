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
    from kvsplice_core.adapting import adapt
    from kvsplice_core.axes import Axes
    from kvsplice_core.cache.compressed import CacheMode, CompressedCache, cache_for
    from kvsplice_core.cache.folded import folded
    from kvsplice_core.cache.raw_tokens import Window
    from kvsplice_core.cache_memory import MemorySpec, cache_bytes, load_model_shape
    from kvsplice_core.calibration import calibrate, history_of
    from kvsplice_core.capture.capturing import capture_vectors
    from kvsplice_core.capture.file import Capture, open_capture
    from kvsplice_core.capture.specs import CaptureSpec, Sides
    from kvsplice_core.card import Card
    from kvsplice_core.card_file import load_card, save_card
    from kvsplice_core.card_fitting import CardSpec, fit_card
    from kvsplice_core.codec import Codec
    from kvsplice_core.codec_file import load_codec, load_history, save_codec
    from kvsplice_core.errors import (
        CodecFileError,
        DataError,
        KVSpliceError,
        LanguageModelError,
        ModelShapeError,
        SpecError,
    )
    from kvsplice_core.language.models import LanguageModel, load_model
    from kvsplice_core.language.texts import Document, documents_for, read_documents
    from kvsplice_core.methods import Method
    from kvsplice_core.pipelines.frontier import frontier, one_layer
    from kvsplice_core.pipelines.results import FrontierResult, FrontierSpec
    from kvsplice_core.pipelines.spec import Pipeline
    from kvsplice_core.progress import run
    from kvsplice_core.quality.curve import quality_curve
    from kvsplice_core.quality.evaluation import evaluate
    from kvsplice_core.quality.frontier import model_frontier
    from kvsplice_core.quality.sensitivity import sensitivity
    from kvsplice_core.quality.solve_spec import SolveSpec
    from kvsplice_core.quality.solving import Solution, solve
    from kvsplice_core.quality.specs import CurveSpec, EvalSpec
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
    from kvsplice_core.specs import (
        CalibrationSpec,
        CouplingKind,
        Curve,
        KnotPlacement,
        Recipe,
        SweepSpec,
    )
    from kvsplice_core.sweeping import sweep
    from kvsplice_core.updates import Adapted, UpdateSpec
    from kvsplice_core.values.values import Values, describe, load_values

__all__ = [
    "Adapted",
    "Axes",
    "CacheMode",
    "CalibrationResult",
    "CalibrationSpec",
    "CalibrationStep",
    "Capture",
    "CaptureSpec",
    "Card",
    "CardSpec",
    "Change",
    "Codec",
    "CodecFileError",
    "CompressedCache",
    "CouplingKind",
    "Curve",
    "CurveSpec",
    "DataError",
    "DataSummary",
    "Document",
    "EvalSpec",
    "FrontierResult",
    "FrontierSpec",
    "KVSpliceError",
    "KnotPlacement",
    "LanguageModel",
    "LanguageModelError",
    "MemorySpec",
    "Method",
    "ModelShapeError",
    "Pipeline",
    "Recipe",
    "Scores",
    "Sides",
    "Solution",
    "SolveSpec",
    "SpecError",
    "SweepResult",
    "SweepRow",
    "SweepSpec",
    "SweepStep",
    "UpdateSpec",
    "Values",
    "Verdict",
    "Window",
    "__version__",
    "adapt",
    "cache_bytes",
    "cache_for",
    "calibrate",
    "capture_vectors",
    "describe",
    "documents_for",
    "evaluate",
    "fit_card",
    "folded",
    "frontier",
    "history_of",
    "load_card",
    "load_codec",
    "load_history",
    "load_model",
    "load_model_shape",
    "load_values",
    "model_frontier",
    "one_layer",
    "open_capture",
    "quality_curve",
    "read_documents",
    "run",
    "save_card",
    "save_codec",
    "sensitivity",
    "solve",
    "sweep",
]

_NAMES_BY_MODULE = {
    "adapting": "adapt",
    "axes": "Axes",
    "cache.compressed": "CacheMode CompressedCache cache_for",
    "cache.folded": "folded",
    "cache.raw_tokens": "Window",
    "capture.capturing": "capture_vectors",
    "capture.file": "Capture open_capture",
    "capture.specs": "CaptureSpec Sides",
    "card": "Card",
    "card_file": "load_card save_card",
    "card_fitting": "CardSpec fit_card",
    "language.models": "LanguageModel load_model",
    "language.texts": "Document documents_for read_documents",
    "quality.curve": "quality_curve",
    "quality.evaluation": "evaluate",
    "quality.specs": "CurveSpec EvalSpec",
    "quality.sensitivity": "sensitivity",
    "cache_memory": "MemorySpec cache_bytes load_model_shape",
    "calibration": "calibrate history_of",
    "codec": "Codec",
    "codec_file": "load_codec load_history save_codec",
    "errors": (
        "CodecFileError DataError KVSpliceError LanguageModelError ModelShapeError SpecError"
    ),
    "methods": "Method",
    "pipelines.frontier": "frontier one_layer",
    "pipelines.results": "FrontierResult FrontierSpec",
    "pipelines.spec": "Pipeline",
    "progress": "run",
    "quality.frontier": "model_frontier",
    "quality.solve_spec": "SolveSpec",
    "quality.solving": "Solution solve",
    "results": (
        "CalibrationResult CalibrationStep Change DataSummary Scores "
        "SweepResult SweepRow SweepStep Verdict"
    ),
    "specs": "CalibrationSpec CouplingKind Curve KnotPlacement Recipe SweepSpec",
    "sweeping": "sweep",
    "updates": "Adapted UpdateSpec",
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
