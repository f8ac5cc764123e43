"""What codecs and cards say of how they were made; JSON values, free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.data.summary import DataSummary
    from kvsplice_core.tasks.training import CalibrationSpec


def calibration_info(spec: CalibrationSpec) -> dict[str, object]:
    """Return how a codec was calibrated, the recipe's defaults filled in."""
    return {
        "method": spec.method.key,
        "recipe": spec.recipe.value,
        "knots": spec.resolved_knots,
        "curve": spec.curve.value,
        "knot_placement": spec.knot_placement.value,
        "axes": spec.axes.value,
        "coupling": spec.coupling.value,
        "epochs": spec.resolved_epochs,
        "seed": spec.seed,
        "train_fraction": spec.train_fraction,
        "versions": library_versions(),
    }


def data_info(data: DataSummary, train_vectors: int) -> dict[str, object]:
    """Return the vectors that a codec was made of."""
    return {
        "data": data.title,
        "data_sha256": data.sha256,
        "provenance": data.provenance,
        "train_vectors": train_vectors,
    }


def capture_info(capture: Capture) -> dict[str, object]:
    """Return the capture that a card was made of, and the text behind it."""
    facts = capture.facts
    return {
        "capture_sha256": capture.sha256,
        "text_sha256": facts.text_sha256,
        "documents": [span.name for span in facts.documents],
        "document_sha256": [span.sha256 for span in facts.documents],
        "tokens": facts.tokens,
    }
