"""``kvsplice fit``: calibrate one codec and save it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import SweepProgress, change_text, say, significant
from kvsplice_core.cli.options import (
    add_calibration_options,
    add_data_options,
    calibration_spec,
    new_command,
    positive_int,
    read_values,
)
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.methods import Method
from kvsplice_core.specs import SweepSpec

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.results import SweepRow
    from kvsplice_core.specs import CalibrationSpec
    from kvsplice_core.values.values import Values


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "fit", "Calibrate one codec and save it", _run)
    add_data_options(parser)
    add_calibration_options(parser)
    group = parser.add_argument_group("codec")
    group.add_argument(
        "--method",
        choices=[method.key for method in Method],
        default=Method.SPLINE.key,
        help="default: %(default)s",
    )
    group.add_argument(
        "--k",
        type=positive_int,
        default=16,
        metavar="K",
        help="bottleneck dimension, numbers kept per vector (default: %(default)s)",
    )
    group.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _run(arguments: argparse.Namespace) -> int:
    spec = calibration_spec(arguments, Method.of(arguments.method), arguments.k)
    out = check_file("--out", arguments.out, ".safetensors")
    values = read_values(arguments)
    row = _calibrated(values, spec)
    from kvsplice_core.codec_file import save_codec

    save_codec(row.calibration.codec, out)
    say(f"saved {out}")
    say(f"kept {row.kept.key}")
    change = "" if row.change is None else f", {change_text(row.change)} against PCA"
    say(f"test MSE {significant(row.scores.mse)} at k {row.k}{change}")
    return 0


def _calibrated(values: Values, spec: CalibrationSpec) -> SweepRow:
    # A sweep of one k also measures the codec and PCA on the test part.
    from kvsplice_core.progress import run
    from kvsplice_core.sweeping import sweep

    wanted = SweepSpec(methods=(spec.method,), ks=(spec.k,), calibration=spec)
    with SweepProgress(values.summary, wanted) as progress:
        result = run(sweep(values, wanted), progress.show)
    return result.of(spec.method)[0]
