"""Set-up of every test: Qt offscreen, few threads, settings apart from the user's."""

import os
from pathlib import Path

# Before anything imports Qt or torch.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "kvsplice", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kvsplice")

WINDOW_TESTS = Path(__file__).parent / "kvsplice_gui"


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


def pytest_runtest_setup(item: pytest.Item) -> None:
    if NO_QT and item.get_closest_marker("gui"):
        pytest.skip(f"Qt cannot be loaded: {NO_QT}")


@pytest.fixture(autouse=True)
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what a window remembers out of the user's own settings."""
    path = tmp_path / "settings.ini"
    monkeypatch.setenv("KVSPLICE_SETTINGS", str(path))
    return path
