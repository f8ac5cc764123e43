"""Options of every task that a language model has a part in."""

from __future__ import annotations

from typing import Any

from kvsplice_core.base.options import option

MODEL_HELP = "gpt2-mini (bundled, offline), a folder with config.json, or a hub id such as gpt2"
"""What may be named as a model."""


def model_option() -> Any:  # noqa: ANN401 - a dataclass field
    """Return the field of the model that reads, a positional argument."""
    return option("Model", MODEL_HELP, flag="MODEL")


def capture_model_option() -> Any:  # noqa: ANN401
    """Return the field of a capture's model, where it lies now."""
    return option(
        "Model",
        "of a capture: where its model lies now",
        None,
        metavar="MODEL",
        unset="where it was captured from",
    )


def texts_option() -> Any:  # noqa: ANN401
    """Return the field of held-out text."""
    return option(
        "Text",
        "held-out text files, one document each, or folders of .txt files",
        (),
        flag="--text",
        metavar="FILE",
        words=True,
        unset="the held-out books of gpt2-mini",
    )


def calibration_texts_option() -> Any:  # noqa: ANN401
    """Return the field of the text that codecs may learn from."""
    return option(
        "Calibration text",
        "of a model: text to capture while it is read, and text that sensitivities are measured on",
        (),
        flag="--calibration-text",
        metavar="FILE",
        words=True,
        unset="the calibration books of gpt2-mini",
    )


def vectors_only_option() -> Any:  # noqa: ANN401
    """Return the field that leaves a capture's model alone."""
    return option("Vectors only", "of a capture: do not measure its model", default=False)
