"""A solved budget says what was kept, which documents chose it, and what flatters it."""

import pytest

from kvsplice_core.report.solve_words import solve_caveats, solve_verdict
from kvsplice_core.tasks.solve import SolveSpec
from tests.solve_samples import DISAGREEMENT, GAIN, TIE, choice, result


def written(found):
    return f"{found.value:g}"


@pytest.mark.parametrize("kept_even", [False, True])
def test_documents_that_chose_and_the_others_have_a_clause_each(kept_even):
    chose, other = solve_verdict(result(choice=choice(GAIN, TIE), kept_even=kept_even), written)
    assert chose.startswith("chosen on 3 documents, by sensitivity minus the same for all: ΔNLL")
    assert chose.endswith("the same for all is kept" if kept_even else "by sensitivity is kept")
    assert other.startswith(
        "on the 3 documents that had no part in the choice, by sensitivity minus the same for all: "
        "ΔNLL 0, KL 0"
    )
    for clause in (chose, other):
        assert "intervals over fewer than 6 documents are too narrow" in clause


def test_one_text_that_chooses_and_reports_has_one_clause_and_a_caveat():
    alike = result(choice=choice(GAIN, GAIN, apart=False))
    assert len(solve_verdict(alike, written)) == 1
    assert sum("chosen on the text it is reported on" in one for one in solve_caveats(alike)) == 1
    apart = solve_caveats(result(choice=choice(GAIN, GAIN)))
    assert not any("chosen on the text" in one for one in apart)


def test_measures_that_disagree_are_named_where_they_decide():
    (chose, _) = solve_verdict(result(choice=choice(DISAGREEMENT, TIE), kept_even=True), written)
    assert "a tie, for ΔNLL and KL disagree; " in chose
    assert chose.endswith("; the same for all is kept")


def test_what_is_no_gain_is_kept_only_where_it_alone_holds_the_bound():
    bound = result(SolveSpec(max_dnll=0.1), choice=choice(TIE, TIE))
    assert "for only that holds the bound" in solve_verdict(bound, written)[0]
    assert any("the bits were chosen" in one for one in solve_caveats(bound))
    assert "no part" not in solve_verdict(bound, written)[1]  # the loss is held on all of them


def test_an_allotment_alone_compares_with_nothing():
    alone = result(choice=None, even=None)
    assert "nothing compares" in solve_verdict(alone, written)[0]
    assert not any("chosen on the text" in one for one in solve_caveats(alone))
