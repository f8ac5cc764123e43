"""An installed wheel works like a checkout."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESOURCES = (
    "samples/smollm2-v.safetensors",
    "icons/kvsplice.svg",
    "gpt2-mini/model.safetensors",
    "gpt2-mini/text/heldout/macbeth.txt",
)
BUNDLED_MODEL = ("model.safetensors", "tokenizer.json", "config.json")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """Return the folder of an unpacked wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("kvsplice-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_there(unpacked: Path, elsewhere: Path, *arguments: str) -> str:
    """Run Python on the unpacked wheel, far from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=elsewhere,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", RESOURCES)
def test_the_wheel_carries_its_resources_unchanged(unpacked, name):
    packed = unpacked / "kvsplice_core" / "_resources" / name
    assert packed.read_bytes() == (ROOT / "resources" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", RESOURCES)
def test_resources_are_found_from_the_wheel(unpacked, tmp_path, name):
    find = f"resource_path(*{name.split('/')!r})"
    code = f"from kvsplice_core.base.resources import resource_path; print({find})"
    found = Path(run_there(unpacked, tmp_path, "-c", code).strip())
    assert found == unpacked / "kvsplice_core" / "_resources" / name


@pytest.mark.slow
def test_the_wheel_reads_its_bundled_sample(unpacked, tmp_path):
    assert "64" in run_there(unpacked, tmp_path, "-m", "kvsplice_core", "info", "smollm2-v")


@pytest.mark.slow
def test_the_wheel_captures_from_its_bundled_model(unpacked, tmp_path):
    target = tmp_path / "v.safetensors"
    options = ("--tokens", "64", "--out", str(target))
    run_there(unpacked, tmp_path, "-m", "kvsplice_core", "capture", "gpt2-mini", *options)
    assert target.stat().st_size > 64 * 4 * 4 * 64 * 2


def test_the_bundled_model_is_small():
    files = [ROOT / "resources" / "gpt2-mini" / name for name in BUNDLED_MODEL]
    assert sum(file.stat().st_size for file in files) <= 10_000_000


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_no_tests(unpacked):
    top = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"kvsplice_core", "kvsplice_gui"}


def test_every_dependency_is_pinned_inside_its_range():
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    pinned = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for requirement in map(Requirement, wanted):
        assert pinned[requirement.name.lower()] in requirement.specifier, requirement


def test_imports_keep_their_directions():
    from importlinter.cli import lint_imports

    assert (
        lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0
    )
