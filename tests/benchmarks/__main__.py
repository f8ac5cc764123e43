"""``python -m tests.benchmarks``: measure, print a table, write ``results/benchmarks.json``."""

# Before torch is imported: the threads of an application.
from kvsplice_core.base.devices import limit_threads, prepare_environment

prepare_environment()

import json  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from kvsplice_core.base.files import write_text  # noqa: E402
from tests.benchmarks import core, geometry, gui, model  # noqa: E402
from tests.benchmarks.measure import Measure  # noqa: E402

TARGET = Path("results") / "benchmarks.json"
SOURCES: list[Callable[[], Iterable[Measure]]] = [
    core.measures,
    geometry.measures,
    model.measures,
    gui.measures,
]


def main() -> None:
    """Take every measure and write them down."""
    console = Console()
    threads = limit_threads()
    table = Table("measure", "ours", "reference", "ratio", "unit", title=f"{threads} thread(s)")
    taken = []
    for source in SOURCES:
        for measure in source():
            taken.append(asdict(measure))
            numbers = (measure.ours, measure.reference, measure.ratio)
            table.add_row(measure.name, *(f"{number:.3g}" for number in numbers), measure.unit)
    write_text(TARGET, json.dumps(taken, indent=2, ensure_ascii=False) + "\n")
    console.print(table)


if __name__ == "__main__":
    main()
