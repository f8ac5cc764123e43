"""All that a codec stores is counted, before a file as behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import load_codec, save_codec
from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.fit.budget import Budget, Counted, count_bits, mean_bits
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


@pytest.mark.parametrize("bits", [0, -1, 32.1, float("nan")])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(SpecError, match="bits per value must lie above 0 and be at most 32; got"):
        Budget(bits)


def test_tokens_below_one_are_refused():
    with pytest.raises(SpecError, match="at least 1; got 0"):
        Budget(2, 0)


@pytest.mark.parametrize("given", [{}, {"bits": 2.0, "k": 3}])
def test_a_budget_is_bits_or_k(given):
    with pytest.raises(SpecError, match="must be bits or k; got bits"):
        Budget(**given)


@given(k=st.integers(1, 64), dim=st.integers(1, 64))
def test_a_k_is_the_bytes_of_so_many_numbers(k, dim):
    if k > dim:
        with pytest.raises(SpecError, match=f"between 1 and the dimension {dim}; got {k}"):
            Budget(k=k).bits_for(dim)
        return
    assert Pipeline().k_for(Budget(k=k).bits_for(dim), dim) == k


def test_a_k_below_one_is_refused():
    with pytest.raises(SpecError, match="k must be at least 1; got 0"):
        Budget(k=0)
