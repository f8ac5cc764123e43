"""Intervals over few documents do not look sounder than they are."""

import pytest

from kvsplice_core.tasks.compared import interval_caveats


@pytest.mark.parametrize(
    ("documents", "words"), [(1, "one document"), (2, "2 documents"), (5, "5 documents")]
)
def test_intervals_over_few_documents_have_a_caveat(documents, words):
    (caveat,) = interval_caveats(documents)
    assert caveat.startswith(words)


def test_intervals_over_enough_documents_have_none():
    assert interval_caveats(6) == ()
