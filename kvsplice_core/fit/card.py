"""Calibrating the codecs of a whole model from a capture: every layer, every head."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step, relay
from kvsplice_core.codec.card import Card, HeadScore
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.data.capture import KeyState, Sides
from kvsplice_core.data.capture_file import Capture
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.fit.layers import Fits, Place, bits_by_side
from kvsplice_core.fit.provenance import calibration_of, of_capture
from kvsplice_core.fit.sweep import sweep
from kvsplice_core.tasks.budgets import DEFAULT_COUNTED_TOKENS
from kvsplice_core.tasks.sweep import SweepResult, SweepSpec, SweepStep
from kvsplice_core.tasks.training import CalibrationSpec

CardFit = Generator[Step[HeadScore], None, Card]


@dataclass(frozen=True)
class CardSpec:
    """How to make a card.

    Parameters
    ----------
    calibration : CalibrationSpec
        How each codec is calibrated, its method and its k.
    sides : Sides
        What to compress: V, K, or both.
    pool_heads : bool
        One codec for all heads of a layer instead of one each.
    budget : int
        Vectors each codec is made of at most, ≥ 16: a seeded sample of whole tokens.
    layers : tuple of int, optional
        Layers to compress, the others stay dense; all of the capture when omitted.
    """

    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)
    sides: Sides = Sides.V
    pool_heads: bool = False
    budget: int = SAMPLE_BUDGET
    layers: tuple[int, ...] | None = None


@dataclass(frozen=True)
class _Place:
    side: str
    layer: int
    head: int | None

    @property
    def of_layer(self) -> Place:
        """Side and layer."""
        return self.side, self.layer

    def __str__(self) -> str:
        head = "all heads" if self.head is None else f"head {self.head}"
        return f"{self.side.upper()} layer {self.layer} {head}"


def fit_card(capture: Capture, spec: CardSpec, reuse: Card | None = None) -> CardFit:
    """Calibrate a codec for every layer and head of a capture.

    A generator: it yields progress and every finished score, and returns the card; closing it
    cancels. Training, validation and test part are different documents where there are enough.

    Parameters
    ----------
    capture : Capture
        The vectors.
    spec : CardSpec
        What to make.
    reuse : Card, optional
        For recipe ``origin``: a card of the same capture and method whose transforms are taken
        as they are, because one transform serves every k.

    Raises
    ------
    SpecError
        If the capture lacks a layer or a side that is asked for, or k exceeds head_dim.
    """
    places = _places(capture, spec)
    if spec.calibration.recipe is not Recipe.ORIGIN:
        reuse = None
    codecs: dict[Place, list[Codec]] = {}
    scores = []
    for done, place in enumerate(places):
        result = yield from _fit_one(capture, spec, place, _codec_at(reuse, place), done, places)
        row = result.of(spec.calibration.method)[0]
        codecs.setdefault(place.of_layer, []).append(row.calibration.codec.to("cpu"))
        scores.append(_score(place, result, spec.calibration.method))
        yield Step(str(place), (done + 1) / len(places), scores[-1])
    heads = capture.facts.model.kv_heads
    held = {place: HeadCodecs(tuple(own), heads) for place, own in codecs.items()}
    return _assembled(capture, held, scores, _provenance(capture, spec))


def _assembled(
    capture: Capture,
    codecs: Mapping[Place, HeadCodecs],
    scores: Iterable[HeadScore],
    provenance: Provenance,
) -> Card:
    values, keys = (
        {layer: held for (side, layer), held in codecs.items() if side == wanted}
        for wanted in ("v", "k")
    )
    return Card(
        model=capture.facts.model,
        values=values,
        keys=keys,
        scores=tuple(scores),
        provenance=provenance,
        keys_before_rotary=bool(keys) and capture.facts.key_state is KeyState.BEFORE,
    )


def _places(capture: Capture, spec: CardSpec) -> list[_Place]:
    facts = capture.facts
    lacking = set(spec.sides.names) - set(facts.sides.names)
    if lacking:
        raise SpecError(
            f"the capture must hold {spec.sides.value} to compress it; it holds {facts.sides.value}"
        )
    layers = facts.layers if spec.layers is None else spec.layers
    missing = sorted(set(layers) - set(facts.layers))
    if missing:
        raise SpecError(f"layers must be among {list(facts.layers)} of the capture; got {missing}")
    heads = (None,) if spec.pool_heads else tuple(range(facts.model.kv_heads))
    return [_Place(s, layer, head) for s in spec.sides.names for layer in layers for head in heads]


def _fit_one(
    capture: Capture,
    spec: CardSpec,
    place: _Place,
    reuse: Codec | None,
    done: int,
    places: list[_Place],
) -> Generator[Step[HeadScore], None, SweepResult]:
    """Sweep one k of one method, which also measures the codec and PCA on the test documents."""
    method, k = spec.calibration.method, spec.calibration.k
    yield Step(f"{place}: reading", done / len(places))
    values = capture.values(
        place.side, place.layer, place.head, budget=spec.budget, seed=spec.calibration.seed
    )
    shared: Mapping[Method, Codec] = {}
    if reuse is not None and method.is_learnt:
        shared = {method: reuse}
    work = sweep(values, SweepSpec((method,), (k,), spec.calibration), reuse=shared)

    def shown(step: SweepStep) -> Step[HeadScore]:
        work = step.calibration
        epoch = "" if work is None else f", epoch {work.epoch}/{work.epochs}"
        return Step(f"{place}{epoch}", (done + step.fraction) / len(places))

    return (yield from relay(work, shown))


def _codec_at(card: Card | None, place: _Place) -> Codec | None:
    if card is None:
        return None
    layers = card.values if place.side == "v" else card.keys
    return layers[place.layer].of(place.head or 0) if place.layer in layers else None


def _score(place: _Place, result: SweepResult, method: Method) -> HeadScore:
    row, pca = result.of(method)[0], result.of(Method.PCA)[0]
    return HeadScore(
        side=place.side,
        layer=place.layer,
        head=place.head,
        method=method.key,
        kept=row.kept.key,
        k=row.k,
        mse=row.scores.mse,
        mse_pca=pca.scores.mse,
        change=row.change,
    )


def _provenance(capture: Capture, spec: CardSpec) -> Provenance:
    notes = {"sides": spec.sides.value, "pool_heads": spec.pool_heads, "budget": spec.budget}
    return replace(of_capture(capture, spec.calibration), notes=notes)


def card_of(
    capture: Capture,
    fits: Fits,
    pipeline: Pipeline,
    calibration: CalibrationSpec,
    tokens: int = DEFAULT_COUNTED_TOKENS,
    notes: Mapping[str, object] | None = None,
) -> Card:
    """Return the card that compresses every layer with what was fitted to it.

    Parameters
    ----------
    capture : Capture
        Where the vectors come from.
    fits : mapping of (side, layer) to LayerFit
        Sides are ``v`` and ``k``; a layer that is missing stays dense.
    pipeline : Pipeline
    calibration : CalibrationSpec
        How transforms were learnt, and how the vectors were cut into parts.
    tokens : int
        What the codecs' own bytes were spread over.
    notes : mapping, optional
        What else it is to say of where it comes from; JSON values.

    Raises
    ------
    SpecError
        If there is no layer.
    """
    codecs = {place: fit.codecs for place, fit in fits.items()}
    made = _of_pipeline(capture, fits, pipeline, calibration, tokens, notes or {})
    return _assembled(capture, codecs, _scores(fits), made)


def _scores(fits: Fits) -> Iterator[HeadScore]:
    for (side, layer), fit in fits.items():
        for group, one in enumerate(fit.groups):
            yield HeadScore(
                side=side,
                layer=layer,
                head=None if len(fit.groups) == 1 else group * fit.codecs.span,
                method=one.pipeline.key,
                kept=one.kept.key,
                k=one.codec.k,
                mse=float(one.errors.mean()) / one.codec.dim,
                mse_pca=None,
                bits=one.counted.total,
            )


def _of_pipeline(
    capture: Capture,
    fits: Fits,
    pipeline: Pipeline,
    calibration: CalibrationSpec,
    tokens: int,
    notes: Mapping[str, object],
) -> Provenance:
    sides = tuple(dict.fromkeys(side for side, _ in fits))
    return replace(
        of_capture(capture, calibration_of(pipeline, calibration)),
        pipeline=pipeline.key,
        label=pipeline.label,
        bits=bits_by_side(fits),
        counted_tokens=tokens,
        replaced={
            f"{side}.{layer}.{group}": one.kept.key
            for (side, layer), fit in fits.items()
            for group, one in enumerate(fit.groups)
            if one.replaced_by is not None
        },
        notes={"sides": Sides.BOTH.value if len(sides) == 2 else "".join(sides), **notes},
    )
