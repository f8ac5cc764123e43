"""`run` drives a generator to its result."""

import numpy as np
import pytest

from kvsplice_core import run
from kvsplice_core.base.progress import Step, counted, relay


def count(n):
    yield from range(n)
    return n * 10


@pytest.mark.parametrize("n", [0, 1, 4])
def test_it_returns_the_result_and_shows_every_step(n):
    seen = []
    assert run(count(n), seen.append) == n * 10
    assert seen == list(range(n))


def test_it_needs_no_listener():
    assert run(count(3)) == 30


def test_errors_of_the_work_and_of_the_listener_come_through():
    def fails():
        yield 1
        raise ValueError("work")

    with pytest.raises(ValueError, match="work"):
        run(fails())

    def listener(step):
        raise KeyError(step)

    with pytest.raises(KeyError):
        run(count(3), listener)


def counting(closed):
    try:
        yield from (1, 2, 3)
    finally:
        closed.append(True)
    return "done"


def test_a_relay_turns_the_progress_of_a_part_and_returns_its_result():
    seen = []
    assert run(relay(counting([]), lambda number: 10 * number), seen.append) == "done"
    assert seen == [10, 20, 30]


def test_closing_a_relay_closes_the_part():
    closed = []
    work = relay(counting(closed), str)
    assert next(work) == "1"
    work.close()
    assert closed == [True]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1 / 3, 2 / 3), (0.9, 0.9)])
@pytest.mark.parametrize("total", [1, 3, 7])
def test_counted_texts_rise_evenly_and_end_where_they_shall(low, high, total):
    steps = list(map(counted(total, low, high, "part"), "abcdefg"[:total]))
    fractions = [low, *(step.fraction for step in steps)]
    assert fractions[-1] == high
    assert np.diff(fractions) == pytest.approx(np.full(total, (high - low) / total))
    assert steps[0].text == "part: a"


def test_more_texts_than_were_counted_stay_at_the_end():
    shown = counted(1)
    assert [shown("a"), shown("b")] == [Step("a", 1.0), Step("b", 1.0)]
