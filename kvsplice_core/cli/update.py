"""``kvsplice update``: go on with a codec on new vectors, and say how far they have drifted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kvsplice_core.cli.console import WorkProgress, print_table, say, significant
from kvsplice_core.cli.options import add_data_options, new_command, positive_int, read_values
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.update import UpdateSpec, effect

if TYPE_CHECKING:
    from kvsplice_core.base.estimates import Judgement
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.update import Adapted

_SPEC = UpdateSpec()


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "update", "Update a codec with new vectors", _run)
    parser.add_argument("codec", metavar="CODEC", help="a codec saved by kvsplice fit")
    add_data_options(parser)
    group = parser.add_argument_group("update")
    group.add_argument(
        "--forget",
        type=float,
        default=_SPEC.forget,
        metavar="F",
        help="how much less earlier vectors weigh: 0 … 1 (default: 0, all weigh the same)",
    )
    group.add_argument(
        "--epochs",
        type=positive_int,
        metavar="N",
        help="passes of a spline or flow (default: a quarter of those it was made with)",
    )
    group.add_argument("--seed", type=int, default=_SPEC.seed, metavar="S", help="default: 5")
    group.add_argument(
        "--device", default=_SPEC.device, help="auto, cpu, cuda, cuda:N or mps (default: auto)"
    )
    group.add_argument("--threads", type=positive_int, metavar="N", help="CPU threads")
    group.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _run(arguments: argparse.Namespace) -> int:
    spec = UpdateSpec(
        forget=arguments.forget,
        epochs=arguments.epochs,
        seed=arguments.seed,
        device=arguments.device,
    )
    out = check_file("--out", arguments.out, ".safetensors")
    values = read_values(arguments)
    from kvsplice_core.base.progress import run
    from kvsplice_core.codec.codec_file import load_codec, load_history, save_codec
    from kvsplice_core.fit.update import adapt

    codec, history = load_codec(arguments.codec), load_history(arguments.codec)
    with WorkProgress() as progress:
        work = adapt(codec, history, values, spec)
        found = run(work, lambda step: progress.show(step.fraction, step.text))
    save_codec(found.codec, out, found.history)
    _tell(found)
    say(f"saved {out}")
    return 0


def _tell(found: Adapted) -> None:
    columns = ("held-out vectors", "MSE before", "MSE after", "change")
    rows = (_cells("new", found.new), _cells("old", found.old))
    print_table(columns, rows, "MSE before|MSE after")
    say(found.text)
    say(f"kept {found.kept}")


def _cells(name: str, found: Judgement) -> tuple[str, ...]:
    return name, significant(found.theirs), significant(found.ours), effect(found)
