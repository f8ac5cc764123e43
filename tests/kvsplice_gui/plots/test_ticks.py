import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kvsplice_gui.plots import ticks

NUMERIC = [
    ticks.linear_ticks,
    ticks.decade_ticks,
    ticks.bytes_ticks,
    ticks.bytes_log_ticks,
    ticks.tokens_ticks,
    ticks.tokens_log_ticks,
    ticks.integer_ticks,
]
MOST = 30


@pytest.mark.parametrize("ticker", NUMERIC)
@given(low=st.floats(0, 30), span=st.floats(0.5, 30), pixels=st.floats(40, 2000))
def test_ticks_lie_on_the_axis_in_order_and_are_few(ticker, low, span, pixels):
    placed = ticker(low, low + span, pixels)
    positions = [position for position, _ in placed]
    assert positions == sorted(set(positions))
    assert all(low - 1e-6 * span <= at <= low + span * (1 + 1e-6) for at in positions)
    assert len(placed) <= MOST
    assert all(text for _, text in placed)


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), pixels=st.floats(120, 2000))
def test_linear_ticks_say_where_they_stand(low, span, pixels):
    assume(span > abs(low) * 1e-6)
    placed = ticks.linear_ticks(low, low + span, pixels)
    assert len(placed) >= 2
    for position, text in placed:
        said = float(text.replace("\u202f", "").replace("−", "-"))
        assert said == pytest.approx(position, abs=span / 1000)


@given(low=st.floats(-9, 3), span=st.floats(0.05, 8), pixels=st.floats(150, 900))
def test_decade_ticks_are_never_lonely(low, span, pixels):
    assert len(ticks.decade_ticks(low, low + span, pixels)) >= 2


def test_decade_ticks_write_small_numbers_as_powers():
    assert dict(ticks.decade_ticks(-7, -1, 400))[-6] == "10⁻⁶"
    assert dict(ticks.decade_ticks(-4, 0, 400))[-3] == "0.001"


def test_k_ticks_stand_at_the_computed_ks():
    placed = ticks.k_ticks((1, 2, 4, 64))(0, 6, 600)
    assert placed == [(0, "1"), (1, "2"), (2, "4"), (6, "64")]


@given(st.floats(60, 1500))
def test_k_ticks_do_not_overlap_and_keep_the_largest(pixels):
    placed = ticks.k_ticks(range(1, 129))(0, 7, pixels)
    assert placed[-1] == (7, "128")
    for (left, a), (right, b) in itertools.pairwise(placed):
        assert (right - left) * pixels / 7 >= 3 * (len(a) + len(b))


def test_bytes_ticks_are_whole_binary_units():
    texts = [text for _, text in ticks.bytes_ticks(0, 256 * 2**20, 300)]
    assert texts[0].startswith("0")
    assert "64\u00a0MiB" in [text.replace(" ", "\u00a0") for text in texts]
    assert not any("." in text for text in texts)


def test_bytes_log_ticks_climb_the_units():
    texts = " ".join(text for _, text in ticks.bytes_log_ticks(0, 40, 400))
    assert "KiB" in texts
    assert "GiB" in texts


def test_tokens_ticks_are_powers_of_two_apart():
    placed = [position for position, _ in ticks.tokens_ticks(0, 8192, 400)]
    gaps = {right - left for left, right in itertools.pairwise(placed)}
    assert len(gaps) == 1
    assert math.log2(gaps.pop()).is_integer()


@pytest.mark.parametrize("ticker", NUMERIC)
def test_an_axis_without_extent_does_not_fail(ticker):
    assert isinstance(ticker(1.0, 1.0, 100), list)
