"""A pipeline is written as it is read, and no two are called the same."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Axes, Decoding, Method, Quantization
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline

PARTS = (
    ("each", "pooled", "joined", "blocks:2", "blocks:3"),
    ("raw", "pca-axes", "whitened", "output"),
    tuple(one.key for one in Method),
    tuple(one.key for one in Decoding),
    tuple(one.key for one in Quantization),
)


def every_pipeline():
    """Return each combination of parts that makes sense, by the words for it."""
    found = {}
    for words in product(*PARTS):
        if words[1] in ("pca-axes", "whitened") and words[2] == "pca":
            continue
        found[words] = Pipeline.of("+".join(words))
    return found


ALL = every_pipeline()


def test_every_combination_is_read_from_its_own_key():
    assert all(Pipeline.of(one.key) == one for one in ALL.values())


def test_unlike_pipelines_have_unlike_keys_and_labels():
    assert len({one.key for one in ALL.values()}) == len(ALL) == len(set(ALL.values()))
    assert len({one.label for one in ALL.values()}) == len(ALL)


@given(words=st.sampled_from(sorted(ALL)), data=st.data())
def test_the_order_of_words_and_words_for_the_usual_mean_nothing(words, data):
    usual = ("each", "raw", "pca", "linear", "fp16")
    needed = [word for word in words if word not in usual]
    shuffled = data.draw(st.permutations(words))
    assert Pipeline.of("+".join(shuffled)) == ALL[words]
    assert Pipeline.of(" + ".join(needed) or "pca") == ALL[words]


@given(words=st.sampled_from(sorted(ALL)), bits=st.floats(0.01, 32), dim=st.integers(1, 1024))
def test_k_is_what_16_bits_a_number_leave(words, bits, dim):
    pipeline = ALL[words]
    k = pipeline.k_for(bits, dim)
    assert 0 <= k <= dim
    if pipeline.keeps_numbers:
        assert 16 * k <= bits * dim * (1 + 1e-6) + 1e-6
        assert k == dim or 16 * (k + 1) > bits * dim
    else:
        assert k == dim


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be one of"),
        ("wavelet", "got 'wavelet'"),
        ("joined+", "got ''"),
        ("joined+pooled", "has one grouping; got two"),
        ("spline+flow", "has one method; got two"),
        ("int8+int4", "has one quantizer; got two"),
        ("quadratic+mlp", "has one decoder; got two"),
        ("raw+output", "has one axes; got two"),
        ("pca-axes", "change nothing for plain PCA"),
        ("whitened+lloyd-max", "change nothing for plain PCA"),
        ("blocks:1", "must be one of"),
    ],
)
def test_words_that_make_no_pipeline_are_refused(text, says):
    with pytest.raises(SpecError, match=says):
        Pipeline.of(text)


def test_only_vectors_without_basis_are_plainly_rounded():
    assert {one.key for one in DEFAULT_PIPELINES if one.is_rounding} == {"rounding"}
    assert all(one.axes is Axes.RAW for one in ALL.values() if one.is_rounding)
