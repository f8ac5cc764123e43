"""Small vectors and a window that is closed whatever happens."""

import numpy as np
import pytest

from kvsplice_core.methods import Method
from kvsplice_gui.controller import Controller
from kvsplice_gui.state import State, Wishes


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """2000 vectors of 6 numbers along a curve, as two heads of 1000 tokens."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(2000, 1))
    rows = np.tanh(t * np.arange(1, 7)) + 0.05 * rng.standard_normal((2000, 6))
    path = tmp_path_factory.mktemp("data") / "small.npy"
    np.save(path, rows.reshape(1000, 2, 6).astype(np.float32))
    return path


@pytest.fixture
def quick_wishes():
    """Few epochs, spline only."""
    return Wishes(methods=(Method.PCA, Method.SPLINE), k=2, epochs=40, knots=5, device="cpu")


@pytest.fixture
def controller(qtbot, quick_wishes):
    made = Controller(State(quick_wishes))
    yield made
    made.shutdown()


@pytest.fixture
def window(qtbot, quick_wishes):
    from kvsplice_gui.main_window import MainWindow

    state = State(quick_wishes)
    made = MainWindow(state, Controller(state))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()
