"""The work of tasks that a language model may have a part in: from a source to a result."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step, relay
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import Capture, is_capture, open_capture
from kvsplice_core.data.samples import SAMPLES
from kvsplice_core.data.vectors import load
from kvsplice_core.fit.calibrate import split_parts
from kvsplice_core.fit.card import CardSpec, card_of, fit_card
from kvsplice_core.fit.frontier import Comparing, frontier, one_layer
from kvsplice_core.fit.group import Fit, fit_group
from kvsplice_core.fit.layer import LayerValues, join_layers
from kvsplice_core.fit.layers import Fitter
from kvsplice_core.fit.sweep import sweep
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.models import LanguageModel, load_model
from kvsplice_core.language.texts import BundledText, Document, documents_for
from kvsplice_core.proof.curve import quality_curve
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.frontier import model_frontier, model_layers
from kvsplice_core.proof.leakage import leaks_of_capture, leaks_of_card
from kvsplice_core.proof.sensitivity import sensitivity
from kvsplice_core.proof.solve import Solution, solve
from kvsplice_core.proof.tensor_view import ranked
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.comparison import without_model
from kvsplice_core.tasks.curve import Evaluated
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS
from kvsplice_core.tasks.sweep import SweepRow, SweepSpec

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.tasks.comparison import ComparisonTask
    from kvsplice_core.tasks.curve import CurveResult, CurveTask
    from kvsplice_core.tasks.evaluate import EvaluateTask
    from kvsplice_core.tasks.fit import FitTask
    from kvsplice_core.tasks.frontier import FrontierTask
    from kvsplice_core.tasks.solve import SolveTask

    Asking = ComparisonTask | FrontierTask
    Opened = Generator[Step[Any], None, tuple[LanguageModel, tuple[Document, ...]]]


def evaluate_task(task: EvaluateTask) -> Generator[Step[Any], None, Evaluated]:
    """Measure the task's card through its model's cache."""
    from kvsplice_core.codec.card_file import load_card

    card: Card = load_card(task.card)
    language, documents = yield from opened_model(task.model, task.texts, task.device)
    result = yield from evaluate(language, card, documents, task.spec)
    result = replace(result, leaked=leaks_of_card(card, documents))
    if not (task.sensitivity and result.is_valid):
        return Evaluated(result)
    few = replace(task.spec, tokens=min(task.spec.tokens, SENSITIVITY_TOKENS))
    work = sensitivity(language, card, documents, few)
    found = yield from relay(work, lambda step: replace(step, text=f"alone: {step.text}"))
    return Evaluated(replace(result, heads=ranked(result.heads, found)), found)


def curve_task(task: CurveTask) -> Generator[Step[CurveResult], None, CurveResult]:
    """Measure methods at several k through the cache of the capture's model."""
    capture = open_capture(task.capture)
    language, documents = yield from opened_model(
        model_of(task.model, capture), task.texts, task.spec.calibration.device
    )
    work = quality_curve(language, capture, documents, task.spec)
    leaked = leaks_of_capture(capture.facts, documents)
    return replace((yield from relay(work, lambda step: _leaking(step, leaked))), leaked=leaked)


def frontier_task(task: FrontierTask) -> Comparing:
    """Measure pipelines at equal bits, through the model where there is one to measure."""
    return (yield from _comparison(task, through_model=wants_model(task)))


def comparison_task(task: ComparisonTask) -> Comparing:
    """Compare pipelines at equal budgets, through the model where that is asked for."""
    source, knows_model = task.vectors.data, _knows_model(task)
    if task.through_model and not knows_model:
        raise SpecError(f"--through-model needs a whole capture or a model; got vectors, {source}")
    if knows_model and not (task.through_model or is_capture(source)):
        raise SpecError(f"a model needs --through-model, or to be captured first; got {source}")
    return (yield from _comparison(task, through_model=task.through_model))


def _comparison(task: Asking, *, through_model: bool) -> Comparing:
    if not through_model:
        return (yield from _comparison_of_vectors(task))
    if task.join_layers != 1:
        raise SpecError("no cache can read layers joined: --join-layers is for vectors alone")
    with opened_source(task, Sides(task.side)) as opening:
        capture = yield from opening
        language, documents = yield from opened_model(
            model_of(task.model, capture), task.texts, task.spec.calibration.device
        )
        work = model_frontier(
            language,
            capture,
            documents,
            task.spec,
            task.evaluation,
            side=task.side,
            budget=task.vectors.budget,
        )
        leaked = leaks_of_capture(capture.facts, documents)
        result = yield from relay(work, lambda step: _leaking(step, leaked))
    return replace(result, leaked=leaked)


def solve_task(task: SolveTask) -> Generator[Step[Any], None, Solution]:
    """Share a budget among the codecs of the task's model."""
    with opened_source(task, task.spec.sides) as opening:
        capture = yield from opening
        model = model_of(task.model, capture)
        language, documents = yield from opened_model(
            model, task.texts, task.spec.calibration.device
        )
        probes = _probes(model, task.calibration_texts)
        solution = yield from solve(language, capture, documents, task.spec, probes)
    leaked = leaks_of_capture(capture.facts, documents)
    return replace(solution, result=replace(solution.result, leaked=leaked))


def _leaking(step: Step[Any], leaked: tuple[str, ...]) -> Step[Any]:
    return step if step.found is None else replace(step, found=replace(step.found, leaked=leaked))


def _probes(model: str, texts: tuple[str, ...]) -> tuple[Document, ...]:
    """Return the text for sensitivities; none where only the text that checks is at hand."""
    if not texts and model != BUNDLED:
        return ()
    return documents_for(model, texts, BundledText.CALIBRATION)


# -- vectors --------------------------------------------------------------------------------


def _comparison_of_vectors(task: Asking) -> Comparing:
    spec, source = without_model(task.spec), task.vectors
    percent = round(100 * (1 - spec.calibration.train_fraction))
    if not source.is_picked and is_capture(source.data):
        layers = captured_layers(task)
        title = f"{source.data}, {task.side.upper()} of {len(layers)} groups of layers"
        return (yield from frontier(layers, spec, title, f"the last documents, about {percent} %"))
    if task.join_layers != 1:
        raise SpecError("--join-layers needs a capture, and vectors alone of it")
    _refuse_of_vectors(task)
    values = load(replace(source, pool_heads=source.head is None))
    split = f"the last {percent} % of the vectors"
    return (yield from frontier(one_layer(values), spec, values.summary.title, split))


def captured_layers(task: Asking) -> dict[tuple[str, int], LayerValues]:
    """Return the vectors of all layers of a capture, by side and first layer of each group."""
    capture, side, size = open_capture(task.vectors.data), task.side, task.join_layers
    read = [
        LayerValues(capture.values(side, layer, None, budget=task.vectors.budget))
        for layer in capture.facts.layers
    ]
    groups = join_layers(read, size)
    return {(side, capture.facts.layers[i * size]): one for i, one in enumerate(groups)}


def _refuse_of_vectors(task: Asking) -> None:
    """Raise SpecError if what only captures and models have is asked of plain vectors."""
    asked = {
        "--model": task.model is not None,
        "--calibration-text": bool(task.calibration_texts),
        "--side k": task.side != "v" and not is_capture(task.vectors.data),
    }
    found = [option for option, is_asked in asked.items() if is_asked]
    if found:
        raise SpecError(f"{' and '.join(found)} needs a whole capture or a model; got vectors")


# -- captures and models --------------------------------------------------------------------


def wants_model(task: FrontierTask | SolveTask) -> bool:
    """Say whether a model is to be measured: one is named, or a whole capture of one."""
    return not task.vectors_only and _knows_model(task)


def _knows_model(task: Asking | SolveTask) -> bool:
    return not task.vectors.is_picked and is_model(task.vectors.data)


def is_model(source: str) -> bool:
    """Say whether a source brings a language model: its name, its folder, or a capture of it."""
    if source == BUNDLED:
        return True
    path = Path(source).expanduser()
    if path.is_dir():
        return (path / "config.json").is_file()
    if path.exists():
        return is_capture(source)
    return source not in SAMPLES and not path.suffix


def model_of(named: str | None, capture: Capture) -> str:
    """Return the model to load: the one that is named, else the one that was captured."""
    return named or capture.facts.model.name


def opened_model(model: str, texts: tuple[str, ...], device: str) -> Opened:
    """Return the model and the held-out documents, read first, as bad paths show at once."""
    documents = documents_for(model, texts, BundledText.HELDOUT)
    yield Step(f"loading {model}", 0.0)
    return load_model(model, device=device), documents


@contextmanager
def opened_source(
    task: Asking | SolveTask, sides: Sides
) -> Iterator[Generator[Step[Any], None, Capture]]:
    """Offer the capture that is named, or one of the named model's calibration text.

    The latter lies in a temporary folder until the block ends.
    """
    with tempfile.TemporaryDirectory() as folder:
        yield _captured(task, sides, Path(folder) / "capture.safetensors")


def _captured(
    task: Asking | SolveTask, sides: Sides, path: Path
) -> Generator[Step[Any], None, Capture]:
    name = task.vectors.data
    if is_capture(name):
        return open_capture(name)
    documents = documents_for(name, task.calibration_texts, BundledText.CALIBRATION)
    yield Step(f"loading {name}", 0.0)
    language = load_model(name, device=task.spec.calibration.device)
    work = capture_vectors(language, documents, CaptureSpec(sides=sides), path)
    yield from relay(work, lambda step: replace(step, text=f"capturing {step.text}"))
    return open_capture(path)


# -- fitting --------------------------------------------------------------------------------


def fit_task(task: FitTask) -> Generator[Step[Any], None, Card | Fit | SweepRow]:
    """Fit a codec to the task's vectors, or a card to a whole capture."""
    source, spec = task.vectors, task.calibration
    if not source.is_picked and is_capture(source.data):
        return (yield from _card(task, open_capture(source.data)))
    values = load(source)
    if task.pipeline is None or task.bits is None:
        # A sweep of one k also measures the codec and PCA on the test part.
        wanted = SweepSpec(methods=(spec.method,), ks=(spec.k,), calibration=spec)
        result = yield from relay(
            sweep(values, wanted), lambda step: Step("fitting", step.fraction)
        )
        return result.of(spec.method)[0]
    if task.pipeline.grouping != Pipeline().grouping:
        raise SpecError(
            "heads are grouped in a capture's card; a codec is of one head, got "
            f"{task.pipeline.key}"
        )
    work = fit_group(split_parts(values, spec), task.pipeline, Budget(task.bits), spec)
    return (yield from relay(work, _fitting))


def _fitting(share: float) -> Step[Any]:
    return Step("fitting", share)


def _card(task: FitTask, capture: Capture) -> Generator[Step[Any], None, Card]:
    source, sides = task.vectors, task.sides or capture.facts.sides
    if task.pipeline is None or task.bits is None:
        spec = CardSpec(task.calibration, sides, source.pool_heads, source.budget, task.layers)
        return (yield from fit_card(capture, spec))
    layers = _seen_by_model(task, task.pipeline, capture, sides)
    for side in sides.names:
        for layer in task.layers or capture.facts.layers:
            if (side, layer) not in layers:
                values = capture.values(side, layer, budget=source.budget)
                layers[side, layer] = LayerValues(values)
    fitter = Fitter(layers, task.pipeline, task.calibration)
    fits = yield from relay(fitter.fit_evenly(task.bits), _fitting)
    return card_of(capture, fits, task.pipeline, task.calibration)


def _seen_by_model(
    task: FitTask, pipeline: Pipeline, capture: Capture, sides: Sides
) -> dict[tuple[str, int], LayerValues]:
    """Return the layers with the W_O of the capture's model, where the axes are those it sees."""
    if pipeline.axes is not Axes.OUTPUT or "v" not in sides.names:
        return {}
    language = load_model(capture.facts.model.name, device=task.calibration.device)
    wanted = task.layers or capture.facts.layers
    seen = model_layers(language, capture, "v", task.vectors.budget)
    return {(side, layer): one for (side, layer), one in seen.items() if layer in wanted}
