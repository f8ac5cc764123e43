"""Measured points are shown where they belong, and nowhere else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import CaptureFacts, DocumentSpan, KeyState, Sides
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.readouts.memory import (
    NEEDS_CAPTURE,
    measure_wish,
    measured_points,
    why_not_measured,
)
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import MemoryWish, Wishes
from tests.kvsplice_gui.measurements import FACTS, make_measurement

CAPTURE = CaptureFacts(
    FACTS, "", (DocumentSpan("a", 99),), (0, 1, 2, 3), Sides.V, KeyState.NONE, False, 64, "float16"
)
WISHES = Wishes().but(method=Method.PCA, memory=MemoryWish(model="gpt2-mini"))
FOUND = Findings(measured=make_measurement())


def captured(**changes):
    return Findings(dataset=SimpleNamespace(capture=CAPTURE), **changes)


def with_memory(**changes):
    return WISHES.but(memory=replace(WISHES.memory, **changes))


def names(wishes, findings=FOUND):
    return [points.name for points in measured_points(wishes, findings)]


def test_what_is_measured_is_what_is_in_focus():
    wish = measure_wish(with_memory(element_bytes=4, tokens=99, batch=3), captured())
    assert (wish.model, wish.element_bytes) == ("gpt2-mini", 4)
    assert (wish.tokens, wish.batch) == (99, 3)
    assert (wish.key.calibration.method, wish.key.calibration.k) == (Method.PCA, 16)
    assert wish.key.side == "v"


def test_why_nothing_can_be_measured():
    assert why_not_measured(WISHES, Findings()) == NEEDS_CAPTURE
    assert why_not_measured(WISHES, captured()) == ""
    assert "2 or 4 bytes" in why_not_measured(with_memory(element_bytes=1), captured())
    with pytest.raises(SpecError):
        measure_wish(with_memory(element_bytes=1), captured())


def test_points_lie_on_the_lines_the_plot_draws():
    dense, compressed = measured_points(WISHES, FOUND)
    lines = {name: (tokens, size) for name, tokens, size, *_ in readouts.memory_view(WISHES).lines}
    assert dense.size == pytest.approx(np.interp(dense.tokens, *lines["dense"]))
    line = np.interp(compressed.tokens, *lines["PCA k = 16"])
    assert compressed.size == pytest.approx(line)


@pytest.mark.parametrize(
    "other",
    [
        with_memory(model="gpt2"),
        with_memory(batch=2),
        with_memory(element_bytes=4),
        with_memory(model="gone/config.json"),
    ],
)
def test_of_another_cache_nothing_is_shown(other):
    assert names(other) == []


@pytest.mark.parametrize(
    "other",
    [
        WISHES.but(method=Method.SPLINE),
        WISHES.but(k=8),
        with_memory(latent_bytes=4),
        with_memory(kept_tokens=64),
    ],
)
def test_of_another_codec_only_dense_points_are_shown(other):
    assert names(other) == ["dense, measured"]


def test_k_above_the_models_dimension_is_its_dimension():
    found = Findings(measured=make_measurement(k=64))
    assert len(names(WISHES.but(k=99), found)) == 2


def test_nothing_measured_shows_nothing():
    assert names(WISHES, Findings()) == []
