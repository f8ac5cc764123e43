"""Of which card, text and mode shown numbers are, and whether that is what is chosen now."""

from __future__ import annotations

from typing import NamedTuple

from kvsplice_core.capture.specs import Sides
from kvsplice_core.quality.specs import EvalSpec
from kvsplice_gui import formats
from kvsplice_gui.quality import readouts as quality_readouts
from kvsplice_gui.quality.state import CardKey, QualityWish
from kvsplice_gui.state import Findings, Wishes


class Heading(NamedTuple):
    """A line over numbers; `is_current` says whether they are of what is chosen now."""

    text: str = ""
    is_current: bool = True


def of_evaluation(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the last evaluation is of; empty without one."""
    found = findings.quality.evaluation
    if found is None:
        return Heading()
    scores = found.result.documents
    read = _text_read(sum(score.tokens for score in scores), len(scores))
    parts = (_card(found.key), _side(found.key.side), _mode_words(found.result.spec), read)
    return _heading(parts, _aside(wishes, findings, found.key, found.wish))


def of_audit(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the shown audit is of: the last evaluation, or the last curve."""
    quality = findings.quality
    if quality.last_audited == "evaluation" and quality.evaluation is not None:
        return of_evaluation(wishes, findings)
    curve = quality.curve
    if curve is None:
        return Heading()
    spec = curve.spec
    methods = ", ".join(method.label for method in spec.methods)
    ks = ", ".join(map(str, spec.ks))
    read = _text_read(curve.tokens, curve.documents)
    parts = (f"Curve of {methods} at k = {ks}", _side(spec.side), _mode_words(spec.evaluation), read)
    changed = quality_readouts.curve_changes(wishes, findings)
    return _heading(parts, tuple(f"another {name}" for name in changed))


def of_map(wishes: Wishes, findings: Findings) -> Heading:
    """Return what the shown sensitivity map is of; empty without one."""
    shown = findings.quality.shown_map
    if shown is None:
        return Heading()
    tokens = () if shown.result is None else (_text_read(shown.result.tokens),)
    parts = (_card(shown.key), _side(shown.key.side), _mode_words(shown.wish.evaluation), *tokens)
    return _heading(parts, _aside(wishes, findings, shown.key, shown.wish))


def _heading(parts: tuple[str, ...], aside: tuple[str, ...]) -> Heading:
    text = " · ".join(parts)
    if not aside:
        return Heading(text)
    return Heading(f"{text} — not what is chosen now ({', '.join(aside)})", is_current=False)


def _aside(wishes: Wishes, findings: Findings, key: CardKey, wish: QualityWish) -> tuple[str, ...]:
    """Return what is chosen now in place of a card and how it was measured; empty if the same."""
    facts = None if findings.dataset is None else findings.dataset.capture
    if facts is None:
        return ()
    now, asked = quality_readouts.card_key(wishes, facts), wishes.quality
    pairs = (
        (_card(now), _card(key)),
        (_side(now.side), _side(key.side)),
        (_mode_words(asked.evaluation), _mode_words(wish.evaluation)),
        (f"{formats.count(asked.tokens)} tokens", f"{formats.count(wish.tokens)} tokens"),
        (f"model {asked.model_of(facts)}", f"model {wish.model_of(facts)}"),
    )
    named = tuple(new for new, old in pairs if new != old)
    if asked.texts != wish.texts:
        named += ("other text",)
    return named if named or now == key else ("calibrated in another way",)


def _card(key: CardKey) -> str:
    return f"{key.calibration.method.label} k = {key.calibration.k}"


def _side(side: str) -> str:
    return " and ".join(name.upper() for name in Sides(side).names)


def _mode_words(spec: EvalSpec) -> str:
    return f"window of {spec.window}" if spec.mode == "window" else spec.mode


def _text_read(tokens: int, documents: int | None = None) -> str:
    text = f"{formats.count(tokens)} tokens"
    if documents is None:
        return text
    return f"{text} of {documents} document{'' if documents == 1 else 's'}"
