"""What this is, and how its methods work in short."""

from __future__ import annotations

from PyQt6.QtWidgets import QMessageBox, QWidget

from kvsplice_core.version import __version__, library_versions

_METHOD = """
<p>A transformer keeps a key and a value vector V of d numbers per token, layer and head.
A codec keeps k numbers of each V instead, and attention reads V̂.</p>
<p><b>PCA</b> keeps the k directions of largest variance.</p>
<p><b>Spline→PCA</b> first straightens every dimension by a strictly increasing piecewise-linear
spline, then keeps k directions; on the way back the exact inverse bends them again.</p>
<p><b>Flow→PCA</b> does the same with a RealNVP flow, which mixes dimensions.</p>
<p><b>Edit knots</b> lets a hand take the knots: drag moves, a double click on the curve adds,
Delete removes, the arrows nudge (Shift: farther), Tab goes on, Esc calls a drag off. The curve
always increases; PCA behind it is refitted at once, and <i>Learn from here</i> goes on by
calibration.</p>
<p>Every method learns on the first 75 % of the vectors, in order, and is measured on the rest.
The interval beside a change is a paired block bootstrap over tokens; where it holds 0, the
method ties with PCA. A method that does not beat PCA on a validation part of the training
vectors is replaced by PCA (recipe joint) or marked (recipe origin).</p>
"""


def show_about(parent: QWidget) -> None:
    """Show name, versions and licence."""
    versions = " · ".join(f"{name} {number}" for name, number in library_versions().items())
    _message(
        parent,
        "About KVSplice",
        f"<h3>KVSplice {__version__}</h3><p>See, tune and prove the compression of transformer "
        f"KV caches.</p><p>{versions}</p><p>Licence MIT-0. PyQt6 is under the GPL.</p>",
    )


def show_method(parent: QWidget) -> None:
    """Show how the methods work."""
    _message(parent, "The method in short", _METHOD)


def _message(parent: QWidget, title: str, text: str) -> None:
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(text)
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.open()
