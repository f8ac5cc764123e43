"""What a pipeline needs besides vectors."""

from __future__ import annotations

from dataclasses import replace

from kvsplice_core.axes import Axes
from kvsplice_core.errors import SpecError
from kvsplice_core.pipelines.results import FrontierSpec
from kvsplice_core.pipelines.spec import DEFAULT_PIPELINES, Pipeline


def without_model(spec: FrontierSpec) -> FrontierSpec:
    """Return a frontier of vectors whose model is not known.

    Of the default pipelines those that need W_O fall away; one that was asked for is refused.

    Raises
    ------
    SpecError
        If a pipeline that was named needs W_O.
    """
    if spec.pipelines == DEFAULT_PIPELINES:
        return replace(spec, pipelines=tuple(p for p in spec.pipelines if not _needs(p)))
    for pipeline in spec.pipelines:
        if _needs(pipeline):
            raise SpecError(
                f"{pipeline.key} needs the W_O of a model, from a capture or a model's name; "
                "these are vectors alone"
            )
    return spec


def _needs(pipeline: Pipeline) -> bool:
    return pipeline.axes is Axes.OUTPUT
