"""Numbers as people read them, tables that survive a pipe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.estimates import Change
from kvsplice_core.cli.console import change_text, print_table, signed, significant


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.00131382, "0.00131"), (0.00045, "0.000450"), (12.0, "12.0"), (123.4, "123"), (0.0, "0.00")],
)
def test_three_significant_digits(number, text):
    assert significant(number) == text


@given(st.floats(1e-6, 999, allow_subnormal=False))
def test_no_more_than_half_a_per_cent_is_lost(number):
    assert float(significant(number)) == pytest.approx(number, rel=5.1e-3)


@pytest.mark.parametrize(("percent", "text"), [(-3.104, "−3.10"), (0.5, "+0.500"), (120, "+120")])
def test_a_change_has_its_sign(percent, text):
    assert signed(percent) == text


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(-3.5, -2.7, "gain"), (-1, 1, "tie"), (1, 2, "loss")]
)
def test_a_change_is_told_with_interval_and_verdict(low, high, verdict):
    text = change_text(Change((low + high) / 2, low, high))
    assert f"[{signed(low)}, {signed(high)}]" in text
    assert text.endswith(f" {verdict}")


def test_a_wide_table_is_neither_folded_nor_read_as_markup(capsys):
    cell = "[bold] " + "x" * 120
    print_table(("a", "b"), [(cell, "end")])
    assert any(cell in line and "end" in line for line in capsys.readouterr().out.splitlines())
