"""What was found of vectors and of files is kept, and comes back with them."""

from dataclasses import dataclass, replace

import pytest

from kvsplice_gui.state.findings import (
    MOST_KEPT,
    Findings,
    FrontierFindings,
    OfSource,
    OfVectors,
    QualityFindings,
)
from kvsplice_gui.state.knot_edits import KnotEdits


@dataclass(frozen=True)
class Values:
    summary: object


@dataclass(frozen=True)
class Vectors:
    """Stands in for a dataset."""

    source: str
    head: int

    @property
    def place(self):
        return self.source, "None"

    @property
    def values(self):
        return Values((self.source, self.head))


A0, A1, B0 = Vectors("a", 0), Vectors("a", 1), Vectors("b", 0)


def found_of(findings, mark):
    """Return findings where every field that is kept holds something of its own."""
    return replace(
        findings,
        result=f"result {mark}",
        ghost=f"ghost {mark}",
        asked=f"asked {mark}",
        knots=KnotEdits((mark,), is_open=True),
        adapted=f"adapted {mark}",
        quality=QualityFindings(curve=mark),
        frontier=FrontierFindings(result=mark),
        solved=f"solved {mark}",
        measured=f"measured {mark}",
    )


@pytest.fixture
def first():
    return found_of(Findings().opened(A0, "pca"), "a0")


def test_other_vectors_know_their_pca_alone_and_what_their_file_knows(first):
    second = first.opened(A1, "pca")
    assert (second.result, second.ghost, second.asked, second.adapted) == ("pca", None, None, None)
    assert second.knots == KnotEdits() or not second.knots.edits
    assert (second.quality, second.frontier) == (first.quality, first.frontier)
    assert (second.solved, second.measured) == ("solved a0", "measured a0")


def test_another_file_knows_nothing_and_going_back_everything(first):
    other = first.opened(B0, "pca b")
    assert other.quality.curve is other.frontier.result is other.solved is other.measured is None
    back = found_of(other, "b0").opened(A0, "pca again")
    for kind in (OfVectors, OfSource):
        for name in kind.__dataclass_fields__:
            if name != "knots":
                assert getattr(back, name) == getattr(first, name)
    assert back.knots.edits == first.knots.edits
    assert back.opened(B0, "pca").solved == "solved b0"


def test_what_runs_is_not_kept(first):
    live = replace(first, live_rows=("row",), starting_over=True)
    back = live.opened(A1, "pca").opened(A0, "pca")
    assert (back.live_rows, back.starting_over) == ((), False)


def test_the_vectors_that_were_open_longest_ago_are_forgotten(first):
    findings = first
    for head in range(1, MOST_KEPT + 1):
        findings = found_of(findings.opened(Vectors("a", head), "pca"), f"a{head}")
    assert len(findings.of_vectors) == MOST_KEPT
    findings = findings.opened(Vectors("a", MOST_KEPT + 1), "pca")
    assert len(findings.of_vectors) == MOST_KEPT
    assert findings.opened(A0, "pca").result == "pca"
    assert findings.opened(A1, "pca").result == "result a1"
