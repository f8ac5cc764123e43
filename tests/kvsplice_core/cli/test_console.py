"""Numbers as people read them, tables that survive a pipe."""

import pytest

from kvsplice_core.base.estimates import Change
from kvsplice_core.base.formats import percent
from kvsplice_core.cli.console import change_text, print_table


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(-3.5, -2.7, "gain"), (-1, 1, "tie"), (1, 2, "loss")]
)
def test_a_change_is_told_with_interval_and_verdict(low, high, verdict):
    text = change_text(Change((low + high) / 2, low, high))
    assert f"[{percent(low)}, {percent(high)}]" in text
    assert text.endswith(f" {verdict}")


def test_a_wide_table_is_neither_folded_nor_read_as_markup(capsys):
    cell = "[bold] " + "x" * 120
    print_table(("a", "b"), [(cell, "end")])
    assert any(cell in line and "end" in line for line in capsys.readouterr().out.splitlines())
