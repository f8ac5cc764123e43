"""What a transform is beyond its method: curve, knots, axes, couplings, in words and compared."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from kvsplice_core.base.options import differences
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method
from kvsplice_core.tasks.sweep import SweepRow, SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec

if TYPE_CHECKING:
    from kvsplice_gui.state.findings import Findings
    from kvsplice_gui.state.wishes import Wishes

AXES_CHOICES = tuple(axes for axes in Axes if axes is not Axes.OUTPUT)
"""Axes a calibration of bare vectors can take; those of the output projection need a model."""

_NOT_LEARNING = ("method", "k", "device", "threads")

ONLY_SPLINES = "Only splines have knots: show Spline→PCA."
ONLY_STRAIGHT = "Only straight pieces in raw axes can be taken: choose the linear curve, raw axes"


def label(choice: str) -> str:
    """Return a choice as a field shows it."""
    return "PCA" if choice is Axes.PCA else str(choice)


def kind_of(spec: CalibrationSpec) -> tuple[StrEnum, ...]:
    """Return the choices that shape the transform of `spec`; none for PCA."""
    heeded = (getattr(spec.transform, name) for name in spec.method.heeds)
    return tuple(choice for choice in heeded if isinstance(choice, StrEnum))


def words(spec: CalibrationSpec) -> tuple[str, ...]:
    """Return what shapes the transform of `spec` otherwise than usual."""
    usual = kind_of(CalibrationSpec(spec.method))
    pairs = zip(kind_of(spec), usual, strict=True)
    return tuple(_full_word(choice) for choice, expected in pairs if choice is not expected)


def words_of_sweep(spec: SweepSpec) -> tuple[str, ...]:
    """Return what shapes any transform of a sweep otherwise than usual, each word once."""
    said = (words(replace(spec.calibration, method=method)) for method in spec.methods)
    return tuple(dict.fromkeys(word for some in said for word in some))


def name(spec: CalibrationSpec) -> str:
    """Return the transform of `spec`, such as ``spline 16 knots, rational-quadratic, PCA axes``."""
    method = spec.method
    knots = f" {spec.resolved_knots} knots" if "knots" in method.heeds else ""
    return ", ".join((f"{method.key}{knots}", *words(spec)))


def changed(row: SweepRow, wishes: Wishes) -> str:
    """Return what a row was calibrated as, where that is not what is wished now; else empty."""
    theirs = replace(row.calibration.spec, method=wishes.method)
    if row.calibration.edited or kind_of(theirs) == kind_of(wishes.calibration):
        return ""
    return ", ".join(map(_full_word, kind_of(theirs)))


def otherwise(now: CalibrationSpec, then: CalibrationSpec) -> tuple[str, ...]:
    """Name the options in which two calibrations learn differently; not method, k or machine."""
    aside = {name: getattr(now, name) for name in _NOT_LEARNING}
    labels = differences(now.filled_in, replace(then.filled_in, **aside))
    return tuple(label.lower() for label in labels)


def axes_of(row: SweepRow | None) -> Axes:
    """Return the axes the drawn transform of a row is in; raw where straight lines stand for it."""
    return Axes.RAW if row is None or row.shape is None else row.calibration.spec.axes


def live_axes(findings: Findings) -> Axes:
    """Return the axes of what a running calibration draws."""
    if findings.starting_over and findings.asked is not None:
        return findings.asked.axes
    by_hand = findings.knots.is_open or findings.knots.is_edited
    if findings.result is None or by_hand:
        return Axes.RAW
    return findings.result.spec.calibration.axes


def why_no_hand(wishes: Wishes, row: SweepRow | None) -> str:
    """Return why no hand can take the knots in focus; empty where one can."""
    if wishes.method is not Method.SPLINE:
        return ONLY_SPLINES
    if not _is_straight(wishes.calibration):
        return f"{ONLY_STRAIGHT}."
    if row is not None and row.shape is not None and not _is_straight(row.calibration.spec):
        return f"{ONLY_STRAIGHT}, and calibrate again."
    return ""


def _is_straight(spec: CalibrationSpec) -> bool:
    return spec.curve is not Curve.RATIONAL_QUADRATIC and spec.axes is Axes.RAW


def _full_word(choice: StrEnum) -> str:
    if choice is KnotPlacement.QUANTILES:
        return "knots at quantiles"
    nouns = {Axes: " axes", KnotPlacement: " knots", CouplingKind: " couplings"}
    return f"{label(choice)}{nouns.get(type(choice), '')}"
