"""What the compressed cache changes about the predictions, summed over text."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.proof.reading import CacheReader, dense_log_probs
from kvsplice_core.proof.windows import TextWindow
from kvsplice_core.tasks.evaluate import DocumentScore

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel

_KEPT_BYTES = 512 * 2**20
_HALVED = 4
"""Fewest documents that make two halves of several."""

_ROWS = 256
"""Rows compared at once: a vocabulary of 50 000 makes each of them 200 KB."""


@dataclass(frozen=True)
class TextScores:
    """Sums over every document, and over every window of it.

    Parameters
    ----------
    documents : tuple of DocumentScore
        One for each document, in order.
    windows : tuple of DocumentScore
        One for each window, named by its document.
    """

    documents: tuple[DocumentScore, ...]
    windows: tuple[DocumentScore, ...]

    @property
    def units(self) -> tuple[DocumentScore, ...]:
        """What a bootstrap draws: documents, or the windows of a single one."""
        return self.documents if len(self.documents) > 1 else self.windows

    @property
    def halves(self) -> tuple[TextScores, TextScores] | None:
        """The scores of every other document, and of the rest; None for fewer than 4 documents.

        Each half has an interval over documents then, and needs no windows for it.
        """
        if len(self.documents) < _HALVED:
            return None
        first, second = (TextScores(self.documents[start::2], ()) for start in (0, 1))
        return first, second

    @property
    def tokens(self) -> int:
        """Tokens predicted."""
        return sum(one.tokens for one in self.documents)

    @property
    def kl(self) -> float:
        """Mean KL(base ‖ compressed), nats per token."""
        return sum(one.kl for one in self.documents) / self.tokens

    @property
    def delta_nll(self) -> float:
        """Mean change of the NLL, nats per token."""
        return sum(one.nll - one.nll_base for one in self.documents) / self.tokens


class BaseLogProbs:
    """What the model predicts with its dense cache, computed once for several cards.

    Those of equal tokens are the same; they are kept as long as they fit into `kept_bytes`, the
    others are computed anew.

    Parameters
    ----------
    language : LanguageModel
    kept_bytes : int
        Memory for them; 512 MiB.
    """

    def __init__(self, language: LanguageModel, kept_bytes: int = _KEPT_BYTES) -> None:
        self._language = language
        self._left = kept_bytes
        self._kept: dict[bytes, Tensor] = {}

    def of(self, window: TextWindow) -> Tensor:
        """Return the log-probabilities of a window, shape (tokens − 1, vocabulary).

        Raises
        ------
        LanguageModelError
            If a token of the text has no finite one.
        """
        tokens = window.ids.numpy().tobytes()
        if tokens in self._kept:
            return self._kept[tokens]
        found = dense_log_probs(self._language, window.ids)
        if not found.gather(1, window.ids[0, 1:, None].to(found.device)).isfinite().all():
            raise LanguageModelError(
                f"{self._language.name} must give every token of a text a probability above 0 with "
                f"its own cache; in {window.document} it does not"
            )
        if found.nbytes <= self._left:
            self._left -= found.nbytes
            self._kept[tokens] = found
        return found


def score_text(
    reader: CacheReader, card: Card, windows: Sequence[TextWindow], base: BaseLogProbs
) -> Generator[str, None, TextScores]:
    """Score a card on windows of text.

    A generator: it yields what it has just done after every window, and returns the sums.
    """
    scores = []
    for done, window in enumerate(windows, start=1):
        ours = reader.log_probs(card, window.ids)
        scores.append(compare(window, base.of(window), ours))
        yield f"{window.document}: window {done} of {len(windows)}"
    return TextScores(_by_document(windows, scores), tuple(scores))


@torch.no_grad()
def compare(window: TextWindow, base: Tensor, ours: Tensor) -> DocumentScore:
    """Return the sums of one window.

    Parameters
    ----------
    window : TextWindow
    base, ours : Tensor, shape (tokens − 1, vocabulary)
        Log-probabilities with the dense and with the compressed cache.
    """
    targets = window.ids[0, 1:, None].to(base.device)
    true_base, true = (_fp64(x.gather(1, targets)) for x in (base, ours))
    agreements = (base.argmax(-1) == ours.argmax(-1)).sum()
    return DocumentScore(
        name=window.document,
        tokens=len(targets),
        nll_base=-float(true_base.sum()),
        nll=-float(true.sum()),
        kl=float(kl_of_rows(base, ours).sum()),
        agreements=int(agreements),
        squared_dp=float(((true.exp() - true_base.exp()) ** 2).sum()),
    )


def kl_of_rows(base: Tensor, ours: Tensor) -> Tensor:
    """Return KL(base ‖ ours) of every row (rows, vocabulary), nats, fp64.

    Rounding of fp32 can push a divergence of nearly nothing under 0; none is negative.
    """
    pairs = zip(torch.split(base, _ROWS), torch.split(ours, _ROWS), strict=True)
    return torch.cat([_fp64(_divergence(a, b)) for a, b in pairs]).clamp_min(0)


def _divergence(a: Tensor, b: Tensor) -> Tensor:
    """Sum over the vocabulary; what is impossible adds nothing (some pad it with −∞)."""
    chance = a.exp()
    return torch.where(chance > 0, chance * (a - b), 0).sum(-1)


def _by_document(
    windows: Sequence[TextWindow], scores: Sequence[DocumentScore]
) -> tuple[DocumentScore, ...]:
    grouped: dict[int, list[DocumentScore]] = {}
    for window, score in zip(windows, scores, strict=True):
        grouped.setdefault(window.index, []).append(score)
    return tuple(added(group) for group in grouped.values())


def added(scores: Sequence[DocumentScore]) -> DocumentScore:
    """Return the sum of scores under the name of the first."""
    return DocumentScore(
        name=scores[0].name,
        tokens=sum(one.tokens for one in scores),
        nll_base=sum(one.nll_base for one in scores),
        nll=sum(one.nll for one in scores),
        kl=sum(one.kl for one in scores),
        agreements=sum(one.agreements for one in scores),
        squared_dp=sum(one.squared_dp for one in scores),
    )


def _fp64(x: Tensor) -> Tensor:
    return x.cpu().double()  # moved first: Apple's GPUs have no fp64
