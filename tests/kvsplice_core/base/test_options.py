"""A field is declared once; every way to write it down reads back as the same value."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import (
    differences,
    entries,
    from_settings,
    option,
    options_of,
    part,
    range_words,
    require_ranges,
    settings,
    text_of,
)
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pipeline import Pipeline


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    share: float = option("Share", "a share", 0.5, above=0, below=1)
    hidden: int = option("Hidden", "set by its owner", 0)

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class Spec:
    count: int = option("Count", "how many", 3, low=1, high=64)
    most: float | None = option("Most", "at most", None, above=0, high=16)
    colour: Colour = option("Colour", "which", Colour.RED)
    method: Method = option("Method", "which", Method.SPLINE)
    pipelines: tuple[Pipeline, ...] = option("Pipelines", "which", (Pipeline(),))
    ks: tuple[int, ...] = option("k", "which", (1, 2), low=1, ranges=True)
    bits: tuple[float, ...] = option("Bits", "which", (2.5,))
    is_on: bool = option("On", "whether", default=False)
    side: str = option("Side", "which", "v", choices=("v", "k"))
    inner: Inner = part(Inner, "inner", without=("hidden",))
    private: int = 7

    def __post_init__(self) -> None:
        require_ranges(self)


specs = st.builds(
    Spec,
    count=st.integers(1, 64),
    most=st.none() | st.floats(0, 16, exclude_min=True),
    colour=st.sampled_from(Colour),
    method=st.sampled_from(tuple(Method)),
    pipelines=st.lists(
        st.sampled_from(("pca", "joined+lloyd-max", "polynomial:3")).map(Pipeline.of)
    ).map(tuple),
    ks=st.lists(st.integers(1, 99), min_size=1).map(tuple),
    bits=st.lists(st.floats(0.1, 16)).map(tuple),
    is_on=st.booleans(),
    side=st.sampled_from(("v", "k")),
    inner=st.builds(Inner, st.floats(0, 1, exclude_min=True, exclude_max=True)),
)


@given(specs)
def test_json_reads_back_as_the_same_spec(spec):
    assert from_settings(Spec, json.loads(json.dumps(settings(spec)))) == spec


@given(specs)
def test_every_value_is_read_from_its_own_word(spec):
    for entry in entries(Spec):
        value = getattr(spec, entry.name)
        if entry.part is None and value is not None and entry.kind is not bool:
            assert entry.read(text_of(value)) == value


@given(specs, specs)
def test_what_differs_is_named_and_nothing_else(first, second):
    named = differences(first, second)
    assert (named == ()) == (first == second)
    assert ("Share" in named) == (first.inner.share != second.inner.share)


def test_options_of_a_part_come_with_it_but_those_its_owner_sets():
    names = [entry.name for entry in options_of(Spec)]
    assert "share" in names
    assert not {"hidden", "private", "inner"} & set(names)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"count": 0}, "count must lie between 1 and 64; got 0"),
        ({"most": 17.0}, "most must be above 0 and at most 16; got 17.0"),
        ({"ks": (3, 0)}, "k must be at least 1; got 0"),
        ({"side": "both"}, "side must be one of v, k; got 'both'"),
        ({"inner": {"share": 1.0}}, "share must lie between 0 and 1; got 1.0"),
    ],
)
def test_what_lies_outside_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(SpecError) as error:
        replace(Spec(), **{k: Inner(**v) if isinstance(v, dict) else v for k, v in changes.items()})
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    "stored",
    [
        {"count": "3"},
        {"count": True},
        {"count": 2.5},
        {"colour": "green"},
        {"method": "magic"},
        {"is_on": 1},
        {"bits": 2.5},
        {"inner": [1]},
        {"pipelines": [3]},
        {"most": "much"},
        {"count": None},
    ],
)
def test_json_of_another_type_is_refused(stored):
    with pytest.raises(SpecError):
        from_settings(Spec, stored)


def test_what_is_missing_in_json_takes_its_default():
    assert from_settings(Spec, {"count": 9, "unknown": 1}) == Spec(count=9)


@pytest.mark.parametrize("text", ["0", "3-1", "a", "1-", "1,,2", "70000", "-1"])
def test_a_list_of_numbers_is_refused_where_it_is_none(text):
    (entry,) = (entry for entry in entries(Spec) if entry.name == "ks")
    with pytest.raises(SpecError):
        entry.read(text)


def test_ranges_stand_for_their_numbers():
    (entry,) = (entry for entry in entries(Spec) if entry.name == "ks")
    assert entry.read("1-3, 8") == (1, 2, 3, 8)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "", "2,5"])
def test_a_number_must_be_one(text):
    (entry,) = (entry for entry in entries(Spec) if entry.name == "most")
    with pytest.raises(SpecError):
        entry.read(text)


def test_ranges_in_words():
    words = [range_words(entry.option) for entry in entries(Spec) if entry.name in ("count", "ks")]
    assert words == ["lie between 1 and 64", "be at least 1"]
