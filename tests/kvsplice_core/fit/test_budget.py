"""All that a codec stores is counted, before a file as behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import load_codec, save_codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.fit.budget import Counted, count_bits, mean_bits
from tests.kvsplice_core.codec.test_codec import DIM, composed, rounded

codecs = st.builds(
    composed,
    st.sampled_from([Method.PCA, Method.SPLINE]),
    st.integers(1, DIM - 1),
    st.sampled_from([Decoding.LINEAR, Decoding.QUADRATIC, Decoding.MLP]),
    st.sampled_from([None, *Quantization]),
) | st.builds(rounded)


@given(codec=codecs, tokens=st.integers(1, 10**6), heads=st.integers(1, 12))
def test_bits_are_those_of_the_tokens_and_of_the_codec_itself(codec, tokens, heads):
    counted = count_bits(codec, tokens, heads)
    values = tokens * heads * DIM
    size = 2 * codec.k if codec.quantizer is None else codec.stored_size
    held = HeadCodecs((codec,), heads).packed("cpu").nbytes()
    assert counted.vector_bits == 8 * size / DIM
    assert counted.total * values == pytest.approx(8 * (size * tokens * heads + held))


@pytest.mark.parametrize("quantizer", [None, Quantization.LLOYD_MAX, Quantization.INT4])
@pytest.mark.parametrize("decoder", [Decoding.LINEAR, Decoding.QUADRATIC, Decoding.MLP])
def test_a_file_gives_back_a_codec_of_equal_bits(decoder, quantizer, tmp_path):
    codec = composed(Method.SPLINE, 3, decoder, quantizer)
    save_codec(codec, tmp_path / "codec.safetensors")
    assert count_bits(load_codec(tmp_path / "codec.safetensors"), 100) == count_bits(codec, 100)


def test_rounding_has_nothing_of_its_own_to_count():
    assert count_bits(rounded(), 1).side_bits == 0


def test_the_mean_is_that_of_each_part():
    assert mean_bits([Counted(1, 2), Counted(3, 6)]) == Counted(2, 4)
