"""No module imports in a circle, and light work imports nothing heavy."""

import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

WINDOW = {"PyQt6", "pyqtgraph", "kvsplice_gui"}
MODELS = {"torch", "transformers"}
COMMANDS = (
    ["--help"],
    ["--version"],
    ["sweep", "--help"],
    ["samples"],
    ["diagnose"],
    ["memory", "gpt2"],
)
LIGHT = (
    *(
        (code, WINDOW | MODELS | {"matplotlib"})
        for code in (
            "import kvsplice_core",
            "kvsplice_core.CalibrationSpec(k=3); kvsplice_core.Method.SPLINE",
            "import kvsplice_core.codec.kinds, kvsplice_core.codec.decoders.spec",
            "import kvsplice_core.tasks.measure, kvsplice_core.data.samples",
            "import kvsplice_core.data.axes, kvsplice_core.cache.formula",
            "import kvsplice_core.report.sweep_table, kvsplice_core.report.commands",
            "import kvsplice_core.report.palette",
            "from kvsplice_core.base.devices import prepare_environment; prepare_environment()",
            "from kvsplice_core.cli import main",
            *(f"main({arguments!r})" for arguments in COMMANDS),
        )
    ),
    ("from kvsplice_core.report import figures; figures.architecture_diagram()",
     WINDOW | MODELS | {"matplotlib.pyplot"}),
)  # fmt: skip
"""What is run in one interpreter, one after another, and what must not be imported by then."""

LIGHT_WINDOW = (
    ("from kvsplice_gui import app", {"PyQt6", "matplotlib"} | MODELS),
    ("try: app.main(['--version'])\nexcept SystemExit: pass", {"PyQt6", "matplotlib"} | MODELS),
    ("import kvsplice_gui.state.capture, kvsplice_gui.work.model_jobs",
     {"PyQt6.QtWidgets", "matplotlib"} | MODELS),
    ("application, window = app.build('light')\nwindow.show()\napplication.processEvents()",
     {"matplotlib"} | MODELS),
    ("window.close()", {"matplotlib"} | MODELS),
)  # fmt: skip


def too_heavy(light: tuple[tuple[str, set[str]], ...]) -> dict[str, list[str]]:
    """Run each code in one fresh interpreter; return what it imported and must not, by code."""
    script = "import json, sys\nfound = {}\n" + "".join(
        f"{code}\nfound[{code!r}] = sorted({forbidden!r} & set(sys.modules))\n"
        for code, forbidden in light
    )
    script += "print(json.dumps({code: names for code, names in found.items() if names}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_light_work_imports_nothing_heavy():
    assert too_heavy(LIGHT) == {}


@pytest.mark.gui
def test_the_window_is_built_without_torch():
    assert too_heavy(LIGHT_WINDOW) == {}


def test_what_is_imported_too_early_is_named():
    assert too_heavy((("import csv", {"csv", "torch"}), ("import this", {"csv"}))) == {
        "import csv": ["csv"],
        "import this": ["csv"],
    }


def circle_of(graph: dict[str, set[str]]) -> list[str]:
    """Return modules each of which imports the next, ending as it begins; empty without a circle.

    Parameters
    ----------
    graph : dict
        The modules that each imports.
    """
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions and within a room count too.

    Those for type checkers count between rooms, where the contracts in pyproject.toml look.
    """
    graph = grimp.build_graph(
        "kvsplice_core", "kvsplice_gui", exclude_type_checking_imports=True, cache_dir=None
    )
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(imports) > 200
    assert circle_of(imports) == []


def test_a_circle_is_found():
    assert circle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})[1:] != []
    assert circle_of({"a": {"b", "c"}, "b": {"c"}}) == []
