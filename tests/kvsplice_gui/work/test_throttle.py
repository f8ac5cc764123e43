import itertools
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.progress import Step
from kvsplice_core.tasks.curve import Cell
from kvsplice_gui.work.throttle import STEP_INTERVAL_S, Throttle, carries_news
from tests import solve_samples
from tests.quality_samples import curve


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def played(gaps, important):
    """Return the shown steps and their times when one arrives after each gap."""
    clock = Clock()
    throttle = Throttle(important, clock)
    shown = []
    for number, gap in enumerate(gaps):
        clock.now += gap
        if throttle.admits(number):
            shown.append((number, clock.now))
    return shown, throttle.take_dropped()


gaps = st.lists(st.floats(0, 0.1), min_size=1, max_size=60)


@given(gaps)
def test_shown_steps_keep_their_distance(gaps):
    shown, _ = played(gaps, important=lambda step: False)
    times = [time for _, time in shown]
    assert all(b - a >= STEP_INTERVAL_S for a, b in itertools.pairwise(times))


@given(gaps)
def test_the_last_step_is_shown_or_left_to_take(gaps):
    shown, dropped = played(gaps, important=lambda step: False)
    last = dropped[0] if dropped else shown[-1][0]
    assert last == len(gaps) - 1


@given(gaps)
def test_important_steps_are_never_dropped(gaps):
    shown, _ = played(gaps, important=lambda step: step % 3 == 0)
    assert set(range(0, len(gaps), 3)) <= {number for number, _ in shown}


def test_a_dropped_step_is_taken_once():
    throttle = Throttle(lambda step: False, Clock())
    throttle.admits("first")
    throttle.admits("second")
    assert throttle.take_dropped() == ["second"]
    assert throttle.take_dropped() == []


def test_rows_losses_and_the_pca_curve_are_news():
    plain = {"row": None, "pca_curve": (), "calibration": None}
    assert not carries_news(SimpleNamespace(**plain))
    assert carries_news(SimpleNamespace(**plain | {"row": object()}))
    assert carries_news(SimpleNamespace(**plain | {"pca_curve": (1.0,)}))
    assert carries_news(SimpleNamespace(**plain | {"calibration": SimpleNamespace(loss=0.1)}))
    assert not carries_news(SimpleNamespace(**plain | {"calibration": SimpleNamespace(loss=None)}))
    assert not carries_news(0.5)


def test_what_was_found_is_never_dropped():
    assert carries_news(Step("k = 8", 0.1, curve()))
    assert carries_news(Step("layer 0 head 0", 0.1, Cell("v", 0, 0, 0.0)))
    assert carries_news(Step("2.5 bits", 0.1, solve_samples.result().solved))
    assert not carries_news(Step("reading", 0.1))
