"""The calibration panel says once what a hand changed, and nothing when it is shown wishes."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel

from kvsplice_core.base.options import option, option_of, options_of
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.tasks.training import DEVICES, RECIPE_DEFAULTS, CalibrationSpec
from kvsplice_gui.panels.calibration_panel import CalibrationPanel
from kvsplice_gui.state.kinds import AXES_CHOICES
from kvsplice_gui.state.wishes import Wishes
from tests.kvsplice_gui.panels.hands import pick, record, shown, texts, type_line, type_number


@pytest.fixture
def panel(qtbot):
    made = CalibrationPanel()
    qtbot.addWidget(made)
    made.set_dim(64)
    made.show_wishes(Wishes())
    return made


KINDS = ("curve", "knot_placement", "axes", "coupling")


def widget(panel, name):
    return panel.fields[name].widget


wishes = st.builds(
    Wishes().but,
    methods=st.sets(st.sampled_from([Method.SPLINE, Method.FLOW])).map(
        lambda some: tuple(m for m in Method if m is Method.PCA or m in some)
    ),
    method=st.sampled_from(list(Method)),
    k=st.integers(1, 64),
    recipe=st.sampled_from(Recipe),
    knots=st.integers(3, 64),
    epochs=st.integers(1, 10_000),
    seed=st.integers(0, 2**31 - 1),
    device=st.sampled_from(DEVICES),
    curve=st.sampled_from(Curve),
    knot_placement=st.sampled_from(KnotPlacement),
    axes=st.sampled_from(AXES_CHOICES),
    coupling=st.sampled_from(CouplingKind),
    batch_size=st.none() | st.integers(1, 10_000),
    k_train=st.integers(1, 64),
    train_fraction=st.integers(1, 99).map(lambda percent: percent / 100),
    validation_fraction=st.integers(1, 99).map(lambda percent: percent / 100),
    threads=st.none() | st.integers(1, 64),
)


@given(wished=wishes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_showing_wishes_says_nothing_and_shows_all(panel, wished):
    said = record(panel.changed)
    panel.show_wishes(wished)
    assert said == []
    assert {m for m, box in panel.boxes.items() if box.isChecked()} | {Method.PCA} == set(
        wished.methods
    )
    assert panel.method.currentData() is wished.method
    assert widget(panel, "recipe").currentData() is wished.calibration.recipe
    assert widget(panel, "device").currentData() == wished.calibration.device
    assert panel.k_box.value() == panel.k_slider.value() == wished.k
    learnt = wished.calibration
    for name in ("knots", "epochs", "seed", "k_train", "train_fraction", "validation_fraction"):
        assert widget(panel, name).value() == getattr(learnt, name)
    for name in ("batch_size", "threads"):
        assert widget(panel, name).value() == (getattr(learnt, name) or 0)
    for name in KINDS:
        assert widget(panel, name).currentData() is getattr(learnt, name)


@pytest.mark.parametrize("dim", [0, 6, 1024])
def test_a_new_dimension_says_nothing(panel, dim):
    said = record(panel.changed)
    panel.set_dim(dim)
    panel.show_k(3)
    assert said == []


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("k", "8", {"k": 8}),
        ("knots", "12", {"knots": 12}),
        ("epochs", "1 000", {"epochs": 1000}),
        ("seed", "123456", {"seed": 123_456}),
        ("batch_size", "512", {"batch_size": 512}),
        ("k_train", "8", {"k_train": 8}),
        ("train_fraction", "0.6", {"train_fraction": 0.6}),
        ("validation_fraction", "0.25", {"validation_fraction": 0.25}),
        ("threads", "3", {"threads": 3}),
    ],
)
def test_a_typed_number_is_said_once(qtbot, panel, field, text, expected):
    said = record(panel.changed)
    type_number(qtbot, panel.k_box if field == "k" else widget(panel, field), text)
    assert said == [(expected,)]


def test_the_slider_says_its_k_once(qtbot, panel):
    said = record(panel.changed)
    qtbot.keyClick(panel.k_slider, Qt.Key.Key_Right)
    assert said == [({"k": 17},)]


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("method", "Flow→PCA", {"method": Method.FLOW}),
        ("device", "cpu", {"device": "cpu"}),
        (
            "recipe",
            "origin",
            {"recipe": Recipe.ORIGIN, **vars(RECIPE_DEFAULTS[Recipe.ORIGIN])},
        ),
    ],
)
def test_a_choice_is_said_once(panel, field, text, expected):
    said = record(panel.changed)
    pick(panel.method if field == "method" else widget(panel, field), text)
    assert said == [(expected,)]


@pytest.mark.parametrize(
    ("field", "text", "choice"),
    [
        ("curve", "rational-quadratic", Curve.RATIONAL_QUADRATIC),
        ("knot_placement", "learnt", KnotPlacement.LEARNT),
        ("axes", "PCA", Axes.PCA),
        ("coupling", "rational-quadratic", CouplingKind.RATIONAL_QUADRATIC),
    ],
)
def test_a_kind_is_said_once(panel, field, text, choice):
    said = record(panel.changed)
    pick(widget(panel, field), text)
    assert said == [({field: choice},)]


@pytest.mark.parametrize(
    ("methods", "heeded"),
    [
        ((), set()),
        ((Method.SPLINE,), {"curve", "knot_placement", "axes"}),
        ((Method.FLOW,), {"axes", "coupling"}),
        ((Method.SPLINE, Method.FLOW), {"curve", "knot_placement", "axes", "coupling"}),
    ],
)
def test_a_kind_that_no_compared_method_heeds_is_off_and_says_so(panel, methods, heeded):
    panel.show_wishes(Wishes().but(methods=(Method.PCA, *methods), method=Method.PCA))
    for name in KINDS:
        box = widget(panel, name)
        assert box.isEnabled() is (name in heeded)
        assert ("to use it" in box.toolTip()) is (name not in heeded)


def test_choosing_the_same_recipe_again_keeps_knots_and_epochs(panel):
    panel.show_wishes(Wishes().but(knots=9, epochs=3))
    said = record(panel.changed)
    pick(widget(panel, "recipe"), "joint")
    assert said == []


def test_methods_are_said_whole_and_pca_is_always_among_them(qtbot, panel):
    said = record(panel.changed)
    panel.boxes[Method.FLOW].click()
    panel.boxes[Method.SPLINE].click()
    panel.boxes[Method.FLOW].click()
    assert said == [
        ({"methods": (Method.PCA, Method.SPLINE)},),
        ({"methods": (Method.PCA,)},),
        ({"methods": (Method.PCA, Method.FLOW)},),
    ]


def test_every_method_recipe_and_device_can_be_chosen(panel):
    assert texts(panel.method) == [method.label for method in Method]
    assert texts(widget(panel, "recipe")) == [recipe.value for recipe in Recipe]
    assert texts(widget(panel, "device")) == list(DEVICES)
    assert texts(widget(panel, "axes")) == ["raw", "PCA", "whitened"]  # output needs a model
    assert texts(widget(panel, "curve")) == [curve.value for curve in Curve]


def test_k_reaches_the_dimension(panel):
    panel.set_dim(6)
    assert (panel.k_box.minimum(), panel.k_box.maximum(), panel.k_slider.maximum()) == (1, 6, 6)
    assert panel.k_box.suffix() == " of 6"


def test_without_data_there_is_no_k(panel):
    panel.set_dim(0)
    assert not panel.k_box.isEnabled()
    assert panel.k_box.suffix() == ""


def test_every_option_of_a_calibration_has_its_field_under_its_label(panel):
    rows = {label.text(): label.buddy() for label in panel.findChildren(QLabel)}
    for name in panel.fields:
        assert rows[option_of(CalibrationSpec, name).label] is widget(panel, name)
    assert {*panel.fields, "method", "k"} == {entry.name for entry in options_of(CalibrationSpec)}


def test_what_is_seldom_set_is_under_more(qtbot, panel):
    shown(qtbot, panel)
    rare = ("batch_size", "k_train", "train_fraction", "validation_fraction", "threads")
    visible = {name for name in panel.fields if widget(panel, name).isVisible()}
    assert visible == set(panel.fields) - set(rare)
    panel.more.click()
    assert all(widget(panel, name).isVisible() for name in panel.fields)


@pytest.mark.parametrize("name", ["batch_size", "threads"])
def test_what_is_unset_says_so_and_can_be_unset_again(panel, name):
    assert widget(panel, name).text() == "auto"
    assert "Unset: " in widget(panel, name).toolTip()
    panel.show_wishes(Wishes().but(**{name: 1}))
    said = record(panel.changed)
    widget(panel, name).stepBy(-1)
    assert said == [({name: None},)]
    assert widget(panel, name).text() == "auto"


@dataclass(frozen=True)
class Patient(CalibrationSpec):
    """A calibration with options the product does not know."""

    patience: int = option("Patience", "epochs without a gain that are endured", 3, low=1)
    is_calm: bool = option("Calm", "whether it takes its time", default=False)
    name: str = option("Name", "what it is called", "x")


def test_an_option_declared_here_is_in_the_panel(qtbot):
    panel = CalibrationPanel(Patient)
    qtbot.addWidget(panel)
    wished = Wishes(calibration=Patient(patience=7, is_calm=True, name="y"))
    panel.show_wishes(wished)
    assert widget(panel, "patience").value() == 7
    assert widget(panel, "is_calm").isChecked()
    assert widget(panel, "name").text() == "y"
    assert widget(panel, "patience").toolTip() == "Epochs without a gain that are endured."
    assert "Patience" in [label.text() for label in panel.findChildren(QLabel)]
    said = record(panel.changed)
    type_number(qtbot, widget(panel, "patience"), "9")
    widget(panel, "is_calm").click()
    type_line(qtbot, widget(panel, "name"), "z")
    assert said == [({"patience": 9},), ({"is_calm": False},), ({"name": "z"},)]
