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
    from kvsplice_core.base.errors import (
        CodecFileError,
        DataError,
        KVSpliceError,
        LanguageModelError,
        ModelShapeError,
        SpecError,
    )
    from kvsplice_core.base.estimates import Change, Verdict
    from kvsplice_core.base.progress import run
    from kvsplice_core.cache.compressed import CacheMode, CompressedCache, cache_for
    from kvsplice_core.cache.folded import folded
    from kvsplice_core.cache.formula import cache_bytes
    from kvsplice_core.cache.raw_tokens import Window
    from kvsplice_core.codec.card import Card
    from kvsplice_core.codec.card_file import load_card, save_card
    from kvsplice_core.codec.codec import Codec
    from kvsplice_core.codec.codec_file import load_codec, load_history, save_codec
    from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
    from kvsplice_core.codec.pipeline import Pipeline
    from kvsplice_core.data.capture import CaptureSpec, Sides
    from kvsplice_core.data.capture_file import Capture, open_capture
    from kvsplice_core.data.model_shape import load_model_shape
    from kvsplice_core.data.source import VectorSource
    from kvsplice_core.data.summary import DataSummary
    from kvsplice_core.data.vectors import Values, describe, load_values
    from kvsplice_core.fit.calibrate import calibrate, history_of
    from kvsplice_core.fit.card import CardSpec, fit_card
    from kvsplice_core.fit.frontier import frontier, one_layer
    from kvsplice_core.fit.sweep import sweep
    from kvsplice_core.fit.update import adapt
    from kvsplice_core.language.capture import capture_vectors
    from kvsplice_core.language.models import LanguageModel, load_model
    from kvsplice_core.language.texts import Document, documents_for, read_documents
    from kvsplice_core.proof.curve import quality_curve
    from kvsplice_core.proof.evaluation import evaluate
    from kvsplice_core.proof.frontier import model_frontier
    from kvsplice_core.proof.sensitivity import sensitivity
    from kvsplice_core.proof.solve import Solution, solve
    from kvsplice_core.tasks.budgets import Budgets
    from kvsplice_core.tasks.capture import CaptureTask
    from kvsplice_core.tasks.comparison import Comparison, ComparisonSpec, ComparisonTask
    from kvsplice_core.tasks.curve import CurveSpec, CurveTask
    from kvsplice_core.tasks.evaluate import EvalSpec, EvaluateTask
    from kvsplice_core.tasks.fit import FitTask
    from kvsplice_core.tasks.frontier import FrontierResult, FrontierSpec, FrontierTask
    from kvsplice_core.tasks.measure import MeasureTask
    from kvsplice_core.tasks.memory import MemorySpec
    from kvsplice_core.tasks.solve import SolveSpec, SolveTask
    from kvsplice_core.tasks.sweep import (
        CalibrationResult,
        CalibrationStep,
        Scores,
        SweepResult,
        SweepRow,
        SweepSpec,
        SweepStep,
        SweepTask,
    )
    from kvsplice_core.tasks.training import CalibrationSpec
    from kvsplice_core.tasks.update import Adapted, UpdateSpec, UpdateTask

__all__ = [
    "Adapted",
    "Axes",
    "Budgets",
    "CacheMode",
    "CalibrationResult",
    "CalibrationSpec",
    "CalibrationStep",
    "Capture",
    "CaptureSpec",
    "CaptureTask",
    "Card",
    "CardSpec",
    "Change",
    "Codec",
    "CodecFileError",
    "Comparison",
    "ComparisonSpec",
    "ComparisonTask",
    "CompressedCache",
    "CouplingKind",
    "Curve",
    "CurveSpec",
    "CurveTask",
    "DataError",
    "DataSummary",
    "Document",
    "EvalSpec",
    "EvaluateTask",
    "FitTask",
    "FrontierResult",
    "FrontierSpec",
    "FrontierTask",
    "KVSpliceError",
    "KnotPlacement",
    "LanguageModel",
    "LanguageModelError",
    "MeasureTask",
    "MemorySpec",
    "Method",
    "ModelShapeError",
    "Pipeline",
    "Recipe",
    "Scores",
    "Sides",
    "Solution",
    "SolveSpec",
    "SolveTask",
    "SpecError",
    "SweepResult",
    "SweepRow",
    "SweepSpec",
    "SweepStep",
    "SweepTask",
    "UpdateSpec",
    "UpdateTask",
    "Values",
    "VectorSource",
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
    "data.source": "VectorSource",
    "tasks.fit": "FitTask",
    "tasks.capture": "CaptureTask",
    "data.model_shape": "load_model_shape",
    "tasks.measure": "MeasureTask",
    "tasks.memory": "MemorySpec",
    "base.errors": (
        "CodecFileError DataError KVSpliceError LanguageModelError ModelShapeError SpecError"
    ),
    "base.estimates": "Change Verdict",
    "base.progress": "run",
    "cache.compressed": "CacheMode CompressedCache cache_for",
    "cache.folded": "folded",
    "cache.formula": "cache_bytes",
    "cache.raw_tokens": "Window",
    "codec.card": "Card",
    "codec.card_file": "load_card save_card",
    "codec.codec": "Codec",
    "codec.codec_file": "load_codec load_history save_codec",
    "codec.kinds": "Axes CouplingKind Curve KnotPlacement Method Recipe",
    "codec.pipeline": "Pipeline",
    "data.capture": "CaptureSpec Sides",
    "data.capture_file": "Capture open_capture",
    "data.summary": "DataSummary",
    "data.vectors": "Values describe load_values",
    "fit.calibrate": "calibrate history_of",
    "fit.card": "CardSpec fit_card",
    "fit.frontier": "frontier one_layer",
    "fit.sweep": "sweep",
    "fit.update": "adapt",
    "language.capture": "capture_vectors",
    "language.models": "LanguageModel load_model",
    "language.texts": "Document documents_for read_documents",
    "proof.curve": "quality_curve",
    "proof.evaluation": "evaluate",
    "proof.frontier": "model_frontier",
    "proof.sensitivity": "sensitivity",
    "proof.solve": "Solution solve",
    "tasks.budgets": "Budgets",
    "tasks.comparison": "Comparison ComparisonSpec ComparisonTask",
    "tasks.curve": "CurveTask CurveSpec",
    "tasks.evaluate": "EvaluateTask EvalSpec",
    "tasks.frontier": "FrontierTask FrontierResult FrontierSpec",
    "tasks.solve": "SolveTask SolveSpec",
    "tasks.sweep": (
        "SweepTask CalibrationResult CalibrationStep Scores SweepResult SweepRow SweepSpec "
        "SweepStep"
    ),
    "tasks.training": "CalibrationSpec",
    "tasks.update": "UpdateTask Adapted UpdateSpec",
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
