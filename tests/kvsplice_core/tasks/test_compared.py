"""Two measures make one verdict: clear in one and against none, or a tie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.estimates import Verdict
from kvsplice_core.proof.intervals import compared
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.compared import Compared
from kvsplice_core.tasks.evaluate import DocumentScore
from tests.quality_samples import around

differences = st.builds(around, st.floats(-1, 1), st.floats(0, 1))


@pytest.mark.parametrize(
    ("delta_nll", "kl", "verdict"),
    [
        ((-0.1, 0.05), (-0.1, 0.2), Verdict.GAIN),
        ((-0.1, 0.2), (-0.1, 0.05), Verdict.GAIN),
        ((0.1, 0.2), (-0.1, 0.05), Verdict.TIE),
        ((-0.1, 0.2), (-0.1, 0.2), Verdict.TIE),
        ((0.1, 0.05), (0.1, 0.2), Verdict.LOSS),
        ((0.1, 0.2), (0.1, 0.05), Verdict.LOSS),
    ],
)
def test_a_gain_is_clear_in_one_measure_and_against_none(delta_nll, kl, verdict):
    found = Compared(around(*delta_nll), around(*kl))
    assert found.verdict is verdict
    assert not found.disagrees
    assert found.verdict_words == f"a {verdict}"


@pytest.mark.parametrize("sign", [-1, 1])
def test_measures_that_contradict_each_other_make_a_tie_that_says_so(sign):
    found = Compared(around(sign * 0.1, 0.05), around(-sign * 0.1, 0.05))
    assert found.disagrees
    assert found.verdict is Verdict.TIE
    assert "disagree" in found.words(lambda one: str(one.value))


@given(differences, differences)
def test_a_verdict_is_clear_in_a_measure_that_no_other_contradicts(delta_nll, kl):
    found = Compared(delta_nll, kl)
    lower = [one.high < 0 for one in (delta_nll, kl)]
    higher = [one.low > 0 for one in (delta_nll, kl)]
    if found.verdict is Verdict.GAIN:
        assert any(lower)
        assert not any(higher)
    if found.verdict is Verdict.LOSS:
        assert any(higher)
        assert not any(lower)
    assert found.disagrees == (any(lower) and any(higher))


def test_what_is_compared_is_paired_by_document():
    def scores(nll, kl):
        documents = (DocumentScore(str(i), 10, 0.0, nll + i, kl + i, 5, 0.1) for i in range(6))
        return TextScores(tuple(documents), ())

    found = compared(scores(1.0, 3.0), scores(2.0, 1.0))
    assert found.delta_nll.low == pytest.approx(found.delta_nll.high) == pytest.approx(-0.1)
    assert found.kl.value == pytest.approx(0.2)
