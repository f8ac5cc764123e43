"""What files say of where codecs come from is typed, and older words are still understood."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.codec.provenance import Provenance

TEXT, COUNT = st.text(max_size=6), st.integers(0, 2**40)
JSON = st.none() | st.booleans() | COUNT | st.floats(allow_nan=False) | TEXT | st.lists(TEXT)
FIELDS = {
    **dict.fromkeys(("data", "data_sha256", "provenance", "pipeline", "kept", "label"), TEXT),
    **dict.fromkeys(("capture_sha256", "text_sha256", "updated_with", "updated_with_sha256"), TEXT),
    **dict.fromkeys(("train_vectors", "counted_tokens", "tokens", "updates"), COUNT),
    **dict.fromkeys(("versions", "replaced"), st.dictionaries(TEXT, TEXT, max_size=2)),
    **dict.fromkeys(("documents", "document_sha256"), st.lists(TEXT, max_size=2).map(tuple)),
    "training": st.dictionaries(TEXT, JSON, max_size=3),
    "bits": st.dictionaries(st.sampled_from("vk"), st.floats(0, 16)),
    "forget": st.floats(0, 1),
    "edited": st.booleans(),
    "notes": st.dictionaries(TEXT.map(lambda text: f"a {text}"), JSON, max_size=3),
}


def provenances():
    """Return what draws any provenance."""
    return st.fixed_dictionaries({}, optional=FIELDS).map(lambda some: Provenance(**some))


@given(provenances())
def test_it_comes_back_from_json(made):
    assert Provenance.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_what_says_nothing_is_not_written():
    assert Provenance().to_json() == {}
    assert Provenance(updates=2, notes={"by": "x"}).to_json() == {"updates": 2, "by": "x"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("data", 3, "data must be text; got 3"),
        ("updates", "two", "updates must be a whole number; got 'two'"),
        ("updates", True, "updates must be a whole number; got True"),
        ("forget", "0.5", "forget must be a number; got '0.5'"),
        ("edited", 1, "edited must be true or false; got 1"),
        ("documents", "one", "documents must be a list of texts; got 'one'"),
        ("document_sha256", [1], "document sha256 must be a list of texts"),
        ("training", ["spline"], "training must be an object"),
        ("bits", {"v": "4"}, "bits must be an object of numbers"),
        ("versions", {"torch": 2}, "versions must be an object of texts"),
    ],
)
def test_values_of_another_type_are_refused(name, value, says):
    with pytest.raises(CodecFileError, match=says):
        Provenance.from_json({name: value})


def test_a_note_must_not_hide_a_field():
    with pytest.raises(SpecError, match="named like a field; got tokens"):
        Provenance(notes={"tokens": 3})


def test_settings_of_before_find_their_place():
    before = {"method": "spline", "recipe": "joint", "epochs": 40, "axes": "pca", "data": "x"}
    made = Provenance.from_json({**before, "bits": 2.5, "sides": "v"})
    assert made.training == {"method": "spline", "recipe": "joint", "epochs": 40, "axes": "pca"}
    assert (made.method, made.data) == ("spline", "x")
    assert made.notes == {"budget_bits": 2.5, "sides": "v"}


@pytest.mark.parametrize("recipe", ["by hand", "by hand, then joint"])
def test_a_hand_of_before_is_no_recipe(recipe):
    made = Provenance.from_json({"recipe": recipe, "epochs": 3, "knots": 7, "edited": True})
    assert made.training == {"knots": 7}
    assert made.edited
    assert made.notes == {"made": recipe, "epochs": 3}
