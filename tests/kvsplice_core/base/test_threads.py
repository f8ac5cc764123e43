"""Applications leave a core free; the user's wish goes first."""

import os

import pytest
import torch

from kvsplice_core.base import devices as threads


@pytest.fixture
def kept_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_one_core_stays_free(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.default_threads() == max(1, threads.usable_cores() - 1)


def test_a_single_core_still_gets_a_thread(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    assert threads.default_threads() == 1


@pytest.mark.parametrize(("wish", "threads_given"), [("3", 3), ("0", 7), ("many", 7), ("", 7)])
def test_the_environment_decides_when_it_names_a_number(monkeypatch, wish, threads_given):
    monkeypatch.setenv("OMP_NUM_THREADS", wish)
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    assert threads.default_threads() == threads_given


def test_torch_gets_the_wished_threads(kept_threads):
    assert threads.limit_threads(2) == 2
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_is_passive_unless_the_user_says_otherwise(monkeypatch, before, after):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if before is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    threads.prepare_environment()
    assert os.environ["OMP_WAIT_POLICY"] == after
