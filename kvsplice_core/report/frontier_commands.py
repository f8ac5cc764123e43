"""The command line and the Python that repeat a frontier of one layer's vectors, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kvsplice_core.base.errors import SpecError
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.report.commands import (
    calibration_call,
    calibration_names,
    calibration_words,
    data_call,
    data_words,
    imported,
)
from kvsplice_core.tasks.frontier import FrontierResult, FrontierSpec

SHOW_POINTS = "for point in result.points:\n    print(point.pipeline.key, point.bits, point.nmse)\n"


def as_command(result: FrontierResult) -> str:
    """Return the ``kvsplice frontier`` line that repeats a frontier of one layer's vectors.

    Raises
    ------
    SpecError
        If it is of several layers.
    """
    words = ["kvsplice", "frontier", *data_words(_one(result)), *spec_words(result.spec)]
    return shlex.join([*words, "--csv", "frontier.csv"])


def as_python(result: FrontierResult) -> str:
    """Return a Python script that repeats a frontier of one layer's vectors.

    Raises
    ------
    SpecError
        If it is of several layers.
    """
    names = {"frontier", "load_values", "one_layer", "run"} | spec_names(result.spec)
    return f"""{imported(names)}
values = load_values({data_call(_one(result))})
spec = {spec_call(result.spec)}
work = frontier(one_layer(values), spec, {result.title!r}, {result.split!r})
result = run(work)
{SHOW_POINTS}"""


def spec_words(spec: FrontierSpec) -> Iterator[str]:
    """Yield the options that ask for a frontier, wherever it is measured."""
    yield from ("--pipelines", ",".join(pipeline.key for pipeline in spec.pipelines))
    yield from ("--bits", ",".join(f"{bits!r}".removesuffix(".0") for bits in spec.bits))
    if spec.counted_tokens != FrontierSpec.counted_tokens:
        yield from ("--counted-tokens", str(spec.counted_tokens))
    if spec.surrogate:
        yield "--surrogate"
    yield from calibration_words(spec.calibration)
    yield from ("--device", spec.calibration.device)


def spec_names(spec: FrontierSpec) -> set[str]:
    """Return the public names that `spec_call` writes."""
    return {"FrontierSpec", "Pipeline"} | calibration_names(spec.calibration)


def spec_call(spec: FrontierSpec) -> str:
    """Return the Python that asks for a frontier."""
    keys = "".join(f"        {pipeline.key!r},\n" for pipeline in spec.pipelines)
    return f"""FrontierSpec(
    pipelines=tuple(map(Pipeline.of, (
{keys}    ))),
    bits={spec.bits!r},
    calibration={calibration_call(spec.calibration, spec.calibration.device)},
    counted_tokens={spec.counted_tokens},
    surrogate={spec.surrogate},
)"""


def _one(result: FrontierResult) -> DataSummary:
    if len(result.data) != 1:
        raise SpecError(f"a frontier of one layer is needed; got {len(result.data)} layers")
    return result.data[0]
