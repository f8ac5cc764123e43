"""Measuring quality, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_core.capture.specs import Sides
from kvsplice_core.progress import relay
from kvsplice_core.quality.curve_results import SensitivityResult
from kvsplice_core.quality.results import HeadErrors
from kvsplice_core.quality.specs import SENSITIVITY_TOKENS, CurveSpec
from kvsplice_gui.held_model import held_model
from kvsplice_gui.jobs import Note
from kvsplice_gui.quality.state import (
    CardKey,
    Evaluation,
    MeasuredCurve,
    QualityWish,
    SensitivityMap,
)

if TYPE_CHECKING:
    from kvsplice_core.card import Card
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document

"""Most tokens each cell of a map is scored on: they tell heads apart, and there are many."""

_FIT_SHARE = 0.5

Steps = Generator[Any, None, Any]


@dataclass(frozen=True)
class Scaled:
    """Progress of one part of a job, as a share of the whole."""

    text: str
    fraction: float


def quality_job(
    capture: str, model: str, texts: tuple[str, ...], spec: CurveSpec
) -> Generator[Any, None, MeasuredCurve]:
    """Measure a quality curve of the model a capture was made from."""
    language, documents = yield from open_model(model, texts, spec.calibration.device)
    from kvsplice_core.capture.file import open_capture
    from kvsplice_core.quality.curve import quality_curve
    from kvsplice_core.quality.leakage import leaks_of_capture

    yield Note(f"Reading {Path(capture).name}…")
    opened = open_capture(capture)
    result = yield from quality_curve(language, opened, documents, spec)
    return MeasuredCurve(result, leaks_of_capture(opened.facts, documents))


def evaluate_job(
    key: CardKey,
    model: str,
    wish: QualityWish,
    card: Card | None = None,
    mapped: SensitivityResult | None = None,
) -> Generator[Any, None, Evaluation]:
    """Calibrate every head of the model, unless `card` is given, and evaluate with the audit.

    Heads are ranked by their sensitivity too where `mapped` is the map of that card.
    """
    language, documents = yield from open_model(model, wish.texts, key.calibration.device)
    from kvsplice_core.quality.evaluation import evaluate
    from kvsplice_core.quality.leakage import leaks_of_card
    from kvsplice_core.quality.tensor_view import ranked

    start = 0.0 if card is not None else _FIT_SHARE
    card = card or (yield from scaled(card_job(key), 0.0, _FIT_SHARE))
    work = evaluate(language, card, documents, wish.evaluation)
    result = yield from scaled(work, start, 1.0)
    if mapped is not None:
        result = replace(result, heads=ranked(result.heads, mapped))
    return Evaluation(result, card, key, wish, leaks_of_card(card, documents))


def sensitivity_job(
    key: CardKey,
    model: str,
    wish: QualityWish,
    card: Card | None = None,
    heads: tuple[HeadErrors, ...] = (),
) -> Generator[Any, None, SensitivityMap]:
    """Measure what each head costs when it alone is compressed; cells come one by one.

    `heads`, of the card's evaluation, come back ranked by their sensitivity too.
    """
    language, documents = yield from open_model(model, wish.texts, key.calibration.device)
    from kvsplice_core.quality.sensitivity import sensitivity
    from kvsplice_core.quality.tensor_view import ranked

    card = card or (yield from scaled(card_job(key), 0.0, 1.0))
    spec = replace(wish.evaluation, tokens=min(wish.tokens, SENSITIVITY_TOKENS))
    found = yield from sensitivity(language, card, documents, spec)
    return SensitivityMap(found.kl, key, wish, found, card, ranked(heads, found))


def open_model(
    model: str, texts: tuple[str, ...], device: str
) -> Generator[Note, None, tuple[LanguageModel, tuple[Document, ...]]]:
    """Load the model and its held-out documents."""
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.language.texts import BundledText, documents_for
    from kvsplice_core.threads import limit_threads

    limit_threads()
    documents = documents_for(model, texts, BundledText.HELDOUT)
    yield Note(f"Loading {Path(model).name}…")
    return held_model(model, device), documents


def card_job(key: CardKey) -> Generator[Any, None, Card]:
    """Calibrate the codecs of a whole model from a capture."""
    from kvsplice_core.capture.file import open_capture
    from kvsplice_core.card_fitting import CardSpec, fit_card

    spec = CardSpec(key.calibration, sides=Sides(key.side), budget=key.budget)
    return (yield from fit_card(open_capture(key.capture), spec))


def scaled(work: Steps, first: float, last: float) -> Steps:
    """Run `work` as the part of a job from `first` to `last`; closing it closes `work`."""

    def shown(step: Any) -> Scaled:  # noqa: ANN401 - every part has steps of its own kind
        return Scaled(step.text, first + (last - first) * step.fraction)

    return (yield from relay(work, shown))
