"""Every method is told apart by colour and by symbol."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.report.palette import GREY, SEQUENCE, pipeline_style, style_of

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


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(DEFAULT_PIPELINES, 2)))
def test_two_usual_pipelines_share_neither_colour_nor_symbol(a, b):
    one, other = pipeline_style(a), pipeline_style(b)
    assert one.colour != other.colour
    assert (one.symbol, one.filled) != (other.symbol, other.filled)


@pytest.mark.parametrize("method", list(Method))
def test_a_method_by_itself_keeps_its_look(method):
    own, pipeline = style_of(method), pipeline_style(Pipeline.of(method.key))
    assert (pipeline.colour, pipeline.symbol, pipeline.marker) == (
        own.colour,
        own.symbol,
        own.marker,
    )


@given(
    st.sampled_from(["each", "pooled", "joined", "blocks:2"]),
    st.sampled_from(["raw", "output"]),
    st.sampled_from([method.key for method in Method]),
    st.sampled_from([decoding.key for decoding in Decoding]),
    st.sampled_from([quantization.key for quantization in Quantization]),
)
def test_any_pipeline_has_a_look_that_stands_out(grouping, axes, method, decoder, quantizer):
    pipeline = Pipeline.of("+".join((grouping, axes, method, decoder, quantizer)))
    style = pipeline_style(pipeline)
    assert HEX.fullmatch(style.colour)
    assert 0.1 < luminance(style.colour) < 0.75
    assert style.filled is not pipeline.keeps_numbers
    assert len(style.dash) % 2 == 0


def test_plain_rounding_is_grey():
    assert pipeline_style(Pipeline.of("rounding")).colour == GREY


def test_options_of_one_quantizer_are_told_apart():
    words = ("lloyd-max", "lloyd-max+no-gain", "lloyd-max+rotated", "lloyd-max+shared-levels")
    looks = [pipeline_style(Pipeline.of(f"joined+{word}")) for word in words]
    assert len({look.colour for look in looks}) == len({look.dash for look in looks}) == len(words)
