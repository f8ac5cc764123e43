"""The compression methods: one line each, from which CLI and GUI build their choices."""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kvsplice_core.errors import SpecError

if TYPE_CHECKING:
    from kvsplice_core.transforms.base import TransformKind


class Method(Enum):
    """A transform in front of PCA.

    Each member is ``(key, column, label, module)``: the word typed on the command line, the
    spelling in result files, the name on screen, and the module of ``kvsplice_core.transforms``
    that holds its ``KIND``. The module is imported when first used, because it needs torch.
    """

    PCA = ("pca", "PCA", "PCA", "identity")
    SPLINE = ("spline", "SplinePCA", "Spline→PCA", "spline_kind")
    FLOW = ("flow", "FlowPCA", "Flow→PCA", "flow")

    def __init__(self, key: str, column: str, label: str, module: str) -> None:
        self.key = key
        self.column = column
        self.label = label
        self._module = module

    @property
    def kind(self) -> TransformKind:
        """How this method's transform is learnt and restored (imports torch)."""
        module = import_module(f"kvsplice_core.transforms.{self._module}")
        return cast("TransformKind", module.KIND)

    @property
    def is_learnt(self) -> bool:
        """Whether the transform has parameters to calibrate."""
        return self is not Method.PCA

    @classmethod
    def of(cls, key: str) -> Method:
        """Return the method typed as `key`.

        Raises
        ------
        SpecError
            If no method has that key.
        """
        for method in cls:
            if method.key == key:
                return method
        known = ", ".join(method.key for method in cls)
        raise SpecError(f"a method must be one of {known}; got {key!r}")
