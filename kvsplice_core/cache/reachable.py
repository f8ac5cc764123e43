"""The memory behind every tensor that an object holds, whatever holds it there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor

_LEAVES = (str, bytes, int, float, bool, type(None), type, ModuleType, BuiltinFunctionType)
_CONTAINERS = (list, tuple, set, frozenset, deque)


def reachable_bytes(root: object) -> int:
    """Return the bytes of the memory behind all tensors reachable from `root`, each once.

    Attributes, slots, containers and what functions close over are followed. A view counts with
    all the memory it keeps alive.
    """
    storages: dict[tuple[str, int], int] = {}
    for tensor in _tensors(root):
        storage = tensor.untyped_storage()
        storages[str(tensor.device), storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _tensors(root: object) -> Iterator[Tensor]:
    waiting, seen = [root], {}
    while waiting:
        one = waiting.pop()
        if isinstance(one, _LEAVES) or id(one) in seen:
            continue
        seen[id(one)] = one  # kept alive, so that its id stays its own
        if isinstance(one, Tensor):
            yield one
        waiting.extend(_held_by(one))


def _held_by(one: Any) -> Iterator[object]:  # noqa: ANN401 - anything at all
    if isinstance(one, Mapping):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, _CONTAINERS):
        yield from one
    elif isinstance(one, FunctionType):
        yield from (cell.cell_contents for cell in one.__closure__ or ())
    elif isinstance(one, MethodType):
        yield one.__self__
    yield from getattr(one, "__dict__", {}).values()
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(one, name, None)
