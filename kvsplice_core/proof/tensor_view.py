"""How far every head's reconstruction is off, by three measures that need not agree."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.language.projections import attention_modules, output_projection
from kvsplice_core.language.recording import attention_received
from kvsplice_core.proof.windows import TextWindow
from kvsplice_core.tasks.curve import SensitivityResult
from kvsplice_core.tasks.evaluate import HeadErrors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kvsplice_core.codec.card import Card
    from kvsplice_core.codec.heads import HeadCodecs
    from kvsplice_core.language.models import LanguageModel


@dataclass(eq=False)
class _Sums:
    """Sums over tokens, one number a head, fp64."""

    squares: NDArray[np.float64]
    weighted: NDArray[np.float64]
    weights: NDArray[np.float64]
    output: NDArray[np.float64]
    tokens: int = 0

    @classmethod
    def of(cls, heads: int) -> _Sums:
        return cls(*np.zeros((4, heads)))


def tensor_view(
    language: LanguageModel, card: Card, windows: Sequence[TextWindow]
) -> Generator[str, None, tuple[HeadErrors, ...]]:
    """Measure the errors of every head that the card compresses, each token read compressed.

    The model reads the text with its own attention P; V̂ and K̂ are only compared, so an error
    does not reach the next layer. A generator: it yields after every window and returns the
    errors, V before K, ranked.

    Notes
    -----
    ``mse`` is the mean of (V − V̂)². ``weighted_mse`` weighs each token by the mean squared
    attention it receives (`attention_received`, what a capture stores too), scaled to a mean of 1.
    ``output_error`` is the mean over tokens and hidden units of the square of P(V − V̂)W_O, and
    for K of (P_K̂ − P)V W_O, both summed over the query heads that share the head.
    """
    projections = {
        layer: output_projection(module, card.model.head_dim).weight.to(language.device)
        for layer, module in attention_modules(language.model).items()
    }
    sums: dict[tuple[str, int], _Sums] = {}
    for done, window in enumerate(windows, start=1):
        _read_window(language, card, window, projections, sums)
        yield f"errors of each head: window {done} of {len(windows)}"
    return ranked(_errors(sums))


def ranked(
    errors: Sequence[HeadErrors], sensitivity: SensitivityResult | None = None
) -> tuple[HeadErrors, ...]:
    """Return the errors with the head's places among those of its side, 1 the largest.

    Parameters
    ----------
    errors : sequence of HeadErrors
    sensitivity : SensitivityResult, optional
        Adds a fourth place, by the KL of this side of this head alone.
    """
    found: list[HeadErrors] = []
    for side in dict.fromkeys(error.side for error in errors):
        own = [error for error in errors if error.side == side]
        columns = [[e.mse for e in own], [e.weighted_mse for e in own]]
        columns.append([e.output_error for e in own])
        if sensitivity is not None:
            columns.append([float(sensitivity.kl[side][e.layer, e.head]) for e in own])
        places = [_places(column) for column in columns]
        found += [
            replace(error, ranks=tuple(place[i] for place in places)) for i, error in enumerate(own)
        ]
    return tuple(found)


@torch.no_grad()
def _read_window(
    language: LanguageModel,
    card: Card,
    window: TextWindow,
    projections: Mapping[int, Tensor],
    sums: dict[tuple[str, int], _Sums],
) -> None:
    def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        for side, layers in (("v", card.values), ("k", card.keys)):
            if call.layer in layers:
                codecs = layers[call.layer].map(lambda tensor: tensor.to(call.value.device))
                own = sums.setdefault((side, call.layer), _Sums.of(codecs.heads))
                _add(own, side, call, codecs, projections[call.layer])
        return call.compute()

    with attention_through(language.model, answer):
        language.model(window.ids.to(language.device), use_cache=False)


def _add(
    sums: _Sums, side: str, call: AttentionCall, codecs: HeadCodecs, projection: Tensor
) -> None:
    weights = call.weights().float()  # (1, query_heads, queries, tokens)
    original = call.value if side == "v" else call.key
    restored = codecs.reconstruct(original)
    squares = (original.float() - restored.float()).square().mean(-1)[0]  # (kv_heads, tokens)
    received = attention_received(call, weights).T  # (kv_heads, tokens)
    if side == "v":
        missed = weights @ call.for_queries(original.float() - restored.float())
    else:
        changed = call.softmax(call.scores(restored)).float() - weights
        missed = changed @ call.for_queries(call.value.float())
    sums.squares += _numbers(squares.sum(-1))
    sums.weighted += _numbers((received * squares).sum(-1))
    sums.weights += _numbers(received.sum(-1))
    sums.output += _output_error(missed[0], projection, codecs.heads)
    sums.tokens += squares.shape[-1]


def _output_error(missed: Tensor, projection: Tensor, heads: int) -> NDArray[np.float64]:
    """Return the squared error behind W_O, summed over tokens, mean over hidden units.

    One KV head at a time: its query heads' errors (query_heads, tokens, head_dim) add up before
    they are squared, because one V̂ makes them all.
    """
    shared = missed.shape[0] // heads
    errors = []
    for head in range(heads):
        own = slice(head * shared, (head + 1) * shared)
        output = torch.einsum("qtd,qdh->th", missed[own], projection[own])
        errors.append(output.square().mean(-1).sum())
    return _numbers(torch.stack(errors))


def _numbers(x: Tensor) -> NDArray[np.float64]:
    return x.cpu().double().numpy()


def _errors(sums: Mapping[tuple[str, int], _Sums]) -> list[HeadErrors]:
    ordered = sorted(sums.items(), key=lambda item: (item[0][0] == "k", item[0][1]))
    return [
        HeadErrors(
            side=side,
            layer=layer,
            head=head,
            mse=float(own.squares[head]) / own.tokens,
            weighted_mse=float(own.weighted[head] / own.weights[head]),
            output_error=float(own.output[head]) / own.tokens,
        )
        for (side, layer), own in ordered
        for head in range(len(own.squares))
    ]


def _places(numbers: Sequence[float]) -> list[int]:
    order = sorted(range(len(numbers)), key=lambda i: -numbers[i])
    places = [0] * len(numbers)
    for place, i in enumerate(order, start=1):
        places[i] = place
    return places
