"""What a transform is made of: frozen values, free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Recipe


@dataclass(frozen=True)
class TransformSpec:
    """What a kind of transform needs to know to start; each kind heeds what concerns it.

    Parameters
    ----------
    recipe : Recipe
        How it will learn.
    axes : Axes
        The basis in front of it.
    knots : int
        Knots per dimension of a spline.
    curve : Curve
        What the curve of a spline is made of.
    knot_placement : KnotPlacement
        Where the knots of a spline lie.
    coupling : CouplingKind
        The couplings of a flow.
    """

    recipe: Recipe = Recipe.JOINT
    axes: Axes = Axes.RAW
    knots: int = 16
    curve: Curve = Curve.LINEAR
    knot_placement: KnotPlacement = KnotPlacement.QUANTILES
    coupling: CouplingKind = CouplingKind.AFFINE
