"""The newest edit is measured; each gets the time for its first row."""

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.fit.knot_editing import identity_spline, move_knot
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.knot_edits import Edit
from kvsplice_gui.work.knot_jobs import BenchKeeper, Setting, learn_job, refit_job, start_job
from kvsplice_gui.work.refits import Refits
from tests.kvsplice_gui.panels.hands import read

WAIT_MS = 30_000
KS = (2, 1, 3, 4)


@pytest.fixture(scope="module")
def setting(small_file):
    return Setting(read(small_file, head=0), CalibrationSpec(device="cpu", epochs=8, k=2))


@pytest.fixture(scope="module")
def edit(setting):
    return Edit("", identity_spline(setting.dataset.values.rows, 5))


@pytest.fixture
def refits(qtbot):
    made = Refits()
    yield made
    made.shutdown()


def moved(edit, by):
    x, z = float(edit.spline.knots_in[2, 0]), float(edit.spline.knots_out[2, 0])
    return Edit("moved", move_knot(edit.spline, 0, 2, x, z + by))


def test_every_row_of_an_edit_arrives_the_chosen_k_first(qtbot, refits, setting, edit):
    seen = []
    refits.measured.connect(lambda of, row: seen.append((of, row.k)))
    refits.ask(setting, edit, KS)
    qtbot.waitUntil(lambda: len(seen) == len(KS) and not refits.is_running, timeout=WAIT_MS)
    assert seen == [(edit, k) for k in KS]


def test_overtaken_edits_are_dropped_but_the_first_is_measured(qtbot, refits, setting, edit):
    seen = []
    refits.measured.connect(lambda of, row: seen.append((of, row.k)))
    many = [moved(edit, 0.01 * step) for step in range(20)]
    for one in many:
        refits.ask(setting, one, KS)
    qtbot.waitUntil(lambda: seen[-1:] == [(many[-1], 4)], timeout=WAIT_MS)
    assert [of for of, _ in seen] == [many[0]] + [many[-1]] * len(KS)


def test_stop_drops_everything(qtbot, refits, setting, edit):
    seen = []
    refits.measured.connect(lambda of, row: seen.append(row.k))
    refits.ask(setting, edit, KS)
    refits.ask(setting, moved(edit, 0.1), KS)
    refits.stop()
    qtbot.waitUntil(lambda: not refits.is_running, timeout=WAIT_MS)
    assert seen == []


def test_straight_lines_to_begin_with(qtbot, refits, setting):
    with qtbot.waitSignal(refits.started_from, timeout=WAIT_MS) as started:
        refits.start(setting)
    spline = started.args[0]
    assert spline.bend() == pytest.approx(0.0, abs=1e-6)
    assert len(spline.knots_in) == setting.calibration.resolved_knots


def test_what_fails_is_told(qtbot, refits, setting, edit):
    with qtbot.waitSignal(refits.failed, timeout=WAIT_MS) as failed:
        refits.ask(setting, edit, (99,))
    assert "between 1 and the dimension 6" in failed.args[0].sentence


def test_the_bench_is_kept_while_the_setting_is_the_same(setting):
    keeper = BenchKeeper()
    first = keeper.bench(setting)
    other_k = Setting(setting.dataset, CalibrationSpec(device="cpu", epochs=8, k=5, knots=9))
    assert keeper.bench(other_k) is first
    other_seed = Setting(setting.dataset, CalibrationSpec(device="cpu", epochs=8, seed=6))
    assert keeper.bench(other_seed) is not first


def test_jobs_need_no_application(setting, edit):
    keeper = BenchKeeper()
    assert run(start_job(keeper, setting)).dim == 6
    steps = list(refit_job(keeper, setting, edit, KS))
    assert [step.row.k for step in steps] == list(KS)
    assert steps[-1].fraction == 1.0
    learnt = run(learn_job(setting, moved(edit, 0.2).spline, 2))
    assert learnt.row.calibration.edited
    assert learnt.row.calibration.spec.epochs is None or learnt.judgement.is_gain
