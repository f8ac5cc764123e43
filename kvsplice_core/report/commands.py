"""The command line and the Python that reproduce a sweep, as text, and the parts others share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import PurePath

from kvsplice_core.data.summary import SAMPLE_BUDGET, DataSummary
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec

_ARRAY = "array"
_SAVED_ARRAY = "vectors.npy"
# Fields of a calibration that shape its transform, with their options; written when not usual.
_SHAPING = {
    "curve": "--curve",
    "knot_placement": "--knot-placement",
    "axes": "--transform-axes",
    "coupling": "--coupling",
}


def as_command(data: DataSummary, spec: SweepSpec, *, device: str) -> str:
    """Return the ``kvsplice sweep`` line that repeats a sweep.

    Parameters
    ----------
    data : DataSummary
        The vectors used.
    spec : SweepSpec
        What was computed.
    device : str
        Where it ran; another device may differ in the last digits.
    """
    words = ["kvsplice", "sweep", *data_words(data), *_spec_words(spec, device)]
    return shlex.join([*words, "--csv", "results.csv"])


def as_python(data: DataSummary, spec: SweepSpec, *, device: str) -> str:
    """Return a Python script that repeats a sweep through the public interface."""
    methods = ", ".join(f"Method.{method.name}" for method in spec.methods)
    names = calibration_names(spec.calibration) | {"Method", "SweepSpec"}
    return f"""{imported(names | {"load_values", "run", "sweep"})}
values = load_values({data_call(data)})
spec = SweepSpec(
    methods=({methods},),
    ks={spec.ks!r},
    earlier_knots={spec.earlier_knots!r},
    calibration={calibration_call(spec.calibration, device)},
)
for row in run(sweep(values, spec)).rows:
    print(row.method.label, row.k, row.scores.mse)
"""


def imported(names: Iterable[str]) -> str:
    """Return the import of public names, a line each."""
    lines = "".join(f"    {name},\n" for name in sorted(names))
    return f"from kvsplice_core import (\n{lines})\n"


def calibration_names(calibration: CalibrationSpec) -> set[str]:
    """Return the public names that `calibration_call` writes."""
    kinds = {type(choice).__name__ for choice in _unusual(calibration).values()}
    return {"CalibrationSpec", "Recipe"} | kinds


def calibration_call(calibration: CalibrationSpec, device: str) -> str:
    """Return the Python that makes a calibration, all but its method and k, as a field's value."""
    more = "".join(
        f"\n        {name}={type(choice).__name__}.{choice.name},"
        for name, choice in _unusual(calibration).items()
    )
    return f"""CalibrationSpec(
        recipe=Recipe.{calibration.recipe.name},
        knots={calibration.resolved_knots},
        epochs={calibration.resolved_epochs},
        seed={calibration.seed},
        device={device!r},
        batch_size={calibration.batch_size!r},
        k_train={calibration.k_train},
        train_fraction={calibration.train_fraction!r},
        validation_fraction={calibration.validation_fraction!r},{more}
    )"""


def calibration_words(calibration: CalibrationSpec) -> Iterator[str]:
    """Yield the options of a calibration, all but its method, its k and the device."""
    usual = CalibrationSpec()
    yield from ("--recipe", calibration.recipe.value)
    yield from ("--knots", str(calibration.resolved_knots))
    for name, choice in _unusual(calibration).items():
        yield from (_SHAPING[name], choice.value)
    yield from ("--epochs", str(calibration.resolved_epochs))
    yield from ("--seed", str(calibration.seed))
    for name in ("batch_size", "k_train", "train_fraction"):
        if getattr(calibration, name) != getattr(usual, name):
            yield from (f"--{name.replace('_', '-')}", str(getattr(calibration, name)))


def _unusual(calibration: CalibrationSpec) -> dict[str, StrEnum]:
    usual = CalibrationSpec()
    choices = {name: getattr(calibration, name) for name in _SHAPING}
    return {name: choice for name, choice in choices.items() if choice != getattr(usual, name)}


def _source(data: DataSummary) -> str:
    """Return what to load; an array has no name, so it stands as the file it may be saved to."""
    return _SAVED_ARRAY if data.source == _ARRAY else data.source


def argument(source: str) -> str:
    """Return a path that cannot be read as an option."""
    return f"./{source}" if source.startswith("-") else source


def _is_alone(data: DataSummary) -> bool:
    """Return whether the source holds one tensor without a name of its own."""
    named = data.tensor not in {"", _ARRAY}
    return not named and PurePath(_source(data)).suffix in {"", ".npy"}


def data_words(data: DataSummary) -> Iterator[str]:
    """Yield the source, and the options that pick the same vectors in it."""
    yield argument(_source(data))
    for option, value in _choice(data).items():
        if value is True:
            yield f"--{option}"
        elif str(value).startswith("-"):
            yield f"--{option}={value}"  # apart, it would be read as an option
        else:
            yield from (f"--{option}", str(value))


def _choice(data: DataSummary) -> dict[str, object]:
    """Return how the vectors were picked, by option."""
    choice: dict[str, object] = {}
    if not _is_alone(data):
        choice["tensor"] = data.tensor
    # A layer in the tensor's own name needs no second word.
    if data.layer is not None and "layer" in data.axes.split():
        choice["layer"] = data.layer
    if data.head is not None:
        choice["head"] = data.head
    elif data.pooled_heads > 1:
        choice["pool-heads"] = True
    choice["axes"] = data.axes
    # More than the usual budget must be asked for again, or a sample would be taken.
    if data.available > data.vectors or data.vectors > SAMPLE_BUDGET:
        choice["budget"] = data.vectors
        choice["data-seed"] = data.seed
    return choice


def _spec_words(spec: SweepSpec, device: str) -> Iterator[str]:
    yield from ("--methods", ",".join(method.key for method in spec.methods))
    yield from ("--ks", ",".join(map(str, spec.ks)))
    yield from calibration_words(spec.calibration)
    if spec.earlier_knots:
        yield from ("--earlier-knots", ",".join(map(str, spec.earlier_knots)))
    yield from ("--device", device)


def data_call(data: DataSummary) -> str:
    """Return the arguments of `load_values` that pick the same vectors."""
    names = {"pool-heads": "pool_heads", "data-seed": "seed"}
    choice = {names.get(option, option): value for option, value in _choice(data).items()}
    return ", ".join(
        [repr(_source(data)), *(f"{name}={value!r}" for name, value in choice.items())]
    )
