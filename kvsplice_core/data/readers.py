"""Opening tensor files: mapped rather than read, and never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.lib import format as npy_format
from safetensors import safe_open
from torch import Tensor

from kvsplice_core.base.errors import DataError, KVSpliceError
from kvsplice_core.data.tensors import Entry, TensorFile, entry_of, tensor_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How files of torch before 1.6 begin: its magic number, pickled. Anything else that is not a zip
# archive is a foreign pickle and is not handed to torch at all.
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_SAFETENSORS_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_MAX_NESTING = 8


def open_tensors(path: str | Path) -> TensorFile:
    """List the tensors of a file; their numbers are mapped when read.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors``, ``.pt``, ``.pth``, ``.npy`` or ``.npz`` file; ``~`` is expanded.
        Members of an ``.npz`` and tensors in torch's format of before 1.6 cannot be mapped and
        are read whole.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged, of another kind, or holds no vectors.
    """
    file = _expanded(path)
    opener = _OPENERS.get(file.suffix.lower())
    if opener is None:
        known = ", ".join(_OPENERS)
        raise DataError(f"a file of vectors must end in one of {known}; got {file.name}")
    if file.stat().st_size == 0:
        raise DataError(f"{file} must hold tensors; the file is empty")
    with _reading(file):
        return opener(file, str(path))


def _expanded(path: str | Path) -> Path:
    try:
        file = Path(path).expanduser()
        exists, regular = file.exists(), file.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} must be a readable file", details=str(error)) from error
    if not exists:
        raise DataError(f"{path} must be a file of vectors; there is no such file")
    if not regular:
        raise DataError(f"{path} must be a file of vectors; it is a folder or a device")
    return file


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Turn whatever a library raises on a file into one sentence, its own words beside it."""
    try:
        yield
    except KVSpliceError:
        raise
    except PermissionError as error:
        raise DataError(f"{file} cannot be read: permission denied", str(error)) from error
    except Exception as error:
        raise DataError(
            f"{file} must be an undamaged {file.suffix.lower()} file of plain tensors; "
            "it cannot be read",
            details=f"{type(error).__name__}: {error}",
        ) from error


def _open_safetensors(file: Path, source: str) -> TensorFile:
    with safe_open(file, framework="pt") as handle:
        # A handle of safetensors is no mapping: it has keys() and no iteration.
        slices = {name: handle.get_slice(name) for name in handle.keys()}  # noqa: SIM118
        entries = [
            Entry(name, tuple(part.get_shape()), _dtype_name(part.get_dtype()))
            for name, part in slices.items()
        ]
        metadata = handle.metadata()

    def read(name: str) -> Tensor:
        # The tensor keeps the file mapped after its handle is closed.
        with _reading(file), safe_open(file, framework="pt") as mapped:
            tensor: Tensor = mapped.get_tensor(name)
            return tensor

    return tensor_file(source, entries, read, metadata)


def _dtype_name(word: str) -> str:
    return _SAFETENSORS_DTYPES.get(word, word)


def _open_torch(file: Path, source: str) -> TensorFile:
    tensors = {name: tensor.detach() for name, tensor in _named(_load_torch(file))}
    entries = [entry_of(name, tensor) for name, tensor in tensors.items()]
    return tensor_file(source, entries, tensors.__getitem__)


def _load_torch(file: Path) -> object:
    if zipfile.is_zipfile(file):
        return torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    with file.open("rb") as stream:
        legacy = stream.read(len(_LEGACY_START)) == _LEGACY_START
    if not legacy:
        raise DataError(f"{file} must be written by torch.save; other pickles are never opened")
    return torch.load(file, map_location="cpu", weights_only=True)


def _named(value: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Walk nested containers; what is no tensor and no container is passed over."""
    if depth > _MAX_NESTING:
        raise DataError(f"tensors may be nested {_MAX_NESTING} deep; got more")
    if isinstance(value, Tensor):
        yield prefix or "array", value
        return
    for key, item in _children(value):
        yield from _named(item, f"{prefix}.{key}" if prefix else key, depth + 1)


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple) and value and all(_is_pair(item) for item in value):
        # The legacy past_key_values: one (key, value) pair for each layer.
        for layer, (key, item) in enumerate(value):
            yield f"layer{layer}.k", key
            yield f"layer{layer}.v", item
    elif isinstance(value, list | tuple):
        yield from ((str(position), item) for position, item in enumerate(value))


def _is_pair(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(isinstance(item, Tensor) for item in value)


def _open_npy(file: Path, source: str) -> TensorFile:
    with file.open("rb") as stream:
        entry = _npy_entry("array", stream)

    def read(_: str) -> NDArray[Any]:
        with _reading(file):
            mapped: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
            return mapped

    return tensor_file(source, [entry], read)


def _open_npz(file: Path, source: str) -> TensorFile:
    with zipfile.ZipFile(file) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        entries = [_npz_entry(archive, member) for member in members]

    def read(name: str) -> NDArray[Any]:
        with _reading(file), np.load(file, allow_pickle=False) as archive:
            array: NDArray[Any] = archive[name]
            return array

    return tensor_file(source, entries, read)


def _npz_entry(archive: zipfile.ZipFile, member: str) -> Entry:
    with archive.open(member) as stream:
        return _npy_entry(member.removesuffix(".npy"), stream)


def _npy_entry(name: str, stream: IO[bytes]) -> Entry:
    """Read the header alone; object arrays are listed by it and never loaded."""
    version = npy_format.read_magic(stream)
    read_header = (
        npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    )
    shape, _, dtype = read_header(stream)
    return Entry(name, tuple(shape), dtype.name)


_OPENERS: dict[str, Callable[[Path, str], TensorFile]] = {
    ".safetensors": _open_safetensors,
    ".pt": _open_torch,
    ".pth": _open_torch,
    ".npy": _open_npy,
    ".npz": _open_npz,
}
