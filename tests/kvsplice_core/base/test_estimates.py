"""An interval says gain, tie or loss; a change comes back from what files hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.estimates import NO_CHANGE, Change, Estimate, Judgement, Verdict

numbers = st.floats(-1e6, 1e6)
intervals = st.tuples(numbers, numbers, numbers).map(sorted)


@given(interval=intervals)
def test_an_interval_that_holds_zero_is_a_tie_and_one_below_it_a_gain(interval):
    low, value, high = interval
    verdict = Estimate(value, low, high).verdict
    assert (verdict is Verdict.TIE) == (low <= 0 <= high)
    assert (verdict is Verdict.GAIN) == (high < 0)
    assert Judgement(1.0, 2.0, Change(value, low, high)).is_gain == (high < 0)


@given(interval=intervals)
def test_a_change_comes_back_from_json_under_its_names(interval):
    low, value, high = interval
    change = Change(value, low, high)
    entry = json.loads(json.dumps(change.as_dict()))
    assert entry.keys() == {"percent", "low", "high"}
    assert Change.of(entry) == change
    assert change.percent == change.value == value


def test_no_change_is_a_tie():
    assert NO_CHANGE.verdict is Verdict.TIE
    assert not Judgement(1.0, 1.0, NO_CHANGE).is_gain
