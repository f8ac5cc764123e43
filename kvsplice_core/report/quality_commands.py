"""The command line that repeats a quality curve, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from kvsplice_core.report.commands import argument, calibration_words
from kvsplice_core.tasks.curve import CurveSpec
from kvsplice_core.tasks.evaluate import EvalSpec


def as_command(
    capture: str, spec: CurveSpec, *, device: str, model: str = "", texts: Sequence[str] = ()
) -> str:
    """Return the ``kvsplice quality`` line that repeats a quality curve.

    Parameters
    ----------
    capture : str
        Path of the capture.
    spec : CurveSpec
        What was measured.
    device : str
        Where it ran; another device may differ in the last digits.
    model : str
        The model that read, where it is not the one the capture names.
    texts : sequence of str
        Held-out text files; empty for the bundled model's books.
    """
    words = ["kvsplice", "quality", argument(capture)]
    if model:
        words += ["--model", model]
    if texts:
        words += ["--text", *texts]
    words += _spec_words(spec)
    return shlex.join([*words, "--device", device, "--csv", "quality.csv"])


def _spec_words(spec: CurveSpec) -> Iterator[str]:
    yield from ("--methods", ",".join(method.key for method in spec.methods))
    yield from ("--ks", ",".join(map(str, spec.ks)))
    yield from calibration_words(spec.calibration)
    yield from evaluation_words(spec.evaluation)
    if spec.side != "v":
        yield from ("--side", spec.side)
    if spec.budget != CurveSpec().budget:
        yield from ("--budget", str(spec.budget))


def evaluation_words(evaluation: EvalSpec) -> Iterator[str]:
    """Yield the options that say how the text is read; its seed is not among them."""
    yield from ("--tokens", str(evaluation.tokens), "--mode", evaluation.mode)
    if evaluation.mode == "window":
        yield from ("--window", str(evaluation.window))
    if evaluation.context is not None:
        yield from ("--context", str(evaluation.context))
