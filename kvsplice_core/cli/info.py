"""``kvsplice info``: the tensors of a file, and what a capture says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import print_scores, print_table, say
from kvsplice_core.cli.options import new_command
from kvsplice_core.data.capture import KeyState

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture import CaptureFacts
    from kvsplice_core.data.tensors import TensorInfo


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "info", "Show the tensors of a file and how they are read", _run)
    parser.add_argument("data", metavar="DATA", help="a sample's name or a file")


def _run(arguments: argparse.Namespace) -> int:
    from kvsplice_core.codec.card_file import is_card, load_card
    from kvsplice_core.data.capture_file import is_capture, open_capture
    from kvsplice_core.data.vectors import describe

    if is_card(arguments.data):
        card = load_card(arguments.data)
        for line in _told_of_card(card):
            say(line)
        print_scores(card.scores)
        return 0
    if is_capture(arguments.data):
        for line in _told(open_capture(arguments.data).facts):
            say(line)
    columns = ("tensor", "kind", "shape", "dtype", "axes", "layers", "heads")
    print_table(columns, (_cells(tensor) for tensor in describe(arguments.data)))
    return 0


def _told(facts: CaptureFacts) -> Iterator[str]:
    from kvsplice_core.data.tensors import brief

    model, spans = facts.model, facts.documents
    yield (
        f"model: {model.name}, {model.layers} layers of {model.kv_heads} KV heads of "
        f"{model.head_dim}, weights sha256 {model.sha256}"
    )
    named = brief([f"{span.name} ({span.tokens} tokens)" for span in spans], 12)
    yield f"documents: {len(spans)}, {facts.tokens} tokens in windows of {facts.context}: {named}"
    if "k" in facts.sides.names:
        rotary = "the model has no rotary embedding"
        yield f"K: {rotary if facts.key_state is KeyState.NONE else facts.key_state}"
    if facts.attention:
        yield "attention received by each token: stored"
    yield ""


def _told_of_card(card: Card) -> Iterator[str]:
    model, made = card.model, card.provenance
    yield f"card: {card.title}"
    yield f"model: {model.name}, weights sha256 {model.sha256}"
    if made.documents:
        yield f"calibrated on {made.tokens} tokens of {', '.join(made.documents)}"
    yield f"evaluations recorded in it: {len(card.proofs)}"
    yield ""


def _cells(tensor: TensorInfo) -> Sequence[str]:
    return (
        tensor.name,
        tensor.kind.upper() or "–",
        " × ".join(str(size) for size in tensor.shape),
        tensor.dtype,
        str(tensor.axes),
        _span(tensor.layers),
        str(tensor.heads or "–"),
    )


def _span(layers: Sequence[int]) -> str:
    if not layers:
        return "–"
    return str(layers[0]) if len(layers) == 1 else f"{layers[0]} … {layers[-1]}"
