"""Set-up of every test: Qt offscreen, one thread, settings apart from the user's."""

import gc
import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path

# Before anything imports Qt or torch. One thread: the tests run in two processes.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from tests import selection

for profile, examples in (("quick", 15), ("full", 50)):
    settings.register_profile(
        profile,
        deadline=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("quick")  # `make test-all` asks for the full one

WINDOW_TESTS = Path(__file__).parent / "kvsplice_gui"
LEFT = pytest.StashKey[int]()


def why_qt_fails() -> str:
    """Return why Qt's widgets cannot be loaded, empty where they can."""
    try:
        import PyQt6.QtWidgets  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""


NO_QT = why_qt_fails()


def pytest_report_header() -> str | None:
    return f"tests of the window are left out: Qt cannot be loaded ({NO_QT})" if NO_QT else None


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    # Their modules import Qt at the top, so a skip mark would come too late.
    return True if NO_QT and WINDOW_TESTS in (collection_path, *collection_path.parents) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # All that is imported and collected stays: looking for what could go takes a quarter of it.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    selection.mark(items)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow"):
            item.config.stash[LEFT] = item.config.stash.get(LEFT, 0) + 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = session.config.stash.get(LEFT, 0)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node: object) -> None:
    # Every worker leaves out the same tests.
    node.config.stash[LEFT] = getattr(node, "workeroutput", {}).get("left", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left = terminalreporter.config.stash.get(LEFT, 0)
    if left:
        terminalreporter.write_line(f"{left} slow tests are left to CI; `make test-all` runs them")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if NO_QT and item.get_closest_marker("gui"):
        pytest.skip(f"Qt cannot be loaded: {NO_QT}")


@pytest.fixture(scope="session")
def settings_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths of settings, each given once."""
    folder = tmp_path_factory.mktemp("settings")
    return (folder / f"{number}.ini" for number in itertools.count())


@pytest.fixture(autouse=True)
def settings_file(settings_files: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what a window remembers out of the user's own settings."""
    path = next(settings_files)
    monkeypatch.setenv("KVSPLICE_SETTINGS", str(path))
    return path
