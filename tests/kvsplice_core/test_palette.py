"""Every method is told apart by colour and by symbol."""

import itertools
import re

import pytest

from kvsplice_core.methods import Method
from kvsplice_core.palette import SEQUENCE, style_of

HEX = re.compile(r"#[0-9A-F]{6}")


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_methods_have_the_agreed_colours_and_symbols():
    assert [(style_of(m).colour, style_of(m).symbol) for m in Method] == [
        ("#0072B2", "o"),
        ("#D55E00", "s"),
        ("#009E73", "t"),
    ]


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(Method, 2)))
def test_two_methods_share_neither_colour_nor_marker(a, b):
    assert style_of(a).colour != style_of(b).colour
    assert style_of(a).symbol != style_of(b).symbol
    assert style_of(a).marker != style_of(b).marker


def test_sequence_is_hexadecimal_and_free_of_repeats():
    assert all(HEX.fullmatch(colour) for colour in SEQUENCE)
    assert len(set(SEQUENCE)) == len(SEQUENCE)


def test_colours_stand_out_on_white_and_on_black():
    for method in Method:
        assert 0.15 < luminance(style_of(method).colour) < 0.75
