"""Every action of the window: its words, its key, what it does, and why it cannot be done now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu

from kvsplice_core.data.samples import SAMPLES
from kvsplice_gui.look.actions import Action, ShownAction, StartButton
from kvsplice_gui.look.theme_choice import ThemeChoice
from kvsplice_gui.readouts import quality_exports, solve_exports
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.readouts.exports import (
    FIGURES,
    FRONTIER_FIGURES,
    QUALITY_FIGURES,
    SOLVE_FIGURES,
    FigureKind,
)
from kvsplice_gui.readouts.frontier import NEEDS_DATA
from kvsplice_gui.state import settings
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.wishes import Wishes

if TYPE_CHECKING:
    from kvsplice_gui.desks.activity import Desk
    from kvsplice_gui.window.main_window import MainWindow

Item = Action | QAction | None
"""What a menu holds; None for a line."""
Why = Callable[[], str]

_SAVE = "Save the evaluated card, and its evaluation with it"
_EVALUATE_FIRST = "Evaluate this k first"
_SAVE_SOLVED = "Save the card of the budget that was solved for, and its evaluation with it"
_COPY = "Put on the clipboard what repeats it elsewhere, to the same numbers"
_NEEDS_RESULT = "Open vectors first"
_CURVE_FIRST = "Measure quality first"
_MAP_FIRST = "Measure a sensitivity map first"
_MEASURE_FIRST = "Measure a frontier first"
_SOLVE_FIRST = "Solve for a budget first"
_HELD = "Let go of the knot first"


class Menus:
    """The menu bar, and the buttons that do the same.

    Attributes
    ----------
    actions : list of ShownAction
        All of them.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._state, self._controller = window.state, window.controller
        self.actions: list[ShownAction] = []
        self._save_card = self._made(
            Action(
                "Save c&ard…",
                window.quality.save_card,
                "Ctrl+Shift+K",
                _SAVE,
                self._needs(_EVALUATE_FIRST, quality_exports.can_save_card),
            )
        )
        self._file_menu()
        self._add(self._menu("&Edit"), self._edit())
        self._add(self._menu("&Run"), self._run())
        self._add(self._menu("&Quality"), self._quality())
        self._add(self._menu("F&rontier"), self._frontier())
        self._view_menu()
        self._add(self._menu("&Help"), self._help())

    def refresh(self) -> None:
        """Show what can be done now, and why the rest cannot."""
        for action in self.actions:
            action.refresh()

    def named(self, name: str) -> ShownAction:
        """Return the action whose name begins with `name`."""
        return next(a for a in self.actions if a.text().replace("&", "").startswith(name))

    # Why not --------------------------------------------------------------------------------

    def _busy(self) -> str:
        return self._controller.busy.why_not

    def _needs(self, missing: str, is_there: Callable[[Wishes, Findings], object]) -> Why:
        """Return why something cannot be done: work is going on, or what it needs is missing."""

        def why_not() -> str:
            there = is_there(self._state.wishes, self._state.findings)
            return self._busy() or ("" if there else missing)

        return why_not

    def _nothing_runs(self) -> str:
        busy = self._controller.busy
        return "" if busy and not busy.is_cancelling else "Nothing is running"

    def _knots_rest(self, reason: str, is_there: Callable[[], object]) -> Why:
        """Return why the knots cannot be walked through now."""
        knots = self._window.knots

        def why_not() -> str:
            if knots.are_moved:
                return self._busy()
            return _HELD if knots.edits.held is not None else "" if is_there() else reason

        return why_not

    # The menus ------------------------------------------------------------------------------

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        if bar is None:
            raise RuntimeError("the window has no menu bar")
        return self._shown(bar.addMenu(title))

    @staticmethod
    def _shown(menu: QMenu | None) -> QMenu:
        if menu is None:
            raise RuntimeError("Qt made no menu")
        menu.setToolTipsVisible(True)
        return menu

    def _made(self, action: Action) -> ShownAction:
        made = action.made(self._window)
        self.actions.append(made)
        return made

    def _add(self, menu: QMenu, items: Iterable[Item]) -> None:
        for item in items:
            if item is None:
                menu.addSeparator()
            else:
                menu.addAction(self._made(item) if isinstance(item, Action) else item)

    def _start(
        self, text: str, desk: Desk[Any], key: str, help_text: str, *buttons: StartButton
    ) -> Action:
        return Action(text, desk.start, key, help_text, desk.why_not, buttons=buttons)

    def _figures(
        self, kinds: Iterable[FigureKind], title: str, why: Callable[[str], Why]
    ) -> list[Item]:
        export = self._window.takeaway.export_figure
        return [
            Action(title.format(kind.title), partial(export, kind.key), why_not=why(kind.key))
            for kind in kinds
        ]

    def _file_menu(self) -> None:
        window, menu = self._window, self._menu("&File")
        opening = (
            Action("&Open…", window.open_file, "Ctrl+O", "Open a file of V vectors"),
            Action(
                "&Capture from a model…",
                window.capturing.show,
                "Ctrl+N",
                "Let a language model read, and take the vectors of its cache",
            ),
        )
        self._add(menu, opening)
        samples = self._shown(menu.addMenu("Open &sample"))
        self._add(
            samples,
            (
                Action(f"{name} — {text}", partial(window.open_source, name), f"Ctrl+{i}")
                for i, (name, text) in enumerate(SAMPLES.items(), start=1)
            ),
        )
        self.recent = self._shown(menu.addMenu("Open &recent"))
        self.recent.aboutToShow.connect(self._fill_recent)
        menu.addSeparator()
        self._add(self._shown(menu.addMenu("&Export")), self._export())
        self._add(menu, (None, self._save_card, Action("&Quit", window.close, "Ctrl+Q")))

    def _fill_recent(self) -> None:
        window, paths = self._window, settings.recent_files()
        self.recent.clear()
        for path in paths:
            action = Action(str(path), partial(window.open_source, str(path)))
            self.recent.addAction(action.made(window))
        if not paths:
            nothing = Action("No file was opened yet", lambda: None, why_not=lambda: "None was")
            self.recent.addAction(nothing.made(window))
            return
        self.recent.addSeparator()
        self.recent.addAction(Action("Clear", settings.clear_recent_files).made(window))

    def _export(self) -> list[Item]:
        take, why = self._window.takeaway, self._needs(_NEEDS_RESULT, lambda _, f: f.result)
        return [
            Action("Table as &CSV…", take.export_csv, "Ctrl+E", why_not=why),
            Action("Everything known as &JSON…", take.export_json, why_not=why),
            Action("C&odec in focus…", take.export_codec, "Ctrl+Shift+E", why_not=why),
            None,
            *self._figures(FIGURES, "{}…", lambda _: why),
            None,
            Action("&All of it into a folder…", take.export_everything, why_not=why),
            Action("&Screenshot of the window…", take.export_screenshot, "Ctrl+Shift+S"),
        ]

    def _edit(self) -> list[Item]:
        knots = self._window.knots
        return [
            Action(
                self._undo,
                knots.undo,
                "Ctrl+Z",
                "Undo the last edit of knots",
                self._knots_rest("No edit to undo", lambda: knots.edits.undo_name),
            ),
            Action(
                self._redo,
                knots.redo,
                "Ctrl+Shift+Z",
                "Do it again",
                self._knots_rest("No edit to do again", lambda: knots.edits.redo_name),
            ),
            None,
            Action(
                "&Edit knots",
                knots.toggle,
                "Ctrl+B",
                "Take hold of the spline's knots",
                knots.why_not_open,
                lambda: knots.edits.is_open,
            ),
            Action(
                "Re&set to calibrated",
                knots.reset,
                help="Back to the knots as they were calibrated; redo walks forth again",
                why_not=self._knots_rest("Nothing is edited", lambda: knots.edits.is_edited),
            ),
        ]

    def _undo(self) -> str:
        return f"&Undo {self._window.knots.edits.undo_name}".strip()

    def _redo(self) -> str:
        return f"&Redo {self._window.knots.edits.redo_name}".strip()

    def _run(self) -> list[Item]:
        window, views, take = self._window, self._window.views, self._window.takeaway
        needs_data = self._needs(NEEDS_DATA, lambda _, f: f.dataset)
        needs_result = self._needs(_NEEDS_RESULT, lambda _, f: f.result)
        return [
            Action(
                "&Calibrate",
                window.controller.calibrate,
                "Ctrl+R",
                "Calibrate every method",
                needs_data,
                buttons=(views.calibration.calibrate_button,),
            ),
            Action(
                "&Let it learn from here",
                window.knots.learn,
                "Ctrl+J",
                "Calibration at the chosen k goes on from the knots in the hand",
                self._needs("Edit knots first", lambda _, f: f.knots.present),
            ),
            Action(
                "&Update a codec with these vectors…",
                window.updating.show,
                "Ctrl+U",
                "Go on with a saved codec on the open vectors, and see how far they have drifted",
                needs_data,
            ),
            Action(
                "C&ancel",
                window.controller.cancel,
                "Esc",
                "Stop; what is finished stays",
                self._nothing_runs,
            ),
            None,
            Action("k &down", partial(window.step_k, -1), "Ctrl+Left"),
            Action("k &up", partial(window.step_k, 1), "Ctrl+Right"),
            None,
            Action("Copy as co&mmand", take.copy_as_command, "Ctrl+Shift+C", _COPY, needs_result),
            Action("Copy as &Python", take.copy_as_python, "Ctrl+Shift+P", _COPY, needs_result),
        ]

    def _quality(self) -> list[Item]:
        desk, views = self._window.quality, self._window.views
        panel, start = views.quality_panel, self._start
        curve = self._needs(_CURVE_FIRST, lambda _, f: f.quality.curve)
        mapped = self._needs(_MAP_FIRST, lambda _, f: f.quality.sensitivity)
        return [
            start(
                "&Measure quality", desk.curve, "Ctrl+M", "Cost at every k", panel.measure_button
            ),
            start(
                "&Evaluate this k",
                desk.evaluation,
                "Ctrl+K",
                "With the whole audit",
                panel.evaluate_button,
            ),
            start(
                "&Sensitivity map",
                desk.map,
                "Ctrl+Shift+M",
                "What each head costs alone",
                panel.map_button,
            ),
            start(
                "Measure cache &memory",
                self._window.measuring,
                "Ctrl+Alt+M",
                "Bytes of the real cache beside the formula, and the cost of decoding",
                views.memory_panel.measure_button,
            ),
            None,
            self._save_card,
            Action("Curve as &CSV…", desk.export_csv, why_not=curve),
            Action("Curve as &JSON…", desk.export_json, why_not=curve),
            Action("Copy as c&ommand", desk.copy_as_command, "Ctrl+Alt+C", _COPY, curve),
            None,
            *self._figures(
                QUALITY_FIGURES, "{}…", lambda key: curve if key == "quality_vs_k" else mapped
            ),
        ]

    def _frontier(self) -> list[Item]:
        desk, panel = self._window.frontier, self._window.views.frontier_panel
        why = self._needs(_MEASURE_FIRST, lambda _, f: f.frontier.result)
        return [
            self._start(
                "&Measure frontier",
                desk,
                "Ctrl+Shift+F",
                "Every pipeline at every budget",
                panel.measure_button,
            ),
            Action("&Show frontier", desk.show, "Ctrl+Alt+F", "Bring it to the front"),
            None,
            Action("Points as &CSV…", desk.export_csv, "", "pipeline, bits, nmse, …", why),
            Action("Everything known as &JSON…", desk.export_json, why_not=why),
            *self._figures(FRONTIER_FIGURES, "&{} as a figure…", lambda _: why),
            Action("Copy frontier as comman&d", desk.copy_as_command, "", _COPY, why),
            Action("Copy frontier as &Python", desk.copy_as_python, "", _COPY, why),
            None,
            *self._solve(),
        ]

    def _solve(self) -> list[Item]:
        desk, views, state = self._window.solving, self._window.views, self._state
        why = self._needs(_SOLVE_FIRST, lambda _, f: f.solved)
        card = self._needs(_SOLVE_FIRST, lambda _, f: solve_exports.can_save_card(f))
        return [
            Action(
                lambda: solve_readouts.label(state.wishes).replace("l", "&l", 1),
                desk.start,
                "Ctrl+Shift+B",
                lambda: solve_readouts.ready(state.wishes),
                desk.why_not,
                buttons=(views.frontier_view.solve_button, views.solve_panel.button),
            ),
            Action("Save solved c&ard…", desk.save_card, "Ctrl+Alt+K", _SAVE_SOLVED, card),
            Action("&Given bits as CSV…", desk.export_csv, why_not=why),
            Action("Everything given as JS&ON…", desk.export_json, why_not=why),
            *self._figures(SOLVE_FIGURES, "{} as a figure…", lambda _: why),
            Action("Copy sol&ve as command", desk.copy_as_command, "", _COPY, why),
            Action("Copy solve as P&ython", desk.copy_as_python, "", _COPY, why),
        ]

    def _view_menu(self) -> None:
        window, menu, state = self._window, self._menu("&View"), self._state
        log = Action(
            "&Logarithmic MSE axis",
            window.toggle_log,
            "Ctrl+L",
            is_on=lambda: state.wishes.view.log_mse,
        )
        self._add(menu, (log,))
        themes, group = self._shown(menu.addMenu("&Theme")), QActionGroup(window)
        for choice in ThemeChoice:
            action = self._made(
                Action(
                    choice.value.capitalize(),
                    partial(window.choose_theme, choice.value),
                    is_on=partial(self._has_theme, choice),
                )
            )
            group.addAction(action)
            themes.addAction(action)
        docks = (dock.toggleViewAction() for dock in window.layout_of.docks.values())
        reset = Action("&Reset layout", window.layout_of.reset, "Ctrl+0")
        self._add(menu, (None, *docks, None, reset))

    def _has_theme(self, choice: ThemeChoice) -> bool:
        return self._state.wishes.view.theme == choice.value

    def _help(self) -> list[Item]:
        window = self._window
        return [
            Action("&Method in short", window.show_method, "F1"),
            Action("&About KVSplice", window.show_about),
        ]


def file_filter() -> str:
    """Return the files the open dialog shows."""
    return "V vectors (*.safetensors *.pt *.pth *.npy *.npz);;All files (*)"
