"""The public interface is complete, and cheap to import."""

import json
import subprocess
import sys

import pytest

import kvsplice_core

HEAVY = {"torch", "PyQt6", "pyqtgraph", "matplotlib", "transformers", "kvsplice_gui"}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules a fresh interpreter holds after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize("name", kvsplice_core.__all__)
def test_every_public_name_resolves(name):
    assert getattr(kvsplice_core, name) is not None
    assert name in dir(kvsplice_core)


def test_every_public_name_is_documented():
    undocumented = [
        name
        for name in kvsplice_core.__all__
        if name != "__version__" and not getattr(kvsplice_core, name).__doc__
    ]
    assert undocumented == []


def test_the_names_are_sorted_and_unique():
    assert sorted(set(kvsplice_core.__all__), key=str.lower) == sorted(
        kvsplice_core.__all__, key=str.lower
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'spline_everything'"):
        _ = kvsplice_core.spline_everything


@pytest.mark.parametrize(
    "code",
    [
        "import kvsplice_core",
        "import kvsplice_core; kvsplice_core.CalibrationSpec(k=3); kvsplice_core.Method.SPLINE",
        *(
            f"from kvsplice_core.cli import main; main({arguments!r})"
            for arguments in (
                ["--help"],
                ["--version"],
                ["sweep", "--help"],
                ["samples"],
                ["diagnose"],
                ["memory", "gpt2"],
            )
        ),
    ],
)
def test_light_work_imports_nothing_heavy(code):
    assert modules_after(code) & HEAVY == set()
