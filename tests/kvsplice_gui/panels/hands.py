"""What a hand does to fields, what they say then, and data for them to show."""

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from kvsplice_core import load_values
from kvsplice_core.data.vectors import describe
from kvsplice_gui.state.dataset import Dataset, density_of
from kvsplice_gui.state.wishes import DataWish


def record(signal):
    """Return a list that gets the arguments of every emission."""
    seen = []
    signal.connect(lambda *arguments: seen.append(arguments))
    return seen


def pick(box, text):
    """Choose the item called `text` as a hand does."""
    index = box.findText(text)
    assert index >= 0, [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(index)
    box.activated.emit(index)


def type_number(qtbot, box, text):
    """Type `text` in place of what stands in a number field, and leave the field."""
    box.lineEdit().setText("")
    qtbot.keyClicks(box, text)
    box.interpretText()
    box.editingFinished.emit()


def type_line(qtbot, line, text):
    """Type `text` in place of what stands in a line, and leave it."""
    line.selectAll()
    qtbot.keyClicks(line, text)
    line.editingFinished.emit()


def texts(box):
    """Return the items of a choice."""
    return [box.itemText(i) for i in range(box.count())]


def tabbed(panel):
    """Return the widgets of a shown panel in the order Tab reaches them."""
    reached, widget = [], panel.nextInFocusChain()
    while widget is not panel:
        by_tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        inside = panel.isAncestorOf(widget) and widget.focusProxy() is None
        if by_tab and inside and widget.isVisible() and widget.isEnabled():
            reached.append(widget)
        widget = widget.nextInFocusChain()
    return [w for w in reached if not w.objectName().startswith("qt_")]


def shown(qtbot, panel):
    """Show a panel and return it."""
    qtbot.addWidget(panel)
    panel.resize(320, 640)
    panel.show()
    QApplication.processEvents()
    return panel


def write_npz(path, **shapes):
    """Write tensors of these shapes, filled with seeded noise."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    np.savez(path, **arrays)
    return path


def read(path, **choice):
    """Return a file as the window holds it."""
    wish = DataWish(source=str(path), **choice)
    values = load_values(
        wish.source,
        tensor=wish.tensor,
        layer=wish.layer,
        head=wish.head,
        pool_heads=wish.pool_heads,
        axes=wish.axes,
        budget=wish.budget,
        seed=wish.seed,
    )
    return Dataset(values, describe(wish.source), density_of(values.rows.numpy()), wish)
