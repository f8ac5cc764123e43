"""A card of the codecs that pipelines fitted to several layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kvsplice_core.capture.file import Capture
from kvsplice_core.capture.specs import KeyState, Sides
from kvsplice_core.card import Card, HeadScore
from kvsplice_core.heads import HeadCodecs
from kvsplice_core.pipelines.fitting import pipeline_info
from kvsplice_core.pipelines.offers import Fits, bits_by_side
from kvsplice_core.pipelines.results import DEFAULT_COUNTED_TOKENS
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.provenance import capture_info
from kvsplice_core.specs import CalibrationSpec


def card_of(
    capture: Capture,
    fits: Fits,
    pipeline: Pipeline,
    calibration: CalibrationSpec,
    tokens: int = DEFAULT_COUNTED_TOKENS,
    notes: Mapping[str, object] | None = None,
) -> Card:
    """Return the card that compresses every layer with what was fitted to it.

    Parameters
    ----------
    capture : Capture
        Where the vectors come from.
    fits : mapping of (side, layer) to LayerFit
        Sides are ``v`` and ``k``; a layer that is missing stays dense.
    pipeline : Pipeline
    calibration : CalibrationSpec
        How transforms were learnt, and how the vectors were cut into parts.
    tokens : int
        What the codecs' own bytes were spread over.
    notes : mapping, optional
        What else its `info` is to say; JSON values.

    Raises
    ------
    SpecError
        If there is no layer.
    """
    before = capture.facts.key_state is KeyState.BEFORE
    keys = _side(fits, "k")
    return Card(
        model=capture.facts.model,
        values=_side(fits, "v"),
        keys=keys,
        scores=tuple(_scores(fits)),
        info=_pipeline_info(capture, fits, pipeline, calibration, tokens) | dict(notes or {}),
        keys_before_rotary=bool(keys) and before,
    )


def _side(fits: Fits, wanted: str) -> dict[int, HeadCodecs]:
    return {layer: fit.codecs for (side, layer), fit in fits.items() if side == wanted}


def _scores(fits: Fits) -> Iterator[HeadScore]:
    for (side, layer), fit in fits.items():
        for group, one in enumerate(fit.groups):
            yield HeadScore(
                side=side,
                layer=layer,
                head=None if len(fit.groups) == 1 else group * fit.codecs.span,
                method=one.pipeline.key,
                kept=one.kept.key,
                k=one.codec.k,
                mse=float(one.errors.mean()) / one.codec.dim,
                mse_pca=None,
                bits=one.counted.total,
            )


def _pipeline_info(
    capture: Capture, fits: Fits, pipeline: Pipeline, calibration: CalibrationSpec, tokens: int
) -> dict[str, object]:
    sides = tuple(dict.fromkeys(side for side, _ in fits))
    return {
        **capture_info(capture),
        **pipeline_info(pipeline, calibration),
        "pipeline": pipeline.key,
        "label": pipeline.label,
        "bits": bits_by_side(fits),
        "counted_tokens": tokens,
        "replaced": {
            f"{side}.{layer}.{group}": one.kept.key
            for (side, layer), fit in fits.items()
            for group, one in enumerate(fit.groups)
            if one.replaced_by is not None
        },
        "sides": Sides.BOTH.value if len(sides) == 2 else "".join(sides),
    }
