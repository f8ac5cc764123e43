"""What is said of quality."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.tasks.curve import disagreements
from kvsplice_gui.readouts import quality as readouts
from kvsplice_gui.state.findings import Evaluation, Findings, QualityFindings, SensitivityMap
from kvsplice_gui.state.wishes import DataWish, QualityWish, Wishes
from tests import quality_samples as samples
from tests.factories import make_result
from tests.quality_samples import FACTS

WISHES = Wishes(data=DataWish("a.safetensors"))


def findings(curve=None, wishes=WISHES, **quality):
    dataset = SimpleNamespace(capture=FACTS)
    found = QualityFindings(curve=curve, curve_wish=wishes.quality, **quality)
    return Findings(dataset=dataset, quality=found)


def measured(wishes=WISHES, **changes):
    spec = readouts.curve_spec(wishes, FACTS)
    return replace(samples.curve(**changes), spec=spec)


def test_the_curve_takes_the_usual_ks_and_the_chosen_one_first():
    spec = readouts.curve_spec(WISHES.but(k=20), FACTS)
    assert spec.ks == (8, 16, 20, 24, 32, 48, 64)
    assert spec.ordered_ks[0] == 20
    assert readouts.curve_spec(WISHES.but(k=500), FACTS).ordered_ks[0] == 64


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"knots": 9}, "knots"),
        ({"epochs": 3}, "epochs"),
        ({"seed": 6}, "seed"),
        ({"recipe": Recipe.ORIGIN}, "recipe"),
        ({"curve": Curve.SMOOTH}, "curve"),
        ({"knot_placement": KnotPlacement.LEARNT}, "placement"),
        ({"axes": Axes.PCA}, "axes"),
        ({"validation_fraction": 0.2}, "validation share"),
        ({"coupling": CouplingKind.RATIONAL_QUADRATIC}, "coupling"),
        ({"quality": QualityWish(tokens=512)}, "number of tokens"),
        ({"quality": QualityWish(mode="window")}, "mode"),
        ({"quality": QualityWish(model="gpt2")}, "model"),
        ({"quality": QualityWish(texts=("a.txt",))}, "text"),
    ],
)
def test_a_curve_measured_with_other_settings_says_which(changes, name):
    found = findings(measured())
    assert readouts.curve_changes(WISHES, found) == ()
    changed = WISHES.but(**changes)
    assert name in readouts.curve_changes(changed, found)
    assert name in readouts.curve_notice(changed, found)[0]


def test_k_method_machine_and_an_unused_window_do_not_make_a_curve_stale():
    changed = WISHES.but(
        k=7, method=Method.FLOW, device="cpu", threads=3, quality=QualityWish(window=9)
    )
    assert readouts.curve_changes(changed, findings(measured())) == ()


def test_a_failed_audit_is_an_error_and_names_the_control():
    text, is_error = readouts.curve_notice(WISHES, findings(measured(audit=samples.FAILED)))
    assert is_error
    assert text.startswith("audit failed: the cache is read (equal to dense)")


def test_text_that_was_captured_is_not_held_out():
    text, is_error = readouts.curve_notice(WISHES, findings(measured(), curve_leaked=("emma",)))
    assert not is_error
    assert text.startswith("Not held out: the codecs were calibrated on emma.")
    assert readouts.curve_notice(WISHES, findings(measured())) == ("", False)


def test_a_curve_over_few_documents_comes_with_a_caveat():
    text, is_error = readouts.curve_notice(WISHES, findings(replace(measured(), documents=1)))
    assert not is_error
    assert text.startswith("One document: ")


def test_a_control_that_fails_while_measuring_is_told_at_once():
    running = findings(measured(), starting_over=True)
    assert readouts.curve_notice(WISHES, running) == ("", False)
    running = findings(measured(), starting_over=True, live_failed=samples.FAILED[-1:])
    text, is_error = readouts.curve_notice(WISHES, running)
    assert is_error
    assert text.startswith("audit failed: the cache is read")


def test_curves_are_of_the_chosen_measure_and_ascending():
    points = samples.curve().points[::-1]
    nll, kl = (readouts.curves(points, measure) for measure in ("nll", "kl"))
    assert list(nll) == list(Method)
    assert list(nll[Method.PCA].ks) == [8, 16, 32, 64]
    assert (nll[Method.PCA].low < nll[Method.PCA].value).all()
    assert kl[Method.PCA].high[0] == pytest.approx(1.05 * kl[Method.PCA].value[0])


def test_rounding_at_full_rank_is_nothing():
    point = samples.point(Method.PCA, 64, 1.0, delta=0.0)
    point = replace(point, quality=replace(point.quality, delta_nll=samples.around(3e-9, 1e-9)))
    curve = readouts.curves([point], "nll")[Method.PCA]
    assert (curve.value[0], curve.low[0], curve.high[0]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ((-0.00046, -0.0012, 0.0014), "against PCA, a tie"),
        ((-0.02, -0.03, -0.01), "is less than PCA's: −0.0200 [−0.0300, −0.0100]"),
        ((0.02, 0.01, 0.03), "is more than PCA's: +0.0200 [+0.0100, +0.0300]"),
        ((3e-9, 2e-9, 4e-9), "0 [0, 0] against PCA, a tie"),
    ],
)
def test_the_verdict_compares_the_cost_with_that_of_pca(difference, said):
    wishes = WISHES.but(method=Method.SPLINE, k=16)
    points = tuple(
        replace(p, against_pca=None if p.method is Method.PCA else Estimate(*difference))
        for p in samples.curve().points
    )
    found = findings(replace(measured(), points=points))
    assert said in readouts.verdict(wishes, found)
    assert readouts.verdict(wishes, found).startswith("ΔNLL of Spline→PCA at k = 16")
    silent = (wishes.but(method=Method.PCA), wishes.but(k=17), wishes.but(seed=9))
    assert {readouts.verdict(one, found) for one in silent} == {""}
    assert readouts.verdict(wishes, findings(measured(audit=samples.FAILED))) == ""
    assert readouts.curves(points, "kl")[Method.SPLINE].against == ()


def test_the_k_at_which_the_errors_disagree_is_found():
    assert disagreements(samples.curve().points) == samples.curve().disagreements() == (16,)


def test_the_time_is_estimated_from_the_calibrations_of_one_head():
    found = replace(findings(), result=make_result())
    seconds = readouts.estimated_s(WISHES, found)
    per_codec = [0.5, 0.5]  # the factory's, for spline and flow
    assert seconds == pytest.approx(sum(per_codec) * 16 * 6)
    assert "18 points of 16 heads, about 1 min 36 s" in readouts.estimate_text(
        WISHES, found
    ).replace("\u00a0", " ")
    assert readouts.estimated_s(WISHES, findings()) is None


def test_the_time_of_the_last_curve_is_the_better_estimate():
    curve = measured()
    seconds = readouts.estimated_s(WISHES, findings(curve))
    assert seconds == pytest.approx(curve.elapsed_s * 18 / len(curve.points))


def test_without_a_capture_the_sentence_says_what_to_do():
    assert readouts.estimate_text(WISHES, Findings()) == readouts.NEEDS_CAPTURE


def tensor(name, layer, kind="v", axes=("token", "head", "dim")):
    return SimpleNamespace(name=name, layer=layer, kind=kind, axes=SimpleNamespace(names=axes))


def test_a_cell_opens_the_tensor_of_its_layer_and_side():
    tensors = [tensor(f"layers.{i}.{s}", i, s) for i in range(3) for s in "vk"]
    wish = DataWish("a", tensor="layers.0.k")
    choice = readouts.cell_choice(tensors, wish, 2, 1)
    assert choice == {"tensor": "layers.2.k", "layer": None, "head": 1, "pool_heads": False}
    assert readouts.cell_choice(tensors, DataWish("a"), 1, 0)["tensor"] == "layers.1.v"


def test_a_cell_of_a_tensor_with_a_layer_axis_only_changes_the_layer():
    tensors = [tensor("v", None, axes=("layer", "token", "head", "dim"))]
    assert readouts.cell_choice(tensors, DataWish("a", tensor="v"), 2, 1)["layer"] == 2


def test_the_map_joins_the_heads_only_of_the_same_card():
    key = readouts.card_key(WISHES, FACTS)
    found = Evaluation(samples.evaluation(), None, key, WISHES.quality)
    cells = SensitivityMap(samples.sensitivity().kl, key, WISHES.quality)
    same = QualityFindings(evaluation=found, sensitivity=cells)
    assert readouts.matching_map(same) is cells.kl
    other = replace(cells, key=readouts.card_key(WISHES.but(k=8), FACTS))
    assert readouts.matching_map(replace(same, sensitivity=other)) is None
