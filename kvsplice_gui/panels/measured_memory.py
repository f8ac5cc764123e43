"""What real caches were measured to hold and to cost: two tables and what they mean."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QSplitter, QStackedLayout, QTextEdit, QVBoxLayout, QWidget

from kvsplice_core.base import formats
from kvsplice_core.base.formats import format_bytes
from kvsplice_core.tasks.measure import MeasuredMemory, MemoryPoint
from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.panels.record_table import Field, RecordTable
from kvsplice_gui.plots.header import EmptyLabel
from kvsplice_gui.state.capture import short_name

_EMPTY = (
    "Capture vectors from a model, then press Measure in the controls under Cache memory to see "
    "the bytes its real cache holds beside the formula, and what decoding costs."
)


def difference(point: MemoryPoint) -> str:
    """Return measured less formula in words."""
    size = point.compressed.total - point.formula.total
    if size == 0:
        return "none"
    return f"{'+' if size > 0 else formats.MINUS}{format_bytes(abs(size))}"


def _milliseconds(*seconds: float) -> str:
    numbers = " … ".join(formats.three_digits(1e3 * s) for s in seconds)
    return formats.with_unit(numbers, "ms")


def _bytes(heading: str, help_text: str, of: str, width: int = 72) -> Field:
    """Return a column of the bytes that `of` names: ``dense.total``."""
    part, name = of.split(".")

    def size(point: MemoryPoint) -> int:
        held: int = getattr(getattr(point, part), name)
        return held

    return Field(
        heading, help_text, lambda p: format_bytes(size(p)), size, width=width, is_number=True
    )


SIZE_FIELDS = (
    Field(
        "Tokens",
        "Tokens in each sequence",
        lambda p: formats.count(p.tokens),
        lambda p: p.tokens,
        width=72,
        is_number=True,
    ),
    _bytes("Dense", "Bytes of the tensors of transformers' DynamicCache", "dense.total"),
    _bytes("Compressed", "Bytes of the compressed cache, codecs included", "compressed.total", 100),
    _bytes("Formula", "What the closed form says of the compressed cache", "formula.total"),
    Field(
        "Difference",
        "Measured less formula",
        difference,
        lambda p: p.compressed.total - p.formula.total,
        width=92,
        is_number=True,
    ),
    Field(
        "Ratio",
        "Dense over compressed; below 1 where the codecs do not pay yet",
        lambda p: f"{formats.three_digits(p.ratio)} ×",
        lambda p: p.ratio,
        width=64,
        is_number=True,
    ),
    _bytes("K", "Bytes of K in the compressed cache", "compressed.keys"),
    _bytes("V", "Bytes of V in the compressed cache", "compressed.values"),
    _bytes("Codecs", "Side information, once per model", "compressed.side"),
)
COST_FIELDS = (
    Field("Decoding", "Which cache decodes", lambda c: c.cache, width=84),
    Field(
        "Per token",
        "Median time of a decoding step",
        lambda c: _milliseconds(c.token_s),
        lambda c: c.token_s,
        width=84,
        is_number=True,
    ),
    Field(
        "Peak",
        "The most that lives at once while it decodes; the model's weights are not counted",
        lambda c: format_bytes(c.peak_bytes),
        lambda c: c.peak_bytes,
        width=72,
        is_number=True,
    ),
    Field(
        "Fastest … slowest",
        "Time of a decoding step in the fastest and the slowest turn",
        lambda c: _milliseconds(c.fastest_s, c.slowest_s),
        lambda c: c.slowest_s,
        width=148,
        is_number=True,
    ),
    Field(
        "Holds",
        "Bytes before the decoding, codecs counted",
        lambda c: format_bytes(c.held_bytes),
        lambda c: c.held_bytes,
        is_number=True,
    ),
)


class MeasuredPanel(QWidget):
    """Bytes by length, decoding by kind of cache, and the verdict in sentences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel()
        self.title.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.sizes = RecordTable("Bytes by length", "", SIZE_FIELDS)
        self.costs = RecordTable("Cost of decoding", "", COST_FIELDS)
        self.verdict = QTextEdit()
        self.verdict.setReadOnly(True)
        self.verdict.setTabChangesFocus(True)
        self.verdict.setAccessibleName("Verdict")
        self.verdict.setMinimumWidth(20 * SPACING)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(EmptyLabel(_EMPTY))
        self._stack.addWidget(self._full())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured yet."""
        return self._stack.currentIndex() == 0

    def show_measured(self, result: MeasuredMemory | None) -> None:
        """Show a measurement, or say how to get one."""
        self._stack.setCurrentIndex(0 if result is None else 1)
        if result is None:
            return
        self.title.setText(title(result))
        self.title.setToolTip(title(result))
        self.sizes.show_records(result.points)
        self.costs.show_records(result.costs)
        self.verdict.setPlainText("\n".join(result.verdict))

    def _full(self) -> QWidget:
        across = QSplitter(Qt.Orientation.Horizontal)
        for place, (part, share) in enumerate(
            ((self.sizes, 44), (self.costs, 25), (self.verdict, 31))
        ):
            across.addWidget(part)
            across.setStretchFactor(place, share)
        across.setChildrenCollapsible(False)
        across.setSizes([440, 250, 310])
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self.title)
        column.addWidget(across, 1)
        return holder


def title(result: MeasuredMemory) -> str:
    """Return what was measured, and on what."""
    batch = "" if result.batch == 1 else f" · batch {result.batch}"
    return (
        f"{short_name(result.model)} · {result.card} · {result.dtype} on "
        f"{result.device}{batch} · decoding behind {formats.count(result.decode_tokens)} tokens"
    )
