import torch

from kvsplice_core.codec.kinds import Decoding
from tests.kvsplice_core.codec.decoders.makers import fitted, planted, squared_error


def test_more_epochs_fit_better():
    parts = planted(noise=0)
    few, many = (fitted(Decoding.MLP, parts, epochs=epochs) for epochs in (20, 200))
    assert squared_error(many, parts[1]) < 0.5 * squared_error(few, parts[1])


def test_the_best_epoch_is_kept():
    """On few and noisy vectors the last epoch has long learnt them by heart."""
    parts = planted(n=60, noise=3.0)
    short, long = (fitted(Decoding.MLP, parts, epochs=epochs, hidden=64) for epochs in (20, 150))
    assert squared_error(long, parts[1]) < 1.2 * squared_error(short, parts[1])


def test_another_seed_is_another_network():
    parts = planted()
    one, other = (fitted(Decoding.MLP, parts, seed=seed) for seed in (1, 2))
    assert not torch.equal(one.tensors()["w1"], other.tensors()["w1"])
