"""Every action of the window, its words and its key, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMenu

from kvsplice_core.data.samples import SAMPLES
from kvsplice_gui.look.theme import ThemeChoice
from kvsplice_gui.readouts.exports import FIGURES, FRONTIER_FIGURES, QUALITY_FIGURES, SOLVE_FIGURES
from kvsplice_gui.readouts.solve import BY_BITS, NEEDS_CAPTURE, READY
from kvsplice_gui.state import settings
from kvsplice_gui.state.knot_edits import MOVES_KNOTS, KnotEdits

if TYPE_CHECKING:
    from kvsplice_gui.window.main_window import MainWindow

_SAVE = "Save the evaluated card, and its evaluation with it"
_EVALUATE_FIRST = "Evaluate this k first"
_SAVE_SOLVED = "Save the card of the budget that was solved for, and its evaluation with it"
_COPY = "Put on the clipboard what repeats it elsewhere, to the same numbers"
_MEASURE_FIRST = "Measure a frontier first"
_SOLVE_FIRST = "Solve for a budget first"


class Menus:
    """The menu bar; actions that need data or a result are disabled until there is one."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._needs_data: list[QAction] = []
        self._needs_result: list[QAction] = []
        self._needs_work: list[QAction] = []
        self._needs_quality: dict[str, list[QAction]] = {}
        self._file_menu()
        self._edit_menu()
        self._run_menu()
        self._quality_menu()
        self._frontier_menu()
        self._view_menu()
        self._help_menu()
        self.show_availability(data=False, result=False, busy="")
        self.show_knot_availability(KnotEdits(), can_open=False, busy="")
        self.show_quality_availability(
            capture=False, curve=False, card=False, sensitivity=False, busy=""
        )
        self.show_frontier_availability(data=False, result=False, busy="")
        self.show_solve(BY_BITS, READY, NEEDS_CAPTURE)
        self.show_solve_availability(solved=False, card=False, busy="")

    def show_availability(self, *, data: bool, result: bool, busy: str) -> None:
        """Enable what can be done now."""
        for action in self._needs_data:
            action.setEnabled(data and not busy)
        for action in self._needs_result:
            action.setEnabled(result and not busy)
        for action in self._needs_work:
            action.setEnabled(bool(busy) and busy != "Cancelling")

    def show_quality_availability(
        self, *, capture: bool, curve: bool, card: bool, sensitivity: bool, busy: str
    ) -> None:
        """Enable what can be done now with the open capture, and with what was measured."""
        known = {
            "capture": capture,
            "card": card,
            "quality_vs_k": curve,
            "sensitivity_map": sensitivity,
        }
        for need, actions in self._needs_quality.items():
            for action in actions:
                action.setEnabled(known[need] and not busy)
        for action in self._needs_quality["card"]:
            action.setStatusTip(_SAVE if card else _EVALUATE_FIRST)
            action.setToolTip(_SAVE if card else _EVALUATE_FIRST)

    def show_knot_availability(self, edits: KnotEdits, *, can_open: bool, busy: str) -> None:
        """Name what undo takes back, and enable what can be done with the knots now."""
        is_free = edits.held is None and busy not in MOVES_KNOTS
        for action, word, name in (
            (self.undo, "&Undo", edits.undo_name),
            (self.redo, "&Redo", edits.redo_name),
        ):
            action.setText(f"{word} {name}".strip())
            action.setEnabled(bool(name) and is_free)
        self.reset_knots.setEnabled(edits.is_edited and is_free)
        self.edit_knots.setChecked(edits.is_open)
        self.edit_knots.setEnabled(can_open)
        self.learn_from_here.setEnabled(edits.present is not None and not busy)

    def show_frontier_availability(self, *, data: bool, result: bool, busy: str) -> None:
        """Enable what can be done now with the open vectors, and with their frontier."""
        self._measure_frontier.setEnabled(data and not busy)
        for action in self._needs_frontier:
            action.setEnabled(result and not busy)
        for action in self._copy_frontier:
            _allow(action, "" if result else _MEASURE_FIRST, busy)

    def show_solve(self, label: str, ready: str, obstacle: str) -> None:
        """Offer to solve for a budget or a loss; its help says why where it cannot be."""
        self._solve.setText(label.replace("l", "&l", 1))
        self._solve.setEnabled(not obstacle)
        self._solve.setStatusTip(obstacle or ready)
        self._solve.setToolTip(obstacle or ready)

    def show_solve_availability(self, *, solved: bool, card: bool, busy: str) -> None:
        """Enable what can be done now with what was solved for."""
        self._save_solved.setEnabled(card and not busy)
        for action in self._needs_solved:
            action.setEnabled(solved and not busy)
        for action in self._copy_solve:
            _allow(action, "" if solved else _SOLVE_FIRST, busy)

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        if bar is None:
            raise RuntimeError("the window has no menu bar")
        return self._sub(bar.addMenu(title))

    @staticmethod
    def _sub(menu: QMenu | None) -> QMenu:
        if menu is None:
            raise RuntimeError("Qt made no menu")
        return menu

    def _add(
        self, menu: QMenu, text: str, slot: Callable[[], object], key: str = "", help_text: str = ""
    ) -> QAction:
        action = QAction(text, self._window)
        action.triggered.connect(lambda _checked=False: slot())
        if key:
            action.setShortcut(QKeySequence(key))
        action.setStatusTip(help_text)
        menu.addAction(action)
        return action

    def _file_menu(self) -> None:
        window, menu = self._window, self._menu("&File")
        self._add(menu, "&Open…", window.open_file, "Ctrl+O", "Open a file of V vectors")
        self._add(
            menu,
            "&Capture from a model…",
            window.capturing.show,
            "Ctrl+N",
            "Let a language model read, and take the vectors of its cache",
        )
        samples = self._sub(menu.addMenu("Open &sample"))
        for i, (name, description) in enumerate(SAMPLES.items(), start=1):
            self._add(
                samples, f"{name} — {description}", _bound(window.open_source, name), f"Ctrl+{i}"
            )
        self.recent = self._sub(menu.addMenu("Open &recent"))
        self.recent.aboutToShow.connect(self._fill_recent)
        menu.addSeparator()
        self._export_menu(self._sub(menu.addMenu("&Export")))
        menu.addSeparator()
        self.file, self._quit = menu, self._add(menu, "&Quit", window.close, "Ctrl+Q")

    def _fill_recent(self) -> None:
        self.recent.clear()
        paths = settings.recent_files()
        for path in paths:
            self._add(self.recent, str(path), _bound(self._window.open_source, str(path)))
        if not paths:
            nothing = self._add(self.recent, "No file was opened yet", lambda: None)
            nothing.setEnabled(False)
            return
        self.recent.addSeparator()
        self._add(self.recent, "Clear", settings.clear_recent_files)

    def _export_menu(self, menu: QMenu) -> None:
        window = self._window
        add = self._needs_result.append
        add(self._add(menu, "Table as &CSV…", window.takeaway.export_csv, "Ctrl+E"))
        add(self._add(menu, "Everything known as &JSON…", window.takeaway.export_json))
        add(self._add(menu, "C&odec in focus…", window.takeaway.export_codec, "Ctrl+Shift+E"))
        menu.addSeparator()
        for kind in FIGURES:
            add(self._add(menu, f"{kind.title}…", _bound(window.takeaway.export_figure, kind.key)))
        menu.addSeparator()
        add(self._add(menu, "&All of it into a folder…", window.takeaway.export_everything))
        self._add(
            menu, "&Screenshot of the window…", window.takeaway.export_screenshot, "Ctrl+Shift+S"
        )

    def _edit_menu(self) -> None:
        menu, knots = self._menu("&Edit"), self._window.knots
        self.undo = self._add(menu, "&Undo", knots.undo, "Ctrl+Z", "Undo the last edit of knots")
        self.redo = self._add(menu, "&Redo", knots.redo, "Ctrl+Shift+Z", "Do it again")
        menu.addSeparator()
        self.edit_knots = self._add(
            menu, "&Edit knots", knots.toggle, "Ctrl+B", "Take hold of the spline's knots"
        )
        self.edit_knots.setCheckable(True)
        self.reset_knots = self._add(
            menu,
            "Re&set to calibrated",
            knots.reset,
            help_text="Back to the knots as they were calibrated; redo walks forth again",
        )

    def _run_menu(self) -> None:
        window, menu = self._window, self._menu("&Run")
        calibrate = self._add(
            menu, "&Calibrate", window.controller.calibrate, "Ctrl+R", "Calibrate every method"
        )
        self._needs_data.append(calibrate)
        self.learn_from_here = self._add(
            menu,
            "&Let it learn from here",
            window.knots.learn,
            "Ctrl+J",
            "Calibration at the chosen k goes on from the knots in the hand",
        )
        update = self._add(
            menu,
            "&Update a codec with these vectors…",
            window.updating.show,
            "Ctrl+U",
            "Go on with a saved codec on the open vectors, and see how far they have drifted",
        )
        self._needs_data.append(update)
        cancel = self._add(
            menu, "C&ancel", window.controller.cancel, "Esc", "Stop; the last result stays"
        )
        self._needs_work.append(cancel)
        menu.addSeparator()
        self._add(menu, "k &down", _bound(window.step_k, -1), "Ctrl+Left")
        self._add(menu, "k &up", _bound(window.step_k, 1), "Ctrl+Right")
        menu.addSeparator()
        add = self._needs_result.append
        add(self._add(menu, "Copy as co&mmand", window.takeaway.copy_as_command, "Ctrl+Shift+C"))
        add(self._add(menu, "Copy as &Python", window.takeaway.copy_as_python, "Ctrl+Shift+P"))

    def _quality_menu(self) -> None:
        desk, menu = self._window.quality, self._menu("&Quality")
        control = desk.control
        capture = [
            self._add(menu, "&Measure quality", control.measure, "Ctrl+M", "Cost at every k"),
            self._add(menu, "&Evaluate this k", control.evaluate, "Ctrl+K", "With the whole audit"),
            self._add(menu, "&Sensitivity map", control.map_sensitivity, "Ctrl+Shift+M"),
            self._add(
                menu,
                "Measure cache &memory",
                self._window.measuring.measure,
                "Ctrl+Alt+M",
                "Bytes of the real cache beside the formula, and the cost of decoding",
            ),
        ]
        menu.addSeparator()
        menu.setToolTipsVisible(True)
        self.file.setToolTipsVisible(True)
        card = self._add(menu, "Save c&ard…", desk.save_card, "Ctrl+Shift+K")
        curve = [
            self._add(menu, "Curve as &CSV…", desk.export_csv),
            self._add(menu, "Curve as &JSON…", desk.export_json),
            self._add(menu, "Copy as c&ommand", desk.copy_as_command, "Ctrl+Alt+C"),
        ]
        menu.addSeparator()
        self._needs_quality = {"capture": capture, "card": [card], "quality_vs_k": curve}
        for kind in QUALITY_FIGURES:
            slot = _bound(self._window.takeaway.export_figure, kind.key)
            action = self._add(menu, f"{kind.title}…", slot)
            self._needs_quality.setdefault(kind.key, []).append(action)
        self.file.insertAction(self._quit, card)

    def _frontier_menu(self) -> None:
        desk, menu = self._window.frontier, self._menu("F&rontier")
        measure = desk.control.measure
        self._measure_frontier = self._add(
            menu, "&Measure frontier", measure, "Ctrl+Shift+F", "Every pipeline at every budget"
        )
        self._add(menu, "&Show frontier", desk.show, "Ctrl+Alt+F", "Bring it to the front")
        menu.addSeparator()
        self._needs_frontier = [
            self._add(menu, "Points as &CSV…", desk.export_csv, "", "pipeline, bits, nmse, …"),
            self._add(menu, "Everything known as &JSON…", desk.export_json),
        ]
        for kind in FRONTIER_FIGURES:
            slot = _bound(self._window.takeaway.export_figure, kind.key)
            self._needs_frontier.append(self._add(menu, f"&{kind.title} as a figure…", slot))
        self._copy_frontier = [
            self._add(menu, "Copy frontier as comman&d", desk.copy_as_command),
            self._add(menu, "Copy frontier as &Python", desk.copy_as_python),
        ]
        menu.addSeparator()
        self._solve_actions(menu)

    def _solve_actions(self, menu: QMenu) -> None:
        desk = self._window.solving
        menu.setToolTipsVisible(True)
        self._solve = self._add(menu, BY_BITS, desk.control.solve, "Ctrl+Shift+B")
        self._save_solved = self._add(
            menu, "Save solved c&ard…", desk.save_card, "Ctrl+Alt+K", _SAVE_SOLVED
        )
        self._needs_solved = [
            self._add(menu, "&Given bits as CSV…", desk.export_csv),
            self._add(menu, "Everything given as JS&ON…", desk.export_json),
        ]
        for kind in SOLVE_FIGURES:
            slot = _bound(self._window.takeaway.export_figure, kind.key)
            self._needs_solved.append(self._add(menu, f"{kind.title} as a figure…", slot))
        self._copy_solve = [
            self._add(menu, "Copy sol&ve as command", desk.copy_as_command),
            self._add(menu, "Copy solve as P&ython", desk.copy_as_python),
        ]

    def _view_menu(self) -> None:
        window, menu = self._window, self._menu("&View")
        self.log_mse = self._add(menu, "&Logarithmic MSE axis", window.toggle_log, "Ctrl+L")
        self.log_mse.setCheckable(True)
        themes, group = self._sub(menu.addMenu("&Theme")), QActionGroup(window)
        self.themes: dict[str, QAction] = {}
        for choice in ThemeChoice:
            slot = _bound(window.choose_theme, choice.value)
            action = self._add(themes, choice.value.capitalize(), slot)
            action.setCheckable(True)
            group.addAction(action)
            self.themes[choice.value] = action
        menu.addSeparator()
        for dock in window.layout_of.docks.values():
            menu.addAction(dock.toggleViewAction())
        menu.addSeparator()
        self._add(menu, "&Reset layout", window.layout_of.reset, "Ctrl+0")

    def _help_menu(self) -> None:
        menu = self._menu("&Help")
        self._add(menu, "&Method in short", self._window.show_method, "F1")
        self._add(menu, "&About KVSplice", self._window.show_about)


def _allow(action: QAction, obstacle: str, busy: str) -> None:
    """Enable what copies, or let its help say why it cannot."""
    reason = f"{busy}: wait until that is done" if busy else obstacle
    action.setEnabled(not reason)
    action.setStatusTip(reason or _COPY)
    action.setToolTip(reason or _COPY)


def _bound(function: Callable[[object], object], value: object) -> Callable[[], object]:
    return lambda: function(value)


def file_filter() -> str:
    """Return the files the open dialog shows."""
    return "V vectors (*.safetensors *.pt *.pth *.npy *.npz);;All files (*)"
