"""Numbers name their card, text and mode, and say when something else is chosen."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.evaluate import DocumentScore
from kvsplice_gui.readouts import quality as headings
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.state.findings import Evaluation, Findings, QualityFindings, SensitivityMap
from kvsplice_gui.state.wishes import DataWish, QualityWish, Wishes
from tests import quality_samples as samples

WISHES = Wishes().but(data=DataWish("a.safetensors"), method=Method.SPLINE, k=16)
KEY = quality_readouts.card_key(WISHES, samples.FACTS)
SCORES = tuple(DocumentScore(f"d{i}", 199, 800.0, 810.0, 9.0, 150, 1.0) for i in range(10))
RESULT = replace(samples.evaluation(), documents=SCORES)
CARD = "Spline→PCA k = 16 · V · strict · "


def findings(**quality):
    evaluation = Evaluation(RESULT, None, KEY, WISHES.quality)
    cells = samples.sensitivity()
    mapped = SensitivityMap(cells.kl, KEY, WISHES.quality, cells)
    found = QualityFindings(evaluation=evaluation, sensitivity=mapped, last_audited="evaluation")
    return Findings(
        dataset=SimpleNamespace(capture=samples.FACTS), quality=replace(found, **quality)
    )


def plain(text):
    return text.replace("\u202f", " ")


def test_what_was_evaluated_is_named():
    found = findings()
    shown = headings.of_evaluation(WISHES, found)
    assert plain(shown.text) == f"{CARD}1 990 tokens of 10 documents"
    assert shown.is_current
    assert headings.of_audit(WISHES, found) == shown
    assert plain(headings.of_map(WISHES, found).text) == f"{CARD}4 096 tokens"
    nothing = findings(evaluation=None, sensitivity=None)
    for of in (headings.of_evaluation, headings.of_audit, headings.of_map):
        assert of(WISHES, nothing) == ("", True)


@pytest.mark.parametrize(
    ("changes", "aside"),
    [
        ({"k": 24, "method": Method.FLOW}, "Flow→PCA k = 24"),
        ({"k": 24}, "Spline→PCA k = 24"),
        ({"quality": QualityWish(mode="window", window=32)}, "window of 32"),
        ({"quality": QualityWish(tokens=512)}, "512 tokens"),
        ({"quality": QualityWish(model="gpt2")}, "model gpt2"),
        ({"quality": QualityWish(texts=("a.txt",))}, "other text"),
        ({"seed": 9}, "calibrated with other seed"),
    ],
)
def test_what_is_not_chosen_now_says_so(changes, aside):
    now, found = WISHES.but(**changes), findings()
    for of in (headings.of_evaluation, headings.of_audit, headings.of_map):
        shown = of(now, found)
        assert not shown.is_current
        assert shown.text.startswith(CARD)
        assert shown.text.endswith(f"— not what is chosen now ({aside})")


def test_the_audit_of_a_curve_is_named_as_such():
    curve = replace(samples.curve(), spec=quality_readouts.curve_spec(WISHES, samples.FACTS))
    found = findings(curve=curve, curve_wish=WISHES.quality, last_audited="curve")
    shown = headings.of_audit(WISHES, found)
    assert shown.text.startswith("Curve of PCA")
    assert "k = 8, 16" in shown.text
    assert shown.is_current
    assert headings.of_audit(WISHES.but(seed=9), found).text.endswith("(other seed)")
