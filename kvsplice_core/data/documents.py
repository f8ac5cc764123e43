"""Where documents begin among the rows of a capture, so that parts can be different documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.capture import AXES, facts_of, is_capture_metadata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kvsplice_core.data.tensors import TensorFile, TensorInfo


def document_starts(file: TensorFile, info: TensorInfo, tokens: int) -> tuple[int, ...] | None:
    """Return the token at which each document but the first begins; None if the file is silent.

    Raises
    ------
    DataError
        If a capture's header is damaged or of another number of tokens.
    """
    if not is_capture_metadata(file.metadata) or str(info.axes) != AXES:
        return None
    facts = facts_of(file.metadata, file.source)
    if facts.tokens != tokens:
        raise DataError(
            f"{file.source} must hold the {facts.tokens} tokens its header names; it has {tokens}"
        )
    return facts.boundaries


def boundaries_in(
    tokens: NDArray[np.int64], starts: Sequence[int] | None, rows_per_token: int
) -> tuple[int, ...]:
    """Return the rows at which documents begin in a sample of tokens.

    Parameters
    ----------
    tokens : ndarray, shape (m,)
        The tokens taken, in order.
    starts : sequence of int or None
        Where documents begin among all tokens.
    rows_per_token : int
        Rows of each token.

    Returns
    -------
    tuple of int
        Strictly increasing, each between 0 and m · rows_per_token; a document of which no token
        was taken has no boundary.
    """
    before = np.searchsorted(tokens, np.asarray(starts or (), dtype=np.int64))
    inner = sorted({int(count) for count in before} - {0, len(tokens)})
    return tuple(count * rows_per_token for count in inner)


def nearest_boundary(boundaries: Sequence[int], wished: int, rows: int, least: int) -> int:
    """Return the boundary nearest to `wished` that leaves `least` of `rows` on either side.

    `wished` itself where there is none.
    """
    fitting = [cut for cut in boundaries if least <= cut <= rows - least]
    return min(fitting, key=lambda cut: abs(cut - wished), default=wished)
