import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00131449, "0.00131"),
        (0.0, "0"),
        (-0.0, "0"),
        (16.0, "16.0"),
        (0.9996, "1.00"),
        (999.6, "1\u202f000"),
        (-2.345, "−2.35"),
        (8.8e-5, "8.80×10⁻⁵"),
        (1.5e9, "1.50×10⁹"),
        (math.nan, "–"),
        (None, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_three_digits(value, text):
    assert formats.three_digits(value) == text


@given(st.floats(min_value=1e-4, max_value=9.99e5))
def test_three_digits_stays_within_half_a_unit_of_the_third_digit(value):
    read = float(formats.three_digits(value).replace("\u202f", ""))
    assert read == pytest.approx(value, rel=5.01e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3.14159, "−3.14\u00a0%"),
        (0.24, "+0.24\u00a0%"),
        (0.0, "0\u00a0%"),
        (-0.001, "0\u00a0%"),
        (-31.42, "−31.4\u00a0%"),
        (1234.0, "+1\u202f234\u00a0%"),
        (math.inf, "+∞\u00a0%"),
        (None, "–"),
    ],
)
def test_percent_has_its_sign(value, text):
    assert formats.percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3725, "1 h 02 min"),
        (math.inf, "–"),
        (None, "–"),
    ],
)
def test_duration(seconds, text):
    assert formats.duration(seconds).replace("\u00a0", " ") == text


def test_count_groups_by_three():
    assert formats.count(120_000) == "120\u202f000"
    assert formats.count(-1_024) == "−1\u202f024"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_can_break_over_two_lines(value):
    written = formats.three_digits(value) + formats.percent(value) + formats.scientific(value)
    assert " " not in written
    assert "-" not in written


@pytest.mark.parametrize(
    ("value", "text"), [(0.02, "+0.0200"), (-0.02, "−0.0200"), (0.0, "0"), (-2e-5, "−2.00×10⁻⁵")]
)
def test_a_difference_has_its_sign(value, text):
    assert formats.signed(value) == text


def test_an_interval_is_written_as_its_number_is():
    assert formats.with_interval(1.5, -1, 250) == "1.50 [−1.00, 250]"
    written = formats.with_interval(-3.1, -4, -0.25, formats.percent).replace("\u00a0", " ")
    assert written == "−3.10 % [−4.00 %, −0.25 %]"


@pytest.mark.parametrize("size", [0, 999, 1000, 36 * 2**20, 2**50])
def test_bytes_have_at_most_three_digits_and_their_unit(size):
    number, unit = formats.format_bytes(size).split(" ")
    assert len(number.replace(".", "").lstrip("0")) <= 3
    scale = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    assert float(number) * scale == pytest.approx(size, rel=5.01e-3)
