"""What is said of results; never a number of one that is not valid."""

from dataclasses import replace

import pytest

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.cli.evaluations import estimate_text
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.evaluate import DocumentScore
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import quality_words as words
from kvsplice_gui.state.findings import Evaluation, SensitivityMap
from kvsplice_gui.state.wishes import DataWish, Wishes
from tests import quality_samples as samples

WISHES = Wishes(data=DataWish("a.safetensors"))
KEY = quality_readouts.card_key(WISHES, samples.FACTS)
CELLS = SensitivityMap(samples.sensitivity().kl, KEY, WISHES.quality)


def evaluated(audit=samples.PASSED, **changes):
    score = DocumentScore("d", 100, 400.0, 410.0, 9.0, 80, 1.0)
    result = replace(samples.evaluation(audit), documents=(score,) * changes.pop("documents", 10))
    return replace(Evaluation(result, None, KEY, WISHES.quality), **changes)


def test_an_invalid_evaluation_is_described_without_its_numbers():
    valid, failed = (samples.evaluation(audit) for audit in (samples.PASSED, samples.FAILED))
    assert "perplexity" in words.describe_evaluation(valid)
    said = words.describe_evaluation(failed)
    assert "not valid" in said
    assert "perplexity" not in said


def test_a_point_of_a_failed_audit_is_described_without_its_numbers():
    point = samples.point(Method.PCA, 8, 1.0)
    assert "ΔNLL" in words.describe_point(point)
    assert words.describe_invalid_point(point) == "PCA k = 8: not valid, the audit failed"


def test_an_evaluation_names_the_documents_that_are_not_held_out():
    assert words.evaluation_notice(None) == words.evaluation_notice(evaluated()) == ("", False)
    text, is_error = words.evaluation_notice(evaluated(leaked=("emma", "ulysses")))
    assert not is_error
    assert "calibrated on emma, ulysses." in text
    assert words.evaluation_notice(evaluated(samples.FAILED, leaked=("emma",)))[1]


def test_intervals_over_few_documents_come_with_a_caveat():
    text, is_error = words.evaluation_notice(evaluated(documents=3, leaked=("emma",)))
    assert not is_error
    assert "emma" in text
    assert "3 documents: intervals over fewer than 6" in text


def test_a_map_is_audited_by_an_evaluation_of_its_own_card():
    other = quality_readouts.card_key(WISHES.but(k=8), samples.FACTS)
    assert words.map_notice(None, evaluated()) == ("", False)
    for missing in (None, evaluated(key=other), evaluated(samples.FAILED, key=other)):
        assert words.map_notice(CELLS, missing) == ("Not audited: evaluate this k.", False)
        assert not words.is_audited(CELLS, missing)
    assert words.map_notice(CELLS, evaluated()) == ("", False)
    assert words.is_audited(CELLS, evaluated())
    text, is_error = words.map_notice(CELLS, evaluated(samples.FAILED))
    assert is_error
    assert text.startswith("audit failed: the cache is read")
    assert not words.is_audited(CELLS, evaluated(samples.FAILED))


@pytest.mark.parametrize("value", [-8.8e-5, 0.00131449, -0.02, 16.0, 1234.0])
def test_commands_and_window_write_the_same_number_the_same_way(value):
    found = Estimate(value, value - abs(value) / 2, value + abs(value) / 2)
    assert estimate_text(found) == words.written(found)
    assert estimate_text(found, sign=True) in words.against_pca(found)
    assert "-" not in estimate_text(found, sign=True)
