"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import (
    MAX_KNOTS,
    MIN_KNOTS,
    Axes,
    CouplingKind,
    Curve,
    KnotPlacement,
    Method,
    Recipe,
)
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.tasks.training import PIPELINE_RECIPE, RECIPE_DEFAULTS, CalibrationSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsplice_core.data.vectors import Values

    Commands = argparse._SubParsersAction[Any]

_SPEC = CalibrationSpec()
_LARGEST_NUMBER = 65_536


def new_command(
    commands: Commands, name: str, help_text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add the command `name`; `run` gets its namespace and returns the exit status."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"{help_text}.", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    return parser


def add_data_options(
    parser: argparse.ArgumentParser, metavar: str = "DATA", also: str = ""
) -> None:
    """Add DATA and the options that pick vectors in it; `also` says what else it may name."""
    group = parser.add_argument_group("vectors")
    group.add_argument(
        "data",
        metavar=metavar,
        help="a sample's name (kvsplice samples), or a .safetensors, .pt, .pth, .npy or .npz file"
        + also,
    )
    group.add_argument("--tensor", metavar="NAME", help="the tensor inside the file")
    group.add_argument("--layer", type=int, metavar="L", help="layer; default: the first")
    heads = group.add_mutually_exclusive_group()
    heads.add_argument("--head", type=int, metavar="H", help="head; default: 0")
    heads.add_argument("--pool-heads", action="store_true", help="take the vectors of all heads")
    group.add_argument(
        "--axes", metavar="NAMES", help='what the axes are, for example "token head dim"'
    )
    group.add_argument(
        "--budget",
        type=int,
        default=SAMPLE_BUDGET,
        metavar="N",
        help="vectors at most, a seeded sample of the rest (default: %(default)s)",
    )
    group.add_argument(
        "--data-seed", type=int, default=0, metavar="S", help="seed of that sample (default: 0)"
    )


def add_calibration_options(
    parser: argparse.ArgumentParser, recipe: Recipe | None = _SPEC.recipe
) -> None:
    """Add the options of a calibration, all but its method and k.

    `recipe` is the default; where there is none it depends on whether a pipeline is asked for.
    """
    origin, joint = RECIPE_DEFAULTS[Recipe.ORIGIN], RECIPE_DEFAULTS[Recipe.JOINT]
    group = parser.add_argument_group("calibration")
    group.add_argument(
        "--recipe",
        choices=[recipe.value for recipe in Recipe],
        default=recipe,
        help="origin: PCA refitted each epoch, one transform for all k; joint: all learnt together "
        f"for each k (default: {recipe or f'{_SPEC.recipe}, with --pipeline {PIPELINE_RECIPE}'})",
    )
    group.add_argument(
        "--knots",
        type=int,
        metavar="K",
        help=f"knots of a spline, {MIN_KNOTS} … {MAX_KNOTS} "
        f"(default: origin {origin.knots}, joint {joint.knots})",
    )
    _add_transform_options(group)
    group.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help=f"passes over the vectors (default: origin {origin.epochs}, joint {joint.epochs})",
    )
    group.add_argument("--seed", type=int, default=_SPEC.seed, metavar="S", help="default: 5")
    group.add_argument(
        "--device", default=_SPEC.device, help="auto, cpu, cuda, cuda:N or mps (default: auto)"
    )
    group.add_argument("--batch-size", type=int, metavar="N", help="vectors a step")
    group.add_argument(
        "--k-train",
        type=int,
        default=_SPEC.k_train,
        metavar="K",
        help="the k at which origin trains its transform (default: %(default)s)",
    )
    group.add_argument(
        "--train-fraction",
        type=float,
        default=_SPEC.train_fraction,
        metavar="F",
        help="share of the vectors, first in order, to calibrate on (default: %(default)s)",
    )
    group.add_argument(
        "--threads",
        type=positive_int,
        metavar="N",
        help="CPU threads (default: OMP_NUM_THREADS, else all cores but one)",
    )


def _add_transform_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--curve",
        choices=[curve.value for curve in Curve],
        default=_SPEC.curve.value,
        help="pieces of a spline: straight, rational-quadratic (no corners), or straight with a "
        "price on corners (default: %(default)s)",
    )
    group.add_argument(
        "--knot-placement",
        choices=[placement.value for placement in KnotPlacement],
        default=_SPEC.knot_placement.value,
        help="where the knots of a spline lie (default: %(default)s)",
    )
    group.add_argument(
        "--transform-axes",
        # Those of the output projection need its weight, which vectors alone do not bring.
        choices=[axes.value for axes in Axes if axes is not Axes.OUTPUT],
        default=_SPEC.axes.value,
        help="axes in which a spline or flow sees the vectors (default: %(default)s)",
    )
    group.add_argument(
        "--coupling",
        choices=[coupling.value for coupling in CouplingKind],
        default=_SPEC.coupling.value,
        help="couplings of a flow (default: %(default)s)",
    )


def add_methods_option(group: argparse._ArgumentGroup) -> None:
    """Add ``--methods``, the methods to compare."""
    keys = ",".join(method.key for method in Method)
    group.add_argument(
        "--methods",
        type=parse_methods,
        default=tuple(Method),
        metavar="LIST",
        help=f"default: {keys}; pca always comes with them",
    )


def calibration_spec(
    arguments: argparse.Namespace, method: Method = _SPEC.method, k: int = _SPEC.k
) -> CalibrationSpec:
    """Return what the calibration options ask for.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    """
    return CalibrationSpec(
        method=method,
        k=k,
        recipe=Recipe(arguments.recipe),
        knots=arguments.knots,
        epochs=arguments.epochs,
        seed=arguments.seed,
        device=arguments.device,
        batch_size=arguments.batch_size,
        k_train=arguments.k_train,
        train_fraction=arguments.train_fraction,
        curve=Curve(arguments.curve),
        knot_placement=KnotPlacement(arguments.knot_placement),
        axes=Axes(arguments.transform_axes),
        coupling=CouplingKind(arguments.coupling),
    )


def read_values(arguments: argparse.Namespace) -> Values:
    """Load the vectors the data options pick, with torch kept to the wished threads.

    Raises
    ------
    KVSpliceError
        If they cannot be read.
    """
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    from kvsplice_core.data.vectors import load_values

    limit_threads(arguments.threads)
    return load_values(
        arguments.data,
        tensor=arguments.tensor,
        layer=arguments.layer,
        head=arguments.head,
        pool_heads=arguments.pool_heads,
        axes=arguments.axes,
        budget=arguments.budget,
        seed=arguments.data_seed,
    )


def parse_methods(text: str) -> tuple[Method, ...]:
    """Read a list such as ``pca,spline``."""
    try:
        return tuple(Method.of(key.strip()) for key in text.split(","))
    except SpecError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_ks(text: str) -> tuple[int, ...]:
    """Read a list of numbers and ranges such as ``1-8,16,32``; each number at least 1."""
    return _numbers(text, "k", 1)


def parse_layers(text: str) -> tuple[int, ...]:
    """Read a list of layers and ranges such as ``0-3,5``; each at least 0."""
    return _numbers(text, "layer", 0)


def _numbers(text: str, what: str, lowest: int) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in text.split(","):
        low, dash, high = (piece.strip() for piece in part.partition("-"))
        ends = (low, high if dash else low)
        if not all(end.isascii() and end.isdecimal() for end in ends):
            raise argparse.ArgumentTypeError(
                f"{what}s must be numbers and ranges such as {lowest}-8,16,32; got {text!r}"
            )
        first, last = int(ends[0]), int(ends[1])
        if not lowest <= first <= last <= _LARGEST_NUMBER:
            raise argparse.ArgumentTypeError(
                f"every {what} must lie in {lowest} … {_LARGEST_NUMBER}, ranges ascending; "
                f"got {part.strip()!r}"
            )
        numbers.extend(range(first, last + 1))
    return tuple(numbers)


def positive_int(text: str) -> int:
    """Read an integer of at least 1."""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"it must be an integer of at least 1; got {text!r}")
    return int(text)


def parse_knots(text: str) -> tuple[int, ...]:
    """Read numbers of knots such as ``16,8``, in their order."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be numbers of knots such as 16,8; got {text!r}"
        ) from error
