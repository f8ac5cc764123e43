"""A model and the text it is measured on, set up once; no card is scored without its controls."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.language.texts import Document, text_hash
from kvsplice_core.proof.audit import STEPS, Audit, audit
from kvsplice_core.proof.controls import reads
from kvsplice_core.proof.reading import CacheReader, MakeCache
from kvsplice_core.proof.requirements import require_provable
from kvsplice_core.proof.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.proof.tensor_view import tensor_view
from kvsplice_core.proof.watching import ReadErrors
from kvsplice_core.proof.windows import text_windows

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.fit.layers import Key
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.tasks.evaluate import Control, EvalSpec, HeadErrors


@dataclass(frozen=True)
class Measured:
    """What a card costs, and the controls that say whether to believe it.

    Parameters
    ----------
    scores : TextScores
    controls : tuple of Control
        All that stands under the card's name so far, ``reads`` the last; never empty.
    """

    scores: TextScores
    controls: tuple[Control, ...]


@dataclass(eq=False)
class _Record:
    """What stands under one name: an audit, and what attention read in every scored pass."""

    audit: Audit | None = None
    watch: ReadErrors = field(default_factory=ReadErrors)

    @property
    def controls(self) -> tuple[Control, ...]:
        if self.audit is None:
            return (reads(self.watch),)
        return self.audit.with_scored(self.watch)


class Probe:
    """Text that one head or codec of a card is tried on by itself, which nothing audits.

    Parameters
    ----------
    language : LanguageModel
    documents : sequence of Document
    spec : EvalSpec
        How the text is cut and read.
    make_cache : MakeCache
        What makes the caches; an audit is there to distrust it.

    Raises
    ------
    DataError
        If no document has 2 tokens, or two are the same.
    SpecError
        If the budget gives no document 2 tokens, or more context is wished than the model reads.
    """

    def __init__(
        self,
        language: LanguageModel,
        documents: Sequence[Document],
        spec: EvalSpec,
        make_cache: MakeCache = cache_for,
    ) -> None:
        self.language, self.spec = language, spec
        self.windows = text_windows(language, documents, spec.tokens, spec.context)
        self.reader = CacheReader.of(language, spec, make_cache)
        self._base = BaseLogProbs(language)

    @property
    def tokens(self) -> int:
        """Tokens predicted."""
        return sum(window.tokens - 1 for window in self.windows)

    def alone(
        self, card: Card, key: Key, *, whole_codec: bool = False
    ) -> Generator[str, None, TextScores]:
        """Score one head, or the heads it is joined with, all others dense.

        A generator: it yields what it has just done after every window.

        Parameters
        ----------
        card : Card
        key : (side, layer, head)
            With `whole_codec` the group of heads in place of the head.
        whole_codec : bool
            Whether a codec that all heads share is tried whole.
        """
        part = _alone(card, key, whole_codec)
        return score_text(self.reader, part, self.windows, self._base)


class Bench(Probe):
    """A model and its held-out text, on which cards are measured with their controls.

    Whatever is scored is watched, and stands with its controls under the name it was scored by.

    Parameters
    ----------
    language, documents, spec, make_cache
        See `Probe`.

    Raises
    ------
    LanguageModelError
        If the model's attention cannot be seen, or its predictions are not numbers.
    DataError
        If no document has 2 tokens, or two are the same.
    SpecError
        If more context is wished than the model reads, or the raw window leaves nothing
        compressed.
    """

    def __init__(
        self,
        language: LanguageModel,
        documents: Sequence[Document],
        spec: EvalSpec,
        make_cache: MakeCache = cache_for,
    ) -> None:
        super().__init__(language, documents, spec, make_cache)
        self.text_sha256 = text_hash(documents)
        self.seen = text_windows(language, documents, spec.tensor_tokens, spec.context)
        require_provable(self.reader, self.windows)
        self._series: set[object] = set()
        self._records: dict[str, _Record] = {}

    @property
    def documents(self) -> int:
        """Documents scored."""
        return len({window.index for window in self.windows})

    @property
    def context(self) -> int:
        """Tokens of a window of text at most."""
        return self.language.context_for(self.spec.context)

    @property
    def controls(self) -> tuple[Control, ...]:
        """Every control so far, its claim behind its name: audits, and ``reads`` that failed."""
        return tuple(self._named())

    @property
    def failed(self) -> tuple[Control, ...]:
        """Those that failed."""
        return tuple(one for one in self._named() if not one.passed)

    def under(self, name: str) -> tuple[Control, ...]:
        """Return the controls of one name, each claim behind it."""
        found = self._records[name].controls
        return tuple(replace(one, claim=f"{name}: {one.claim}") for one in found)

    def _named(self) -> Iterator[Control]:
        for name, record in self._records.items():
            yield from (c for c in self.under(name) if record.audit is not None or not c.passed)

    def steps(self, series: object) -> int:
        """Return how many values `measure` yields for a card of a series."""
        return len(self.windows) + (0 if series in self._series else STEPS)

    def measure(self, card: Card, name: str, series: object) -> Generator[str, None, Measured]:
        """Score a card, and audit it where it is the first of its series.

        A generator: it yields what it does, `steps` times.

        Parameters
        ----------
        card : Card
        name : str
            What its controls stand under.
        series : object
            What the cards of one kind have in common, such as their method.
        """
        if series not in self._series:
            self._series.add(series)
            work = audit(self.reader, card, self.windows, self.spec.seed, self._base)
            self._record(name).audit = yield from work
        return (yield from self.score(card, name))

    def score(self, card: Card, name: str) -> Generator[str, None, Measured]:
        """Score a card whose kind has been audited, or is audited later; it is watched anyway.

        A generator: it yields what it has just done after every window.
        """
        record, watch = self._record(name), ReadErrors()
        reader = self.reader.watched_by(watch)
        scores = yield from score_text(reader, card, self.windows, self._base)
        record.watch.add(watch)
        return Measured(scores, record.controls)

    def heads(self, card: Card) -> Generator[str, None, tuple[HeadErrors, ...]]:
        """Measure the errors of every head; see `tensor_view`."""
        return tensor_view(self.language, card, self.seen)

    def _record(self, name: str) -> _Record:
        return self._records.setdefault(name, _Record())


def _alone(card: Card, key: Key, whole_codec: bool) -> Card:
    side, layer, place = key
    if not whole_codec:
        return card.only(layer, place, side)
    codecs = (card.values if side == "v" else card.keys)[layer]
    if len(codecs.codecs) > 1:
        return card.only(layer, place * codecs.span, side)
    kept = {layer: codecs}
    values, keys = (kept, {}) if side == "v" else ({}, kept)
    return replace(card, values=values, keys=keys, scores=(), proofs=())
