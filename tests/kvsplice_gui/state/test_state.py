"""State: validated wishes, signals only on change, rows that are shown."""

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes


@pytest.fixture
def state():
    return State()


def test_a_wish_tells_old_and_new(state):
    seen = []
    state.wishes_changed.connect(lambda old, new: seen.append((old.k, new.k)))
    state.wish(k=8)
    state.wish(k=8)
    assert seen == [(16, 8)]


@pytest.mark.parametrize("bad", [{"k": 0}, {"knots": 2}, {"epochs": 0}, {"device": "abacus"}])
def test_an_impossible_wish_changes_nothing(state, bad):
    before = state.wishes
    with pytest.raises(SpecError, match="got"):
        state.wish(**bad)
    assert state.wishes is before


def test_groups_of_wishes_keep_their_other_fields(state):
    state.wish_data(source="a.npy", layer=3)
    state.wish_data(head=1)
    assert (state.wishes.data.source, state.wishes.data.layer, state.wishes.data.head) == (
        "a.npy",
        3,
        1,
    )


def test_a_sweep_holds_the_chosen_k_first_and_no_k_above_the_dimension():
    spec = Wishes().but(k=20).sweep(dim=24)
    assert 20 in spec.ks
    assert max(spec.ks) <= 24
    assert spec.ordered_ks[0] == 20
    assert Wishes().but(k=99).sweep(dim=24).ordered_ks[0] == 24


def test_the_calibration_is_what_was_wished():
    wishes = Wishes().but(method=Method.FLOW, recipe=Recipe.ORIGIN, knots=9, epochs=3, seed=1)
    spec = wishes.calibration
    assert (spec.method, spec.recipe, spec.knots, spec.epochs, spec.seed) == (
        Method.FLOW,
        Recipe.ORIGIN,
        9,
        3,
        1,
    )


def test_nothing_is_found_at_the_start():
    findings = Findings()
    assert findings.dim == 0
    assert findings.rows == ()
    assert findings.nearest_row(Method.PCA, 4) is None
