"""What the window says: numbers of the present wishes and findings, and nothing made up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base import formats
from kvsplice_core.base.errors import ModelShapeError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.formats import format_bytes
from kvsplice_core.cache.formula import bytes_curve, weigh
from kvsplice_core.cache.references import reference_lines
from kvsplice_core.codec.kinds import Axes, Curve, Method, Recipe
from kvsplice_core.data.model_shape import PRESETS
from kvsplice_core.report.commands import as_command, as_python
from kvsplice_core.report.memory_words import formula
from kvsplice_core.report.palette import style_of
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_gui.panels.pipeline_strip import OPTIONAL_KEYS, STAGE_KEYS
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import MemoryWish, Wishes
from tests.factories import make_result
from tests.kvsplice_gui.panels.hands import read, write_npz

RESULT = make_result()
FOUND = Findings(result=RESULT)
SPLINE_AT_2 = RESULT.row(Method.SPLINE, 2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return read(write_npz(tmp_path_factory.mktemp("read") / "some.npz", v=(5000, 4)))


def found(row):
    """Return findings of one row beside PCA's."""
    return replace(FOUND, result=replace(RESULT, rows=(*RESULT.of(Method.PCA), row)))


def with_change(low, percent, high):
    return found(replace(SPLINE_AT_2, change=Change(percent, low, high)))


def kept_pca(method_of_codec):
    codec = SimpleNamespace(method=method_of_codec)
    calibration = replace(SPLINE_AT_2.calibration, kept=Method.PCA, codec=codec)
    return found(replace(SPLINE_AT_2, calibration=calibration, shape=None))


# -- curves -----------------------------------------------------------------------------------


def test_curves_hold_every_row_by_method_and_ascending_k():
    shuffled = tuple(np.random.default_rng(0).permutation(np.array(RESULT.rows, dtype=object)))
    curves = readouts.curves(shuffled)
    assert list(curves) == list(Method)
    for method, (ks, errors) in curves.items():
        assert tuple(ks) == RESULT.ks
        expected = [row.scores.mse for row in RESULT.of(method)]
        assert np.allclose(errors[:-1], expected[:-1], rtol=0)
        assert errors[-1] == 0  # k = d is only rounding


def test_learnt_curves_leave_pca_out():
    assert list(readouts.learnt_curves(RESULT.rows)) == [Method.SPLINE, Method.FLOW]
    assert readouts.learnt_curves(RESULT.of(Method.PCA)) == {}


def test_changes_hold_the_intervals_of_the_learnt_methods():
    changes = readouts.changes(RESULT.rows)
    assert list(changes) == [Method.SPLINE, Method.FLOW]
    for method, (ks, percent, low, high) in changes.items():
        for i, row in enumerate(RESULT.of(method)):
            change = row.change
            assert (ks[i], percent[i], low[i], high[i]) == (
                row.k,
                change.percent,
                change.low,
                change.high,
            )


def test_no_rows_give_no_curves():
    assert readouts.curves(()) == readouts.changes(()) == {}


@given(st.lists(st.floats(1e-6, 1e6), max_size=8))
def test_only_rounding_becomes_zero(errors):
    cleaned = readouts.without_rounding(tuple(errors))
    for before, after in zip(errors, cleaned, strict=True):
        assert after == (before if before >= 1e-9 * max(errors) else 0)


def test_the_drawn_row_is_the_nearest_of_the_method_in_focus():
    assert readouts.focus_row(Wishes().but(method=Method.FLOW, k=7), FOUND) is RESULT.row(
        Method.FLOW, 8
    )
    assert readouts.focus_row(Wishes(), Findings()) is None


def test_losses_are_those_nearest_the_chosen_k():
    losses = readouts.losses(Wishes().but(k=15), FOUND)
    assert list(losses) == [Method.SPLINE, Method.FLOW]
    for method, (k, numbers) in losses.items():
        assert k == 16
        assert numbers == RESULT.row(method, 16).calibration.losses
    assert readouts.losses(Wishes(), Findings()) == {}


def test_the_drawn_shape_is_the_rows_own(dataset):
    known = replace(FOUND, dataset=dataset)
    assert readouts.drawn_shape(SPLINE_AT_2, known) is SPLINE_AT_2.shape
    assert readouts.drawn_shape(RESULT.row(Method.PCA, 2), known) is None
    assert readouts.drawn_shape(None, known) is None
    assert readouts.drawn_shape(SPLINE_AT_2, FOUND) is None


def test_where_pca_was_kept_straight_lines_are_drawn(dataset):
    known = replace(kept_pca(Method.PCA), dataset=dataset)
    shape = readouts.drawn_shape(known.row(Method.SPLINE, 2), known)
    assert (shape.knots_in == shape.knots_out).all()
    assert (shape.slopes == 1).all()
    assert shape.knots_in.shape[0] == dataset.values.summary.dim
    assert (np.diff(shape.knots_in) > 0).all()
    assert readouts.drawn_shape(known.row(Method.SPLINE, 2), known) is shape


@pytest.mark.parametrize("method", Method)
def test_without_curves_one_sentence_says_why(method):
    text = readouts.why_no_curves(Wishes().but(method=method))
    assert ("PCA has no transform" in text) == (method is Method.PCA)
    assert method is Method.PCA or method.label in text


# -- the strip --------------------------------------------------------------------------------


def numbers_of(wishes, findings):
    stages = readouts.stages(wishes, findings)
    usual = [key for key in STAGE_KEYS if key not in OPTIONAL_KEYS]
    assert all(getattr(stages, key) is None for key in OPTIONAL_KEYS)
    assert all(getattr(stages, key).help for key in usual)
    return {key: getattr(stages, key).number for key in usual}


def test_the_strip_of_an_empty_window_makes_nothing_up():
    numbers = numbers_of(Wishes().but(k=16), Findings())
    assert numbers == {
        "values": "no data",
        "transform": "not calibrated",
        "pca": "—",
        "cache": numbers["cache"],
        "decoder": "linear, learnt",
        "restored": "—",
    }
    assert numbers["cache"].endswith(" of 36.0 MiB")


def test_the_strip_shows_what_was_found(dataset):
    numbers = numbers_of(Wishes().but(k=2), replace(FOUND, dataset=dataset))
    change = SPLINE_AT_2.change
    assert numbers["values"] == "5\u202f000 × 4"
    assert numbers["transform"] == "bend 8.00 %"
    assert numbers["pca"] == f"{100 * RESULT.variance_kept[1]:.1f} % variance"
    assert numbers["restored"] == (
        f"MSE {formats.three_digits(SPLINE_AT_2.scores.mse)} · {formats.percent(change.percent)}"
    )


def test_the_values_are_named_in_the_help(dataset):
    help_text = readouts.stages(Wishes(), Findings(dataset=dataset)).values.help
    assert help_text.startswith("some.npz")


def test_a_tie_is_called_a_tie():
    tie = numbers_of(Wishes().but(k=2), with_change(-5, -2, 1))["restored"]
    assert tie.endswith("· tie")
    assert "%" not in tie


@pytest.mark.parametrize(
    ("method_of_codec", "number"), [(Method.PCA, "kept: pca"), (Method.SPLINE, "bend 8.00 %")]
)
def test_kept_pca_is_told_where_the_codec_is_pca(method_of_codec, number):
    """The recipe origin only marks that PCA was better, and keeps its own codec."""
    assert numbers_of(Wishes().but(k=2), kept_pca(method_of_codec))["transform"] == number


def test_a_result_of_another_kind_is_not_passed_off_as_the_wished_one():
    wished = Wishes().but(k=2, curve=Curve.RATIONAL_QUADRATIC, axes=Axes.PCA)
    stage = readouts.stages(wished, found(SPLINE_AT_2)).transform
    assert stage.name == "spline 16 knots, rational-quadratic, PCA axes"
    assert stage.number == "calibrate again"
    assert "linear, knots at quantiles, raw axes" in stage.help
    flow = readouts.stages(wished.but(method=Method.FLOW, axes=Axes.RAW), FOUND).transform
    assert flow.name == "flow"
    assert flow.number.startswith("kept")


def test_axes_and_curve_are_weighed_and_edit_knots_is_offered_only_where_it_can_be():
    turned = Wishes().but(axes=Axes.PCA)
    sides = [weigh(readouts.memory_spec(wishes, 4)).side for wishes in (turned, Wishes())]
    assert sides[0] - sides[1] == 12 * 12 * 2 * 64 * 64 * 4
    assert "Edit knots" in readouts.why_no_curves(Wishes())
    assert "Edit knots" not in readouts.why_no_curves(turned)


def test_pca_in_focus_has_no_transform_and_no_change():
    wishes = Wishes().but(method=Method.PCA, k=2)
    numbers = numbers_of(wishes, FOUND)
    mse = RESULT.row(Method.PCA, 2).scores.mse
    assert numbers["transform"] == "identity"
    assert numbers["decoder"] == "PCAᵀ"
    assert numbers["restored"] == f"MSE {formats.three_digits(mse)}"


def test_a_k_not_yet_computed_shows_pca_there():
    mse = formats.three_digits(RESULT.pca_curve[4])
    assert numbers_of(Wishes().but(k=5), FOUND)["restored"] == f"PCA: MSE {mse}"
    assert numbers_of(Wishes().but(k=5, method=Method.PCA), FOUND)["restored"] == f"MSE {mse}"
    assert numbers_of(Wishes().but(k=99), FOUND)["restored"] == "—"
    assert numbers_of(Wishes().but(k=99), FOUND)["pca"] == "—"


@pytest.mark.parametrize(
    ("recipe", "decoder"), [(Recipe.ORIGIN, "PCAᵀ"), (Recipe.JOINT, "linear, learnt")]
)
def test_the_decoder_follows_the_recipe(recipe, decoder):
    assert numbers_of(Wishes().but(recipe=recipe), FOUND)["decoder"] == decoder


@given(
    k=st.integers(1, 64),
    method=st.sampled_from(list(Method)),
    tokens=st.integers(1, 10**6),
    kept=st.none() | st.integers(1, 10**6),
)
def test_the_cache_is_what_memory_weighs(k, method, tokens, kept):
    wishes = Wishes().but(method=method, k=k, memory=MemoryWish(tokens=tokens, kept_tokens=kept))
    weight = weigh(MemorySpec(PRESETS["gpt2"], tokens, k=k, kept_tokens=kept, method=method))
    expected = f"{format_bytes(weight.total)} of {format_bytes(weight.dense_total)}"
    assert numbers_of(wishes, Findings())["cache"] == expected


# -- sentences --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [((-5, -3, -1), "beats PCA"), ((-5, -2, 1), "ties with PCA"), ((1, 2, 3), "is worse than PCA")],
)
def test_the_verdict_is_one_sentence_with_its_interval(change, said):
    text = readouts.verdict(Wishes().but(k=2), with_change(*change))
    low, percent, high = map(formats.percent, change)
    assert text == f"Spline→PCA {said} at k = 2: {percent} MSE [{low}, {high}]"


def test_without_a_comparison_there_is_no_verdict():
    assert readouts.verdict(Wishes().but(k=5), FOUND) == ""
    assert readouts.verdict(Wishes().but(k=2, method=Method.PCA), FOUND) == ""
    assert readouts.verdict(Wishes(), Findings()) == ""


def test_the_engine_names_device_torch_and_threads(monkeypatch):
    monkeypatch.setattr(readouts, "default_threads", lambda: 1)
    assert readouts.engine(RESULT) == "cpu · torch 2.13.0 · 1 thread"
    monkeypatch.setattr(readouts, "default_threads", lambda: 3)
    assert readouts.engine(RESULT) == "cpu · torch 2.13.0 · 3 threads"


def test_copies_are_those_of_the_last_result():
    command = as_command(RESULT.task, "--csv", "results.csv")
    assert readouts.as_command(FOUND) == command
    assert f"--device {RESULT.device}" in command
    assert readouts.as_python(FOUND) == as_python(RESULT.task)
    assert readouts.as_command(Findings()) == readouts.as_python(Findings()) == ""


# -- memory -----------------------------------------------------------------------------------


def test_the_memory_view_holds_the_codec_among_the_references():
    wishes = Wishes().but(k=8, knots=9, memory=MemoryWish(tokens=4096, batch=2, latent_bytes=1))
    spec, view = readouts.memory_spec(wishes, 8), readouts.memory_view(wishes)
    assert (spec.tokens, spec.batch, spec.k, spec.knots, spec.latent_bytes) == (4096, 2, 8, 9, 1)
    (name, tokens, sizes, colour, dashed), *others = view.lines
    assert (name, colour, dashed) == ("Spline→PCA k = 8", style_of(Method.SPLINE).colour, False)
    assert (sizes == bytes_curve(spec, tokens)).all()
    for (name, tokens, sizes, _, dashed), line in zip(others, reference_lines(spec), strict=True):
        assert (name, dashed) == (line.name, True)
        assert (sizes == line.bytes_at(tokens)).all()
    assert (view.marker, view.formula) == (4096, formula(spec))
    assert view.break_even == weigh(spec).break_even_tokens


@pytest.mark.parametrize("tokens", [1, 1024, 10**7])
def test_the_marker_lies_within_the_lines(tokens):
    view = readouts.memory_view(Wishes(memory=MemoryWish(tokens=tokens)))
    for _, lengths, sizes, *_ in view.lines:
        assert lengths[0] <= view.marker <= lengths[-1]
        assert (np.diff(lengths) > 0).all()
        assert (np.diff(sizes) >= 0).all()
    assert len({colour for *_, colour, _ in view.lines}) == len(view.lines)


def test_k_is_kept_within_the_model():
    assert readouts.memory_spec(Wishes(), 500).k == 64


def test_an_unreadable_model_is_refused(tmp_path):
    with pytest.raises(ModelShapeError):
        readouts.memory_spec(Wishes(memory=MemoryWish(model=str(tmp_path / "no.json"))), 4)
