"""Capturing: a model reads text, and what its cache would hold goes to a file."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, LanguageModelError, SpecError
from kvsplice_core.base.files import atomic_path
from kvsplice_core.base.progress import Step
from kvsplice_core.data.capture import (
    ATTENTION,
    CaptureFacts,
    CaptureResult,
    CaptureSpec,
    DocumentSpan,
    KeyState,
    metadata_of,
)
from kvsplice_core.language.attention import AttentionCall, attention_through
from kvsplice_core.language.models import LanguageModel
from kvsplice_core.language.recording import attention_received, read_window
from kvsplice_core.language.rotary import RotaryInverse, rotary_inverse
from kvsplice_core.language.texts import Document, text_hash, tokenise
from kvsplice_core.language.windows import Window, spread_budget, windows_of
from kvsplice_core.language.writer import RowWriter, Slot
from kvsplice_core.version import library_versions

_LEAST_TOKENS = 16

Rows = dict[str, Tensor]
"""What one window gives: (tokens, kv_heads, head_dim) or (tokens, kv_heads) by tensor name."""


def capture_vectors(
    language: LanguageModel, documents: Sequence[Document], spec: CaptureSpec, path: str | Path
) -> Generator[Step[None], None, CaptureResult]:
    """Write what the cache of a model holds while it reads documents.

    A generator: it yields progress after every window; closing it cancels and leaves no file.
    Only one window is in memory at a time.

    Parameters
    ----------
    language : LanguageModel
        Any causal model with a KV cache.
    documents : sequence of Document
        Read each from its beginning, in windows whose positions start anew; a window begins with
        the tokens the tokenizer puts before a text, which are not captured.
    spec : CaptureSpec
        What to capture.
    path : str or Path
        The ``.safetensors`` file to write, whole or not at all: ``layers.{i}.v`` and
        ``layers.{i}.k`` of shape (tokens, kv_heads, head_dim), ``layers.{i}.attention`` of shape
        (tokens, kv_heads).

    Raises
    ------
    SpecError
        If an option does not fit the model.
    DataError
        If the documents give fewer than 16 tokens.
    LanguageModelError
        If a number does not fit the dtype, or K cannot be taken before its rotary embedding.
    KVSpliceError
        If the file cannot be written.

    Examples
    --------
    >>> work = capture_vectors(language, documents, CaptureSpec(tokens=4096), "v.safetensors")
    >>> result = run(work)  # doctest: +SKIP
    """
    started = time.monotonic()
    context = language.context_for(spec.context)
    layers = _layers(language, spec)
    _require_file(path)
    if not documents:
        raise DataError("a capture needs at least one document; got none")
    texts = []
    for document in documents:
        yield _step(0, spec.tokens, document.name)
        texts.append(_tokens_of(language, document, spec.tokens))
    shares = spread_budget([length for _, length in texts], spec.tokens)
    if sum(shares) < _LEAST_TOKENS:
        raise DataError(f"the text must give at least {_LEAST_TOKENS} tokens; got {sum(shares)}")
    tokens = [ids[:share] for (ids, _), share in zip(texts, shares, strict=True)]
    inverse = rotary_inverse(language, tokens[0], layers) if spec.keys_before_rotary else None
    reader = _Reader(language, spec, layers, inverse)
    spans = tuple(DocumentSpan(d.name, n, d.sha256) for d, n in zip(documents, shares, strict=True))
    facts = _facts(language, spec, layers, spans, text_hash(documents), context)
    yield from _write(reader, tokens, facts, path)
    size = Path(path).stat().st_size
    return CaptureResult(str(path), facts, size, time.monotonic() - started)


def _write(
    reader: _Reader, tokens: list[Tensor], facts: CaptureFacts, path: str | Path
) -> Iterator[Step[None]]:
    room = facts.context - len(reader.language.start)
    windows = windows_of([len(ids) for ids in tokens], room)

    def read(window: Window) -> Rows:
        return reader.read(tokens[window.document][window.start : window.stop])

    first = read(windows[0])  # its shapes are those of all windows, whatever the family
    total = facts.tokens
    slots = {name: Slot((total, *rows.shape[1:]), rows.dtype) for name, rows in first.items()}
    with atomic_path(path, ".part") as temporary, temporary.open("wb") as stream:
        writer = RowWriter(stream, slots, metadata_of(facts))
        for window in windows:
            for name, rows in (read(window) if window.row else first).items():
                writer.write(name, window.row, rows)
            done = window.row + window.stop - window.start
            yield _step(done, total, facts.documents[window.document].name)


def _step(done: int, total: int, document: str) -> Step[None]:
    """Return progress such as ``emma · 1 024 of 32 768 tokens``."""
    numbers = f"{done:,} of {total:,}".replace(",", "\u202f")
    return Step(f"{document} · {numbers} tokens", done / max(1, total))


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads windows and turns what the cache gets into rows to be stored."""

    language: LanguageModel
    spec: CaptureSpec
    layers: tuple[int, ...]
    inverse: RotaryInverse | None

    def read(self, tokens: Tensor) -> Rows:
        rows: Rows = {}

        def record(layer: int, key: Tensor, value: Tensor) -> None:
            if layer not in self.layers:
                return
            for side in self.spec.sides.names:
                x = value if side == "v" else self._keys(layer, key)
                rows[f"layers.{layer}.{side}"] = self._stored(x, f"{side.upper()} of layer {layer}")

        start = torch.tensor(self.language.start, dtype=tokens.dtype)
        with self._attention(rows):
            read_window(self.language, torch.cat([start, tokens]), record)
        self._require_all(rows)
        return {name: of[len(start) :] for name, of in rows.items()}

    def _keys(self, layer: int, keys: Tensor) -> Tensor:
        return keys if self.inverse is None else self.inverse(layer, keys)

    def _attention(self, rows: Rows) -> AbstractContextManager[None]:
        if not self.spec.attention:
            return nullcontext()

        def answer(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
            if call.layer in self.layers:
                rows[f"layers.{call.layer}{ATTENTION}"] = attention_received(call)
            return call.compute()

        return attention_through(self.language.model, answer)

    def _stored(self, x: Tensor, what: str) -> Tensor:
        dtype: torch.dtype = getattr(torch, self.spec.dtype)
        rows = x[0].transpose(0, 1).to(dtype).contiguous()  # (tokens, kv_heads, head_dim)
        if bool(torch.isfinite(rows).all()):
            return rows
        if bool(torch.isfinite(x).all()):
            raise LanguageModelError(
                f"numbers must fit {self.spec.dtype}; {what} reaches {float(x.abs().max()):.3g}, "
                "which bfloat16 holds"
            )
        raise LanguageModelError(f"a model must give finite numbers; {what} has NaN or infinity")

    def _require_all(self, rows: Rows) -> None:
        wanted = {f".{self.spec.sides.names[0]}": "keep K and V of its own"}
        if self.spec.attention:
            wanted[ATTENTION] = "compute attention through transformers' interface"
        for ending, duty in wanted.items():
            missing = [i for i in self.layers if f"layers.{i}{ending}" not in rows]
            if missing:
                raise LanguageModelError(
                    f"every captured layer must {duty}; in {self.language.name} "
                    f"layer {missing[0]} does not"
                )


def _layers(language: LanguageModel, spec: CaptureSpec) -> tuple[int, ...]:
    count = language.shape.layers
    layers = range(count) if spec.layers is None else sorted(set(spec.layers))
    outside = [layer for layer in layers if not 0 <= layer < count]
    if outside:
        raise SpecError(f"layers must lie in 0 … {count - 1}; got {outside[0]}")
    return tuple(layers)


def _require_file(path: str | Path) -> None:
    if Path(path).suffix.lower() != ".safetensors" or Path(path).is_dir():
        raise SpecError(f"a capture is saved as a .safetensors file; got {str(path)!r}")


def _tokens_of(language: LanguageModel, document: Document, budget: int) -> tuple[Tensor, int]:
    """Return what may be read of a document, and how many tokens it has in all."""
    ids = tokenise(language, document)
    if len(ids) == 0:
        raise DataError(f"a document must give at least one token; {document.name} gives none")
    return ids[:budget].clone(), len(ids)


def _facts(
    language: LanguageModel,
    spec: CaptureSpec,
    layers: tuple[int, ...],
    spans: tuple[DocumentSpan, ...],
    text_sha256: str,
    context: int,
) -> CaptureFacts:
    model = language.facts
    state = KeyState.NONE
    if "k" in spec.sides.names and model.rotary:
        state = KeyState.BEFORE if spec.keys_before_rotary else KeyState.AFTER
    return CaptureFacts(
        model=model,
        text_sha256=text_sha256,
        documents=spans,
        layers=layers,
        sides=spec.sides,
        key_state=state,
        attention=spec.attention,
        context=context,
        dtype=spec.dtype,
        versions=library_versions(),
    )
