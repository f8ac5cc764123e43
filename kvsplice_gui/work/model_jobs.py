"""Measuring quality, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_core.base.progress import Step, relay
from kvsplice_core.data.capture import CaptureResult, Sides
from kvsplice_core.tasks.curve import CurveResult, CurveSpec, SensitivityResult
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS, HeadErrors
from kvsplice_core.tasks.measure import MeasuredMemory, MeasureSpec
from kvsplice_core.tasks.update import Adapted, UpdateSpec
from kvsplice_gui.state.capture import CaptureWish, short_name
from kvsplice_gui.state.dataset import Dataset
from kvsplice_gui.state.findings import (
    DTYPES,
    CardKey,
    Evaluation,
    MeasuredCurve,
    MeasuredFrontier,
    Measurement,
    MeasureWish,
    SensitivityMap,
    Solved,
    SolveKey,
)
from kvsplice_gui.state.wishes import DataWish, QualityWish
from kvsplice_gui.work.held_model import held_model
from kvsplice_gui.work.jobs import Note

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.tasks.frontier import FrontierSpec
    from kvsplice_core.tasks.training import CalibrationSpec

"""Most tokens each cell of a map is scored on: they tell heads apart, and there are many."""
_FIT_SHARE = 0.5
Steps = Generator[Any, None, Any]


def quality_job(
    capture: str, model: str, texts: tuple[str, ...], spec: CurveSpec
) -> Generator[Any, None, MeasuredCurve]:
    """Measure a quality curve of the model a capture was made from."""
    language, documents = yield from open_model(model, texts, spec.calibration)
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.proof.curve import quality_curve
    from kvsplice_core.proof.leakage import leaks_of_capture

    yield Note(f"Reading {Path(capture).name}…")
    opened = open_capture(capture)
    leaked = leaks_of_capture(opened.facts, documents)

    def told(step: Step[CurveResult]) -> Step[MeasuredCurve]:
        found = None if step.found is None else MeasuredCurve(step.found, leaked)
        return Step(step.text, step.fraction, found)

    result = yield from relay(quality_curve(language, opened, documents, spec), told)
    return MeasuredCurve(result, leaked)


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
    language, documents = yield from open_model(model, wish.texts, key.calibration)
    from kvsplice_core.proof.evaluation import evaluate
    from kvsplice_core.proof.leakage import leaks_of_card
    from kvsplice_core.proof.tensor_view import ranked

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
    language, documents = yield from open_model(model, wish.texts, key.calibration)
    from kvsplice_core.proof.sensitivity import sensitivity
    from kvsplice_core.proof.tensor_view import ranked

    card = card or (yield from scaled(card_job(key), 0.0, 1.0))
    spec = replace(wish.evaluation, tokens=min(wish.tokens, SENSITIVITY_TOKENS))
    found = yield from sensitivity(language, card, documents, spec)
    return SensitivityMap(found.kl, key, wish, found, card, ranked(heads, found))


def open_model(
    model: str, texts: tuple[str, ...], learnt: CalibrationSpec
) -> Generator[Note, None, tuple[LanguageModel, tuple[Document, ...]]]:
    """Load the model and its held-out documents, on the device and threads of a calibration."""
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.language.texts import BundledText, documents_for

    limit_threads(learnt.threads)
    documents = documents_for(model, texts, BundledText.HELDOUT)
    yield Note(f"Loading {Path(model).name}…")
    return held_model(model, learnt.device), documents


def card_job(key: CardKey) -> Generator[Any, None, Card]:
    """Calibrate the codecs of a whole model from a capture."""
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.fit.card import CardSpec, fit_card

    spec = CardSpec(key.calibration, sides=Sides(key.side), budget=key.budget)
    return (yield from fit_card(open_capture(key.capture), spec))


def scaled(work: Steps, first: float, last: float) -> Steps:
    """Run `work` as the part of a job from `first` to `last`; closing it closes `work`."""

    def shown(step: Step[object]) -> Step[object]:
        return replace(step, fraction=first + (last - first) * step.fraction)

    return (yield from relay(work, shown))


def capture_job(
    wish: CaptureWish, device: str, on_whole: Callable[[str], object]
) -> Generator[Note | Step[None], None, CaptureResult]:
    """Load a model, let it read, and write what its cache holds; a closed one leaves no file.

    Parameters
    ----------
    wish : CaptureWish
        What to capture.
    device : str
        As `resolve_device` takes it.
    on_whole : callable
        Gets the file's path once it is whole, on the worker's thread; the result itself may find
        that it was cancelled meanwhile.
    """
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.language.capture import capture_vectors
    from kvsplice_core.language.texts import BundledText, documents_for

    limit_threads()
    documents = documents_for(wish.model, wish.texts, BundledText.CALIBRATION)
    yield Note(f"Loading {short_name(wish.model)}…")
    language = held_model(wish.model, device)
    result = yield from capture_vectors(language, documents, wish.spec, wish.path)
    on_whole(result.path)
    return result


Work = Generator[Any, None, MeasuredFrontier]


def frontier_job(wish: DataWish, spec: FrontierSpec) -> Work:
    """Measure a frontier of all heads of a layer; of one, where the vectors have no head axis."""
    yield Note("Loading the engine (torch)…")
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.data.vectors import load_values
    from kvsplice_core.fit.frontier import frontier, one_layer

    limit_threads(spec.calibration.threads)
    yield Note(f"Reading {Path(wish.source).name}…")
    values = load_values(
        wish.source,
        tensor=wish.tensor,
        layer=wish.layer,
        pool_heads=True,
        axes=wish.axes,
        budget=wish.budget,
        seed=wish.seed,
    )
    # "Pooled" is a grouping here; these heads are coded in many ways.
    title = values.summary.title.replace(" heads pooled", " heads")
    split = split_words(values, spec)
    return MeasuredFrontier((yield from frontier(one_layer(values), spec, title, split)))


def model_frontier_job(
    capture: str, model: str, wish: QualityWish, side: str, budget: int, spec: FrontierSpec
) -> Work:
    """Measure a frontier of all layers of the model a capture was made from, through its cache."""
    language, documents = yield from open_model(model, wish.texts, spec.calibration)
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.proof.frontier import model_frontier
    from kvsplice_core.proof.leakage import leaks_of_capture

    yield Note(f"Reading {Path(capture).name}…")
    read = open_capture(capture)
    result = yield from model_frontier(
        language, read, documents, spec, wish.evaluation, side=side, budget=budget
    )
    return MeasuredFrontier(result, leaks_of_capture(read.facts, documents))


def split_words(values: Values, spec: FrontierSpec) -> str:
    """Return in words which part of the vectors the errors are measured on."""
    share = 100 * (1 - spec.calibration.train_fraction)
    documents = values.summary.documents
    if documents > 1:
        return f"the last {share:.0f} % of {documents} documents"
    return f"the last {share:.0f} % of the tokens"


_CARD_SHARE = 0.6


def measure_job(wish: MeasureWish, card: Card | None = None) -> Generator[Any, None, Measurement]:
    """Calibrate every head, unless `card` is given; then count real bytes and time decoding."""
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.cache.measuring import measure_memory

    limit_threads(wish.key.calibration.threads)
    start = 0.0 if card is not None else _CARD_SHARE
    card = card or (yield from scaled(card_job(wish.key), 0.0, _CARD_SHARE))
    yield Note(f"Loading {short_name(wish.model)}…")
    dtype = DTYPES[wish.element_bytes]
    language = held_model(wish.model, wish.key.calibration.device, dtype)
    spec = MeasureSpec.up_to(min(wish.tokens, language.context), batch=wish.batch)
    work = measure_memory(language, card, spec)
    result: MeasuredMemory = yield from scaled(work, start, 1.0)
    return Measurement(result, card, wish)


def solve_job(key: SolveKey) -> Generator[Any, None, Solved]:
    """Share a budget among the heads of the model a capture was made from, and check it."""
    language, documents = yield from open_model(key.model, key.texts, key.spec.calibration)
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.proof.leakage import leaks_of_capture
    from kvsplice_core.proof.solve import solve

    yield Note(f"Reading {Path(key.capture).name}…")
    opened = open_capture(key.capture)
    probes = probes_of(key.model)
    solution = yield from solve(language, opened, documents, key.spec, probes)
    leaked = leaks_of_capture(opened.facts, documents)
    return Solved(solution.result, solution.card, key, leaked)


def probes_of(model: str) -> tuple[Document, ...]:
    """Return the text sensitivities are measured on; none where only that which checks is here."""
    from kvsplice_core.language.bundled import BUNDLED
    from kvsplice_core.language.texts import BundledText, documents_for

    return documents_for(model, (), BundledText.CALIBRATION) if model == BUNDLED else ()


def save_solved_job(solved: Solved, path: Path) -> Generator[Note, None, Path]:
    """Save the solved card; its evaluation goes with it."""
    yield Note("Saving the card…")
    from kvsplice_core.codec.card_file import save_card

    save_card(solved.card, path)
    return path


@dataclass(frozen=True)
class UpdateWish:
    """Which codec to update, and how much it shall forget (0 … 1)."""

    path: str
    forget: float = 0.0


def update_job(
    dataset: Dataset, wish: UpdateWish, spec: UpdateSpec
) -> Generator[Note | Step[None], None, Adapted]:
    """Read a codec and go on with it on the open vectors."""
    yield Note(f"Reading {Path(wish.path).name}…")
    from kvsplice_core.codec.codec_file import load_codec, load_history
    from kvsplice_core.fit.update import adapt

    codec, history = load_codec(wish.path), load_history(wish.path)
    return (yield from adapt(codec, history, dataset.values, spec))


def save_adapted(adapted: Adapted, path: Path) -> None:
    """Save an updated codec with its history, so that it can be updated again."""
    from kvsplice_core.codec.codec_file import save_codec

    save_codec(adapted.codec, path, adapted.history)
