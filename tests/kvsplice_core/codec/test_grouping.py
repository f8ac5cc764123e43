"""Groupings are read, named, and cut the heads without a rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.grouping import Grouping, GroupingKind

groupings = st.builds(Grouping, st.sampled_from(GroupingKind)) | st.builds(
    Grouping, st.just(GroupingKind.BLOCKS), st.integers(2, 9999)
)


@given(grouping=groupings)
def test_what_is_typed_is_what_is_meant(grouping):
    assert Grouping.of(grouping.key) == grouping
    assert grouping.label


@given(one=groupings, other=groupings)
def test_unlike_groupings_have_unlike_names(one, other):
    assert (one == other) == (one.key == other.key) == (one.label == other.label)


@given(grouping=groupings, heads=st.integers(1, 64))
def test_codecs_and_spans_cover_every_head_once(grouping, heads):
    if grouping.kind is GroupingKind.BLOCKS and heads % grouping.size:
        with pytest.raises(SpecError, match=f"{heads} heads cannot be cut into blocks of"):
            grouping.span(heads)
        return
    assert heads % grouping.span(heads) == 0
    pooled = grouping.kind is GroupingKind.POOLED
    assert grouping.codecs(heads) == (1 if pooled else heads // grouping.span(heads))
    assert (grouping.span(heads) == heads) >= (grouping.kind is GroupingKind.JOINED)


@pytest.mark.parametrize(
    "text", ["", "all", "Each", "blocks", "blocks:", "blocks:x", "blocks:-2", "blocks:2.0",
             "blocks:12345", " each", "joined:2", "blocks:2 "],
)  # fmt: skip
def test_other_words_are_refused(text):
    with pytest.raises(SpecError, match=r"each, pooled, joined or blocks:N; got"):
        Grouping.of(text)


@pytest.mark.parametrize("size", [0, 1])
def test_a_block_joins_heads(size):
    with pytest.raises(SpecError, match=f"at least 2 heads; got {size}"):
        Grouping.of(f"blocks:{size}")
