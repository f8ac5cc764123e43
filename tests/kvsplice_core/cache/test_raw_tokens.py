"""The raw tokens of a window are the first and the newest ones, whatever came and went before."""

from __future__ import annotations

import pytest
import torch

from kvsplice_core.cache.raw_tokens import RawTokens, Window

WINDOWS = [Window(4, 5), Window(0, 1), Window(3, 64), Window(20, 2)]


def vectors(tokens, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 1 + torch.rand(batch, 3, tokens, 4, generator=generator)


def fed(raw, x, pieces, *, keep_all=False):
    before = 0
    for piece in pieces:
        raw.add(x[:, :, before : before + piece], before=before, keep_all=keep_all)
        before += piece
    assert before == x.shape[2]
    return raw


def shown(raw, tokens, batch=2):
    """Return what the window puts over vectors of zeros."""
    whole = raw.overlay_sinks(torch.zeros(batch, 3, tokens, 4))
    return raw.overlay_newest(whole)


def expected(x, window):
    token = torch.arange(x.shape[2])
    kept = (token < window.sinks) | (token >= x.shape[2] - window.newest)
    return x * kept[:, None]


@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("pieces", [(30,), (1,) * 30, (7, 1, 15, 2, 5), (2, 28)])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_first_and_the_newest_are_shown(window, pieces, keep_all):
    x = vectors(30)
    raw = fed(RawTokens(window), x, pieces, keep_all=keep_all)
    assert torch.equal(shown(raw, 30), expected(x, window))


@pytest.mark.parametrize("window", WINDOWS)
def test_what_is_held(window):
    x = vectors(30)
    raw = fed(RawTokens(window), x, (10, 20))
    each = 2 * 3 * 4 * 4
    assert raw.nbytes == each * (min(30, window.sinks) + min(30, window.newest))
    raw = fed(RawTokens(window), x, (20, 10), keep_all=True)
    assert raw.newest.shape[2] == min(20, window.newest - 1) + 10
    raw.add(vectors(1), before=30, keep_all=False)
    assert raw.newest.shape[2] == min(31, window.newest)


@pytest.mark.parametrize("removed", [1, 4, 9, 10])
@pytest.mark.parametrize("window", WINDOWS)
def test_after_a_crop_of_the_latest_update_the_window_is_whole(window, removed):
    x, new = vectors(30), vectors(3, seed=1)
    raw = fed(RawTokens(window), x, (20, 10), keep_all=True)
    left = 30 - removed
    raw.crop(removed, left)
    raw.add(new, before=left, keep_all=True)
    now = torch.cat([x[:, :, :left], new], dim=2)
    assert torch.equal(shown(raw, left + 3), expected(now, window))


def test_a_deeper_crop_shows_fewer_but_never_wrong_ones():
    x = vectors(30)
    raw = fed(RawTokens(Window(4, 5)), x, (20, 10))
    raw.crop(3, 27)
    assert torch.equal(shown(raw, 27)[:, :, 25:], x[:, :, 25:27])
    assert not shown(raw, 27)[:, :, 4:25].any()
    raw.crop(25, 2)
    assert torch.equal(shown(raw, 2), x[:, :, :2])


@pytest.mark.parametrize("pieces", [(30,), (1,) * 30, (7, 1, 15, 2, 5)])
def test_padded_rows_keep_their_own_first_tokens(pieces):
    x, window = vectors(30, batch=3), Window(4, 5)
    pads = (0, 11, 29)
    raw = fed(RawTokens(window, pads), x, pieces)
    got = shown(raw, 30, batch=3)
    for row, pad in enumerate(pads):
        own = expected(x[row : row + 1, :, pad:], window)
        assert torch.equal(got[row : row + 1, :, pad:], own)


def test_padded_rows_survive_a_crop():
    x, window, pads = vectors(14), Window(4, 5), (0, 11)
    raw = fed(RawTokens(window, pads), x, (8, 6), keep_all=True)
    raw.crop(2, 12)
    raw.add(x[:, :, 12:], before=12, keep_all=True)
    assert torch.equal(shown(raw, 14)[1, :, 11:], x[1, :, 11:])
    assert torch.equal(shown(raw, 14)[:1], expected(x[:1], window))


@pytest.mark.parametrize("pads", [None, (0, 6)])
def test_rows_may_be_chosen(pads):
    x = vectors(30)
    raw = fed(RawTokens(Window(4, 5), pads), x, (12, 18))
    before = shown(raw, 30)
    raw.change(lambda tensor: tensor[[1, 1, 0]])
    assert torch.equal(shown(raw, 30, batch=3), before[[1, 1, 0]])


@pytest.mark.parametrize("pads", [None, (0, 6)])
def test_cleared_it_starts_again(pads):
    x = vectors(30)
    raw = fed(RawTokens(Window(4, 5), pads), x, (30,))
    first = shown(raw, 30)
    raw.clear()
    assert raw.nbytes == 0
    assert not shown(raw, 30).any()
    assert torch.equal(shown(fed(raw, x, (9, 21)), 30), first)
