"""Taking results away by hand: asks where, and gives the work to the exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSlot
from PyQt6.QtGui import QGuiApplication, QImage
from PyQt6.QtWidgets import QFileDialog, QMessageBox, QWidget

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.base.files import atomic_path
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.readouts import exports
from kvsplice_gui.state.state import State
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.runner import Controller, Work

EXPORT = Busy("export", "Exporting")


class TakeAway(QObject):
    """Exports and copies of the window.

    Parameters
    ----------
    window : QWidget
        Parent of the dialogs, and what a screenshot shows.
    state : State
        What is exported.
    controller : Controller
        Draws figures in the background.
    attempt : callable
        Runs an action and shows what it raises; says its second argument when all went well.
    say : callable
        Notes a line in the log.
    """

    def __init__(
        self,
        window: QWidget,
        state: State,
        controller: Controller,
        attempt: Callable[[Callable[[], object], str], None],
        say: Callable[[str], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._controller = controller
        self.attempt = attempt
        self._say = say

    def export_csv(self) -> None:
        """Save the table as CSV."""
        self._save_table("results.csv", "Table (*.csv)")

    def export_json(self) -> None:
        """Save everything known of the run as JSON."""
        self._save_table("results.json", "JSON (*.json)")

    def _save_table(self, name: str, kinds: str) -> None:
        result = self._state.findings.shown_result
        if result is not None:
            self.save(name, kinds, lambda path: exports.save_table(result, path))

    def save(self, name: str, kinds: str, write: Callable[[Path], object]) -> None:
        """Ask where, and write there at once."""
        path = self.ask_save(name, kinds)
        if path is not None:
            self.attempt(lambda: write(path), f"Saved {path}")

    def export_codec(self) -> None:
        """Save the codec of the method in focus at the chosen k."""
        wishes, findings = self._state.wishes, self._state.findings
        path = self.ask_save(
            f"codec_{wishes.method.key}_k{wishes.k}.safetensors", "Codec (*.safetensors)"
        )
        if path is not None:
            save = exports.save_focus_codec
            row = findings.row(wishes.method, wishes.k)
            kept = "" if row is None or row.kept is row.method else f" (kept: {row.kept.key})"
            kept += " (knots set by hand)" if row is not None and row.calibration.edited else ""
            self.attempt(lambda: save(wishes, findings, path), f"Saved the codec as {path}{kept}")

    def export_figure(self, key: object) -> None:
        """Ask where and draw a figure there."""
        kind = exports.figure_kind(str(key))
        path = self.ask_save(f"{kind.key}.png", "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)")
        if path is not None:
            wishes, findings = self._state.wishes, self._state.findings
            work = exports.save_figure_job
            self._controller.work(
                EXPORT, lambda: work(kind, wishes, findings, path), self._on_saved
            )

    def copy_figure(self, key: str) -> None:
        """Put a figure on the clipboard as a picture."""
        kind, wishes, findings = exports.figure_kind(key), self._state.wishes, self._state.findings
        work = exports.figure_png_job
        self._controller.work(
            Busy("copy", "Copying"), lambda: work(kind, wishes, findings), self._on_figure_drawn
        )

    def export_everything(self) -> None:
        """Ask for a folder and save all there is into it."""
        folder = QFileDialog.getExistingDirectory(self._window, "Export everything into")
        if folder:
            self.save_everything(Path(folder))

    def save_everything(self, folder: Path) -> None:
        """Save tables, codec, figures and a screenshot into `folder`."""
        wishes, findings = self._state.wishes, self._state.findings
        self.attempt(lambda: self.save_screenshot(folder / "window.png"), "")
        work = exports.save_everything_job
        self._controller.work(EXPORT, lambda: work(wishes, findings, folder), self._on_saved)

    def export_screenshot(self) -> None:
        """Save a picture of the window."""
        self.save("kvsplice.png", "PNG (*.png)", self.save_screenshot)

    def save_screenshot(self, path: Path) -> None:
        """Save a picture of the window as PNG."""
        picture = self._window.grab()
        with atomic_path(path) as temporary:
            if not picture.save(str(temporary), "PNG"):
                raise KVSpliceError(f"cannot write a picture to {path}")

    def copy_as_command(self) -> None:
        """Copy the command line that reproduces the last result."""
        self.copy_text("command", readouts.as_command(self._state.findings))

    def copy_as_python(self) -> None:
        """Copy the Python that reproduces the last result."""
        self.copy_text("Python", readouts.as_python(self._state.findings))

    def copy_text(self, what: str, text: str) -> None:
        """Put `text` on the clipboard and say that it is there."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None and text:
            clipboard.setText(text)
            self._say(f"Copied as {what}:\n{text}")

    def work(self, job: Work) -> None:
        """Save in the background what a job returns the path of."""
        self._controller.work(Busy("save", "Saving"), job, self._on_saved)

    @pyqtSlot(object)
    def _on_saved(self, saved: object) -> None:
        paths = saved if isinstance(saved, list) else [saved]
        self._say("Saved " + ", ".join(str(path) for path in paths))

    def _on_figure_drawn(self, png: bytes) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setImage(QImage.fromData(png, "PNG"))
            self._say("Copied the figure as a picture.")

    def ask_save(self, name: str, kinds: str) -> Path | None:
        """Ask where to save; None where it was not said, or would overwrite without leave."""
        folder = Path(start_folder(self._state.wishes.data.source))
        path, chosen = QFileDialog.getSaveFileName(
            self._window, "Save as", str(folder / name), kinds
        )
        if not path:
            return None
        if Path(path).suffix:
            return Path(path)  # the dialog itself has asked
        # A name typed without a suffix gets that of the chosen kind.
        full = Path(path + (chosen.partition("*")[2].rstrip(")") or Path(name).suffix))
        return full if may_write(self._window, full) else None


def may_write(parent: QWidget, path: Path) -> bool:
    """Ask whether a file may be written over, where there is one."""
    if not path.exists():
        return True
    answer = QMessageBox.question(parent, "Overwrite?", f"{path} exists already. Overwrite it?")
    return answer == QMessageBox.StandardButton.Yes


def start_folder(source: str) -> str:
    """Return the folder a dialog starts in: that of the open file."""
    path = Path(source)
    return str(path.parent) if path.is_file() else ""
