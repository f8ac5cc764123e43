"""``kvsplice solve``: which codec gets how many bits, by what each of them costs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kvsplice_core.capture.specs import DEFAULT_TOKENS, CaptureSpec, Sides
from kvsplice_core.cli.console import WorkProgress, remark, say
from kvsplice_core.cli.evaluations import (
    add_evaluation_options,
    evaluation_spec,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import (
    add_calibration_options,
    calibration_spec,
    new_command,
    positive_int,
)
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.cli.solutions import print_layer, print_solution
from kvsplice_core.errors import SpecError
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.quality.solve_results import DEFAULT_PIPELINE, SolveSpec
from kvsplice_core.specs import SAMPLE_BUDGET, Recipe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kvsplice_core.capture.file import Capture
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.quality.solve_results import SolveStep
    from kvsplice_core.quality.solving import Solution

_DEFAULTS = SolveSpec(bits=1)


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands, "solve", "Share a budget of bits among layers and heads by what they cost", _run
    )
    parser.add_argument(
        "source",
        metavar="DATA|MODEL",
        help="a capture, a model (gpt2-mini, a folder: its calibration text is captured first), or "
        "vectors without a model, whose errors are shared alone",
    )
    _add_budget_options(parser)
    _add_source_options(parser)
    add_evaluation_options(parser)
    add_calibration_options(parser)
    parser.set_defaults(recipe=Recipe.ORIGIN.value)
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        metavar="FILE",
        help="the .safetensors file to write: a card, or of vectors a codec",
    )
    group.add_argument("--csv", metavar="FILE", help="write what every codec was given")
    group.add_argument("--json", metavar="FILE", help="write everything that was measured")


def _add_budget_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("budget")
    either = group.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--bits", type=float, metavar="B", help="mean bits per value, everything counted"
    )
    either.add_argument(
        "--max-dnll",
        type=float,
        metavar="X",
        help="the fewest bits whose ΔNLL, upper end of its 95 %% interval, is at most X nats",
    )
    group.add_argument(
        "--key-bits", type=float, metavar="B", help="compress K too, at a budget of its own"
    )
    group.add_argument(
        "--side",
        choices=[side.value for side in Sides],
        help="what to compress; both share --bits (default: v, with --key-bits both)",
    )
    group.add_argument(
        "--pipeline",
        default=DEFAULT_PIPELINE.key,
        metavar="WORDS",
        help="of every codec, such as joined+output+lloyd-max (default: %(default)s)",
    )
    group.add_argument(
        "--counted-tokens",
        type=positive_int,
        default=_DEFAULTS.counted_tokens,
        metavar="N",
        help="tokens that a codec's own bytes are spread over (default: %(default)s)",
    )


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("vectors")
    group.add_argument("--model", metavar="MODEL", help="of a capture; default: as it says")
    group.add_argument(
        "--calibration-text",
        nargs="+",
        default=(),
        metavar="FILE",
        help="text to capture, and to measure sensitivities on (default: the calibration books of "
        "gpt2-mini; of other captures the held-out text serves for sensitivities too)",
    )
    group.add_argument("--layer", type=int, metavar="L", help="of vectors; default: the first")
    group.add_argument("--tensor", metavar="NAME", help="of vectors: the tensor inside the file")
    group.add_argument(
        "--budget",
        type=positive_int,
        default=SAMPLE_BUDGET,
        metavar="N",
        help="vectors of a layer that codecs learn from at most (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments)
    outs = {
        name: check_file(f"--{name}", getattr(arguments, name), suffix)
        for name, suffix in (("out", ".safetensors"), ("csv", ".csv"), ("json", ".json"))
        if getattr(arguments, name) is not None
    }
    from kvsplice_core.threads import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(arguments.threads)
    from kvsplice_core.capture.file import is_capture
    from kvsplice_core.values.samples import SAMPLES

    source = arguments.source
    if not is_capture(source) and (source in SAMPLES or Path(source).is_file()):
        return _run_vectors(arguments, spec, outs)
    with WorkProgress() as progress:
        solution, leaked = _solved(arguments, spec, progress)
    return _finish(solution, leaked, outs)


def _spec(arguments: argparse.Namespace) -> SolveSpec:
    default = Sides.V if arguments.key_bits is None else Sides.BOTH
    return SolveSpec(
        pipeline=Pipeline.of(arguments.pipeline),
        bits=arguments.bits,
        key_bits=arguments.key_bits,
        max_dnll=arguments.max_dnll,
        sides=default if arguments.side is None else Sides(arguments.side),
        calibration=calibration_spec(arguments),
        evaluation=evaluation_spec(arguments, arguments.seed),
        counted_tokens=arguments.counted_tokens,
        budget=arguments.budget,
    )


def _solved(
    arguments: argparse.Namespace, spec: SolveSpec, progress: WorkProgress
) -> tuple[Solution, tuple[str, ...]]:
    from kvsplice_core.language.models import load_model
    from kvsplice_core.language.texts import BundledText, documents_for
    from kvsplice_core.progress import run
    from kvsplice_core.quality.leakage import leaks_of_capture
    from kvsplice_core.quality.solving import solve

    with _capture_of(arguments, spec, progress) as (model, loaded, capture, probes):
        documents = documents_for(model, arguments.text, BundledText.HELDOUT)
        progress.show(0, f"loading {model}")
        language = loaded or load_model(model, device=arguments.device)

        def on_step(step: SolveStep) -> None:
            progress.show(step.fraction, step.text)
            if step.trial is not None:
                progress.finished(f"measured {step.text}")

        solution = run(solve(language, capture, documents, spec, probes), on_step)
        return solution, leaks_of_capture(capture.facts, documents)


@contextmanager
def _capture_of(
    arguments: argparse.Namespace, spec: SolveSpec, progress: WorkProgress
) -> Iterator[tuple[str, LanguageModel | None, Capture, tuple[Document, ...]]]:
    """Open the capture, or make one of the model in a temporary folder."""
    from kvsplice_core.capture.capturing import capture_vectors
    from kvsplice_core.capture.file import is_capture, open_capture
    from kvsplice_core.language.bundled import BUNDLED
    from kvsplice_core.language.models import load_model
    from kvsplice_core.language.texts import BundledText, documents_for
    from kvsplice_core.progress import run

    if is_capture(arguments.source):
        capture = open_capture(arguments.source)
        model, text = arguments.model or capture.facts.model.name, arguments.calibration_text
        has_text = text or model == BUNDLED
        probes = documents_for(model, text, BundledText.CALIBRATION) if has_text else ()
        yield model, None, capture, probes
        return
    model = arguments.source
    probes = documents_for(model, arguments.calibration_text, BundledText.CALIBRATION)
    progress.show(0, f"loading {model}")
    language = load_model(model, device=arguments.device)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.safetensors"
        wanted = CaptureSpec(tokens=DEFAULT_TOKENS, sides=spec.sides, context=arguments.context)
        run(
            capture_vectors(language, probes, wanted, path),
            lambda step: progress.show(0, f"capturing {step.text}"),
        )
        yield model, language, open_capture(path), probes


def _finish(solution: Solution, leaked: tuple[str, ...], outs: dict[str, Path]) -> int:
    from kvsplice_core.card_file import save_card
    from kvsplice_core.files import write_text
    from kvsplice_core.quality.solve_tables import solve_csv, solve_json

    result = solution.result
    if "json" in outs:
        write_text(outs["json"], solve_json(result, leaked))
        remark(f"wrote {outs['json']}")
    if not result.is_valid:
        return print_failed(result.evaluation.audit)
    warn_of_leaks(leaked)
    if "csv" in outs:
        write_text(outs["csv"], solve_csv(result))
        remark(f"wrote {outs['csv']}")
    print_solution(result)
    if "out" in outs:
        save_card(solution.card, outs["out"])
        say(f"saved {outs['out']}: {solution.card.title}, for {solution.card.model.name}")
    return 0


def _run_vectors(arguments: argparse.Namespace, spec: SolveSpec, outs: dict[str, Path]) -> int:
    """Share the bits of one layer of vectors."""
    if spec.bits is None or spec.sides is not Sides.V:
        raise SpecError("vectors without a model have no ΔNLL and no sides; they need --bits alone")
    if "csv" in outs or "json" in outs:
        raise SpecError("--csv and --json need a capture or a model; vectors are printed")
    from kvsplice_core.codec_file import save_codec
    from kvsplice_core.pipelines.solving import solve_layer
    from kvsplice_core.progress import run
    from kvsplice_core.values.values import load_values

    values = load_values(
        arguments.source,
        tensor=arguments.tensor,
        layer=arguments.layer,
        pool_heads=True,
        budget=arguments.budget,
    )
    count = spec.pipeline.grouping.codecs(values.rows_per_token)
    if "out" in outs and count > 1:
        raise SpecError(f"--out holds one codec; {spec.pipeline.label} makes {count} of this layer")
    work = solve_layer(values, spec.pipeline, spec.bits, spec.calibration, spec.counted_tokens)
    with WorkProgress() as progress:
        solution = run(work, lambda share: progress.show(share, spec.pipeline.label))
    print_layer(solution, values.summary.title, spec.pipeline)
    if "out" in outs:
        save_codec(solution.fit.codecs.codecs[0], outs["out"])
        say(f"saved {outs['out']}")
    return 0
