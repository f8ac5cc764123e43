"""A device is what torch has here, or is refused."""

import pytest
import torch

from kvsplice_core.base import devices
from kvsplice_core.base.errors import SpecError


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_is_always_there():
    assert devices.available_devices()[-1] == "cpu"
    assert devices.resolve_device("cpu") == torch.device("cpu")


def test_auto_is_the_first_available():
    assert devices.resolve_device("auto").type == devices.available_devices()[0]


def test_without_a_gpu_auto_is_the_cpu(no_gpu):
    assert devices.resolve_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_what_is_missing_is_refused(no_gpu, name):
    with pytest.raises(SpecError, match=f"must be one of cpu here; got '{name}'"):
        devices.resolve_device(name)


def test_a_gpu_can_be_chosen_by_number(two_gpus):
    assert devices.resolve_device("cuda:1") == torch.device("cuda", 1)
    assert devices.resolve_device("auto").type == "cuda"


@pytest.mark.parametrize("name", ["cuda:2", "cuda:x", "cuda:-1", "cpu:7", "tpu", "cuda:"])
def test_a_number_or_name_there_is_not_is_refused(two_gpus, name):
    with pytest.raises(SpecError):
        devices.resolve_device(name)


@pytest.mark.gpu
def test_a_real_gpu_is_found():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    assert devices.resolve_device("auto").type == "cuda"
    assert torch.zeros(1, device=devices.resolve_device("cuda:0")).is_cuda
