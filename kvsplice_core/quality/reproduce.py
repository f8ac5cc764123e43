"""The command line that repeats a quality curve, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from kvsplice_core.quality.specs import CurveSpec, EvalSpec
from kvsplice_core.reproduce import shaping_words
from kvsplice_core.specs import CalibrationSpec


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
    words = ["kvsplice", "quality", f"./{capture}" if capture.startswith("-") else capture]
    if model:
        words += ["--model", model]
    if texts:
        words += ["--text", *texts]
    words += _spec_words(spec)
    return shlex.join([*words, "--device", device, "--csv", "quality.csv"])


def _spec_words(spec: CurveSpec) -> Iterator[str]:
    calibration, usual = spec.calibration, CalibrationSpec()
    yield from ("--methods", ",".join(method.key for method in spec.methods))
    yield from ("--ks", ",".join(map(str, spec.ks)))
    yield from ("--recipe", calibration.recipe.value)
    yield from ("--knots", str(calibration.resolved_knots))
    yield from shaping_words(calibration)
    yield from ("--epochs", str(calibration.resolved_epochs))
    yield from ("--seed", str(calibration.seed))
    for name in ("batch_size", "k_train", "train_fraction"):
        if getattr(calibration, name) != getattr(usual, name):
            yield from (f"--{name.replace('_', '-')}", str(getattr(calibration, name)))
    yield from _evaluation_words(spec.evaluation)
    if spec.side != "v":
        yield from ("--side", spec.side)
    if spec.budget != CurveSpec().budget:
        yield from ("--budget", str(spec.budget))


def _evaluation_words(evaluation: EvalSpec) -> Iterator[str]:
    yield from ("--tokens", str(evaluation.tokens), "--mode", evaluation.mode)
    if evaluation.mode == "window":
        yield from ("--window", str(evaluation.window))
