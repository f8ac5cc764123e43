"""Wishes as JSON and back, for the next start."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_gui.look.theme import ThemeChoice
from kvsplice_gui.state.kinds import AXES_CHOICES
from kvsplice_gui.state.wishes import (
    QUALITY_MEASURES,
    DataWish,
    FrontierWish,
    MemoryWish,
    QualityWish,
    SolveWish,
    ViewWish,
    Wishes,
    memory_spec,
)

_LISTS = ("pipelines", "typed", "bits")
_CHOICES = {
    "recipe": Recipe,
    "curve": Curve,
    "knot_placement": KnotPlacement,
    "axes": Axes,
    "coupling": CouplingKind,
}


def session_of(wishes: Wishes) -> dict[str, Any]:
    """Return the wishes as plain JSON values."""
    plain = asdict(wishes)
    plain["methods"] = [method.key for method in wishes.methods]
    plain["method"] = wishes.method.key
    return plain | {name: getattr(wishes, name).value for name in _CHOICES}


def wishes_of(session: dict[str, Any]) -> Wishes:
    """Return the wishes a session holds; the defaults where it is foreign or of another version."""
    try:
        return _wishes(session)
    except (KVSpliceError, TypeError, ValueError, KeyError, AttributeError):
        return Wishes()


def _wishes(session: dict[str, Any]) -> Wishes:
    plain = {name: session[name] for name in _names(Wishes) if name in session}
    plain["data"] = DataWish(**session.get("data", {}))
    plain["memory"] = MemoryWish(**session.get("memory", {}))
    quality = dict(session.get("quality", {}))
    plain["quality"] = QualityWish(**quality | {"texts": tuple(quality.get("texts", ()))})
    plain["frontier"] = _frontier(dict(session.get("frontier", {})))
    plain["solve"] = SolveWish(**session.get("solve", {}))
    view = dict(session.get("view", {}))
    plain["view"] = ViewWish(**view | {"dims": tuple(view.get("dims", (0, 1, 2, 3)))})
    if "methods" in session:
        plain["methods"] = tuple(Method.of(key) for key in session["methods"])
    plain["method"] = Method.of(session.get("method", "spline"))
    plain |= {name: kind(session[name]) for name, kind in _CHOICES.items() if name in session}
    wishes = replace(Wishes(), **plain)
    _ = wishes.calibration, wishes.quality.evaluation
    wishes.frontier.require_valid()
    wishes.solve.require_valid()
    ThemeChoice(wishes.view.theme)
    AXES_CHOICES.index(wishes.axes)
    QUALITY_MEASURES.index(wishes.view.quality_measure)
    try:
        memory_spec(wishes, wishes.k)
    except KVSpliceError:  # a config.json that has gone takes only the memory wishes with it
        return replace(wishes, memory=MemoryWish())
    return wishes


def _frontier(session: dict[str, Any]) -> FrontierWish:
    lists = {name: tuple(session[name]) for name in _LISTS if name in session}
    return FrontierWish(**session | lists)


def _names(kind: type[Wishes]) -> list[str]:
    return [field.name for field in fields(kind)]
