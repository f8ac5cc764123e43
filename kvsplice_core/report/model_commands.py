"""The command line and the Python that repeat what pipelines cost a model, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.report.commands import (
    argument,
    calibration_call,
    calibration_names,
    calibration_words,
    imported,
)
from kvsplice_core.report.frontier_commands import SHOW_POINTS, spec_call, spec_names, spec_words
from kvsplice_core.report.quality_commands import evaluation_words
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import FrontierSpec
from kvsplice_core.tasks.solve import SolveSpec


@dataclass(frozen=True)
class Reading:
    """Whose cache was compressed, and which text was read.

    Parameters
    ----------
    capture : str
        Path of the vectors.
    model : str
        ``gpt2-mini``, a folder or a hub id.
    texts : tuple of str
        Held-out text files; empty for the bundled model's books.
    """

    capture: str
    model: str
    texts: tuple[str, ...] = ()


def frontier_command(
    reading: Reading, spec: FrontierSpec, evaluation: EvalSpec, *, side: str, budget: int
) -> str:
    """Return the ``kvsplice frontier`` line that repeats a frontier through a model's cache.

    The parameters are those of `model_frontier`; the seed of `evaluation` is always 0 there.
    """
    words = ["kvsplice", "frontier", *_reading_words(reading), *_side_words(side, budget)]
    words += [*evaluation_words(evaluation), *spec_words(spec)]
    return shlex.join([*words, "--csv", "frontier.csv"])


def frontier_python(
    reading: Reading, spec: FrontierSpec, evaluation: EvalSpec, *, side: str, budget: int
) -> str:
    """Return a Python script that repeats a frontier through a model's cache."""
    names = _READING_NAMES | spec_names(spec) | {"EvalSpec", "model_frontier"}
    return f"""{imported(names)}
{_reading_call(reading, spec.calibration.device)}spec = {spec_call(spec)}
evaluation = {_evaluation_call(evaluation)}
work = model_frontier(
    language, capture, documents, spec, evaluation, side={side!r}, budget={budget}
)
result = run(work)
{SHOW_POINTS}"""


def solve_command(reading: Reading, spec: SolveSpec) -> str:
    """Return the ``kvsplice solve`` line that repeats a solved budget.

    The seed of the calibration is that of the evaluation too.
    """
    words = ["kvsplice", "solve", *_reading_words(reading), "--pipeline", spec.pipeline.key]
    asked = {"bits": spec.bits, "key-bits": spec.key_bits, "max-dnll": spec.max_dnll}
    for option, number in asked.items():
        if number is not None:
            words += [f"--{option}", repr(number)]
    if spec.counted_tokens != SolveSpec.counted_tokens:
        words += ["--counted-tokens", str(spec.counted_tokens)]
    words += [*_side_words(spec.sides.value, spec.budget), *evaluation_words(spec.evaluation)]
    words += [*calibration_words(spec.calibration), "--device", spec.calibration.device]
    return shlex.join([*words, "--out", "card.safetensors", "--csv", "given_bits.csv"])


def solve_python(reading: Reading, spec: SolveSpec) -> str:
    """Return a Python script that repeats a solved budget, and saves its card."""
    names = _READING_NAMES | calibration_names(spec.calibration)
    names |= {"EvalSpec", "Pipeline", "Sides", "SolveSpec", "save_card", "solve"}
    probes = f"documents_for({BUNDLED!r}, (), 'calibration')" if reading.model == BUNDLED else "()"
    return f"""{imported(names)}
{_reading_call(reading, spec.calibration.device)}probes = {probes}
spec = SolveSpec(
    pipeline=Pipeline.of({spec.pipeline.key!r}),
    bits={spec.bits!r},
    key_bits={spec.key_bits!r},
    max_dnll={spec.max_dnll!r},
    sides=Sides.{spec.sides.name},
    calibration={calibration_call(spec.calibration, spec.calibration.device)},
    evaluation={_evaluation_call(spec.evaluation)},
    counted_tokens={spec.counted_tokens},
    budget={spec.budget},
    probe_tokens={spec.probe_tokens},
)
solution = run(solve(language, capture, documents, spec, probes))
for share in solution.result.shares:
    print(share.side, share.layer, share.heads, share.bits, share.nmse)
save_card(solution.card, "card.safetensors")
"""


_READING_NAMES = {"documents_for", "load_model", "open_capture", "run"}


def _reading_words(reading: Reading) -> Iterator[str]:
    yield argument(reading.capture)
    yield from ("--model", reading.model)
    if reading.texts:
        yield from ("--text", *map(argument, reading.texts))


def _reading_call(reading: Reading, device: str) -> str:
    return f"""capture = open_capture({reading.capture!r})
language = load_model({reading.model!r}, device={device!r})
documents = documents_for({reading.model!r}, {reading.texts!r}, "heldout")
"""


def _side_words(side: str, budget: int) -> Iterator[str]:
    yield from ("--side", side)
    if budget != SAMPLE_BUDGET:
        yield from ("--budget", str(budget))


def _evaluation_call(evaluation: EvalSpec) -> str:
    names = ("mode", "window", "tokens", "context", "seed")
    fields = ", ".join(f"{name}={getattr(evaluation, name)!r}" for name in names)
    return f"EvalSpec({fields})"
