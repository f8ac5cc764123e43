"""What codecs and cards say of how they were made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.base.options import from_settings, settings
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.codec.pipeline import Pipeline
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.data.summary import DataSummary


def of_vectors(data: DataSummary, train_vectors: int, spec: CalibrationSpec) -> Provenance:
    """Return where a codec calibrated on some vectors comes from."""
    return Provenance(
        data=data.title,
        data_sha256=data.sha256,
        provenance=data.provenance,
        train_vectors=train_vectors,
        training=settings(spec.filled_in),
        versions=library_versions(),
    )


def of_capture(capture: Capture, spec: CalibrationSpec) -> Provenance:
    """Return where a card calibrated on a capture comes from."""
    facts = capture.facts
    return Provenance(
        capture_sha256=capture.sha256,
        text_sha256=facts.text_sha256,
        documents=tuple(span.name for span in facts.documents),
        document_sha256=tuple(span.sha256 for span in facts.documents),
        tokens=facts.tokens,
        training=settings(spec.filled_in),
        versions=library_versions(),
    )


def training_of(provenance: Provenance) -> CalibrationSpec:
    """Return the calibration that was asked for; what is not said is as usual.

    Raises
    ------
    CodecFileError
        If it says what no calibration can be.
    """
    try:
        return from_settings(CalibrationSpec, provenance.training)
    except SpecError as error:
        raise CodecFileError(f"a codec's training must be a calibration: {error}") from error


def calibration_of(pipeline: Pipeline, calibration: CalibrationSpec) -> CalibrationSpec:
    """Return how the transform of a pipeline is calibrated, which brings its own axes."""
    return replace(calibration, method=pipeline.method, axes=pipeline.axes)
