"""Every mutation still has its place in the code, and its tests are there."""

import pytest

from tests.mutations import MUTATIONS, ROOT, Mutation

every_mutation = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.wrong)


@every_mutation
def test_it_can_be_applied_and_changes_something(mutation):
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    changed = mutation.applied_to(text)
    assert changed != text
    compile(changed, mutation.file, "exec")


@every_mutation
def test_its_tests_are_there(mutation):
    assert mutation.tests
    assert all((ROOT / path).exists() for path in mutation.tests)


def test_a_place_that_is_gone_is_named():
    gone = Mutation("a place that is gone", "nowhere.py", "old", "new", ())
    for text in ("another", "old and old"):
        with pytest.raises(ValueError, match=r"a place that is gone: nowhere\.py must hold"):
            gone.applied_to(text)
