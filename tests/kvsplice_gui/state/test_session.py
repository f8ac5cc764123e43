"""Sessions come back as they went, and foreign ones as the defaults."""

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.options import option, part
from kvsplice_core.codec.kinds import (
    MAX_KNOTS,
    MIN_KNOTS,
    Axes,
    CouplingKind,
    Curve,
    KnotPlacement,
    Method,
    Recipe,
)
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.kinds import AXES_CHOICES
from kvsplice_gui.state.session import read, session_of, wishes_of
from kvsplice_gui.state.wishes import DataWish, MemoryWish, QualityWish, SolveWish, ViewWish, Wishes

DATA = Path(__file__).parents[2] / "data"
wishes = st.builds(
    Wishes().but,
    data=st.builds(
        DataWish,
        source=st.text(),
        layer=st.none() | st.integers(0, 99),
        head=st.none() | st.integers(0, 99),
        pool_heads=st.booleans(),
    ),
    methods=st.sampled_from([tuple(Method), (Method.PCA,), (Method.PCA, Method.FLOW)]),
    method=st.sampled_from(list(Method)),
    k=st.integers(1, 512),
    recipe=st.sampled_from(Recipe),
    knots=st.integers(MIN_KNOTS, MAX_KNOTS),
    epochs=st.integers(1, 500),
    curve=st.sampled_from(Curve),
    knot_placement=st.sampled_from(KnotPlacement),
    axes=st.sampled_from(AXES_CHOICES),
    coupling=st.sampled_from(CouplingKind),
    memory=st.builds(MemoryWish, tokens=st.integers(1, 10**6)),
    quality=st.builds(
        QualityWish,
        model=st.text(),
        texts=st.lists(st.text()).map(tuple),
        tokens=st.integers(2, 10**6),
        mode=st.sampled_from(["strict", "window"]),
        side=st.sampled_from(["", "v", "k", "both"]),
    ),
    solve=st.builds(
        SolveWish,
        by_loss=st.booleans(),
        max_dnll=st.floats(1e-6, 10),
        side=st.sampled_from(["v", "k", "both"]),
        key_bits=st.none() | st.floats(0.1, 16),
    ),
    view=st.builds(
        ViewWish, dims=st.lists(st.integers(0, 63), min_size=1).map(tuple), log_mse=st.booleans()
    ),
)


@given(wishes)
def test_round_trip_through_json(wished):
    assert wishes_of(json.loads(json.dumps(session_of(wished)))) == wished


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "k",
                "knots",
                "method",
                "methods",
                "recipe",
                "calibration",
                "curve",
                "axes",
                "data",
                "view",
                "memory",
                "solve",
            ]
        ),
        st.none() | st.integers() | st.text() | st.lists(st.text()) | st.just({"x": 1}),
    )
)
def test_a_foreign_session_never_fails(session):
    assert isinstance(wishes_of(session), Wishes)


def test_a_session_out_of_range_gives_the_defaults():
    assert wishes_of({"knots": 1}) == Wishes()
    assert wishes_of({"curve": "wavy"}) == Wishes()
    assert wishes_of({"axes": "output"}) == Wishes()  # they need a model
    assert wishes_of({"solve": {"max_dnll": -1}}) == Wishes()
    assert wishes_of({"solve": {"side": "q"}}) == Wishes()
    assert wishes_of({"frontier": {"budget": 17}}) == Wishes()


def test_the_first_start_ticks_every_method():
    assert wishes_of({}) == Wishes()
    assert wishes_of({}).methods == tuple(Method)
    assert wishes_of({"methods": ["pca"]}).methods == (Method.PCA,)  # a hand unticked the others


def test_a_session_of_before_still_loads():
    # As it was written when the fields of a calibration stood beside the groups of wishes.
    stored = json.loads((DATA / "session_flat.json").read_text(encoding="utf-8"))
    found = wishes_of(stored)
    learnt = found.calibration
    assert (found.method, found.k, learnt.knots, learnt.epochs) == (Method.FLOW, 12, 9, 33)
    assert (learnt.recipe, learnt.seed, learnt.device) == (Recipe.ORIGIN, 8, "cpu")
    assert (learnt.curve, learnt.knot_placement) == (Curve.SMOOTH, KnotPlacement.LEARNT)
    assert (learnt.axes, learnt.coupling) == (Axes.WHITENED, CouplingKind.RATIONAL_QUADRATIC)
    assert found.methods == (Method.PCA, Method.FLOW)
    assert found.data == DataWish("v.npy", layer=2, head=1, budget=5_000)
    assert found.memory == MemoryWish("gpt2-mini", 2048, 3, 100, 4, 1)
    assert found.quality == QualityWish("gpt2", ("a.txt",), 999, "window", 7, "both")
    assert found.frontier.pipelines == ("pca", "joined+mlp")
    assert (found.frontier.bits, found.frontier.budget) == ((1.0, 2.5), 3.5)
    assert found.solve == SolveWish(by_loss=True, max_dnll=0.1, side="both", key_bits=4.0)
    assert (found.view.dims, found.view.theme, found.view.log_mse) == ((0, 5), "dark", False)
    assert wishes_of(session_of(found)) == found


@dataclass(frozen=True)
class Patient(CalibrationSpec):
    """A calibration with one option more than the product knows."""

    patience: int = option("Patience", "epochs without a gain that are endured", 3, low=1)


@dataclass(frozen=True)
class PatientWishes(Wishes):
    calibration: Patient = part(Patient)


@given(st.integers(1, 99))
def test_an_option_declared_here_is_in_the_session(patience):
    wished = PatientWishes().but(patience=patience)
    stored = json.loads(json.dumps(session_of(wished)))
    assert stored["calibration"]["patience"] == patience
    assert read(PatientWishes, stored) == wished
