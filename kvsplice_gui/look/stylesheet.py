"""The style sheet over Fusion: flat, thin borders, compact fields, a visible focus ring."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from PyQt6.QtCore import QDir

if TYPE_CHECKING:
    from kvsplice_gui.look.theme import Theme

_ICONS = "kvspliceicons"  # letters and digits only, says QDir

_TEMPLATE = Template("""
QWidget { color: $text; }
QMainWindow, QDialog, QMenuBar, QStatusBar, QToolBar { background: $window; }
QToolBar { border: none; spacing: 4px; }
QStatusBar { border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QMainWindow::separator { background: $window; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: $accent_soft; }
QSplitter::handle { background: $window; }
QSplitter::handle:hover { background: $accent_soft; }
QToolTip { background: $raised; color: $text; border: 1px solid $outline; padding: 4px 6px; }

QLabel { background: transparent; }
QLabel[role="title"] { font-size: 15px; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="caption"] { color: $muted; font-size: 11px; }
QLabel[role="display"] { font-size: 20px; font-weight: 600; }
QLabel[role="value"] { font-weight: 600; }
QLabel[role="stage-name"] { color: $muted; font-size: 11px; }
QLabel[role="stage-number"] { font-weight: 600; }
QLabel[role="good"] { color: $good; }
QLabel[role="warning"] { color: $warning; }
QLabel[role="error"] { color: $error; }

QPushButton, QToolButton {
  background: $raised; border: 1px solid $outline; border-radius: 4px;
  padding: 3px 11px; min-height: 18px;
}
QToolButton { padding: 2px 6px; }
QPushButton:hover, QToolButton:hover { border-color: $accent; }
QPushButton:pressed, QToolButton:pressed { background: $accent_soft; }
QPushButton:checked, QToolButton:checked { background: $accent_soft; border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $outline; border-color: $border; }
QPushButton:focus, QToolButton:focus { border: 2px solid $accent; padding: 2px 10px; }
QToolButton:focus { padding: 1px 5px; }
QPushButton[role="primary"] {
  background: $accent; color: $on_accent; border-color: $accent; font-weight: 600;
}
QPushButton[role="primary"]:focus { border: 2px solid $text; }
QPushButton[role="primary"]:disabled {
  background: $window; color: $outline; border-color: $border;
}
QPushButton[role="stage"] { border-color: $border; border-radius: 6px; padding: 0; }
QPushButton[role="stage"]:hover { border-color: $accent; background: $accent_soft; }
QPushButton[role="stage"]:focus { border: 2px solid $accent; padding: 0; }
QPushButton[role="quiet"], QToolButton[role="quiet"] {
  background: transparent; border-color: transparent; color: $muted;
}
QPushButton[role="quiet"]:hover, QToolButton[role="quiet"]:hover {
  background: $accent_soft; color: $text;
}
QPushButton[role="quiet"]:checked, QToolButton[role="quiet"]:checked {
  background: $accent_soft; color: $accent;
}
QToolButton[role="quiet"]:disabled { color: $outline; }
QPushButton[role="quiet"]:focus, QToolButton[role="quiet"]:focus { border: 2px solid $accent; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QAbstractSpinBox, QComboBox {
  background: $base; border: 1px solid $outline; border-radius: 4px;
  padding: 2px 6px; min-height: 18px;
  selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus {
  border: 2px solid $accent; padding: 1px 5px;
}
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled {
  color: $outline; background: $window; border-color: $border;
}
QLineEdit[role="formula"] { background: transparent; border: none; color: $muted; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
  border: none; background: transparent; width: 16px; subcontrol-origin: border;
}
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-arrow { image: url($icons:chevron-up.svg); width: 12px; height: 12px; }
QAbstractSpinBox::down-arrow { image: url($icons:chevron-down.svg); width: 12px; height: 12px; }
QComboBox { combobox-popup: 0; }
QComboBox::drop-down { border: none; width: 18px; }
QComboBox::down-arrow { image: url($icons:chevron-down.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView {
  background: $base; border: 1px solid $outline; padding: 2px; outline: 0;
  selection-background-color: $accent; selection-color: $on_accent;
}

QComboBox QAbstractItemView::item { min-height: 20px; }

QSlider:horizontal { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $border; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled { background: $outline; }
QSlider::handle:horizontal {
  background: $base; border: 2px solid $accent; width: 10px; height: 10px;
  margin: -5px 0; border-radius: 7px;
}
QSlider::handle:horizontal:hover { background: $accent_soft; }
QSlider::handle:horizontal:focus { background: $accent; }
QSlider::handle:horizontal:disabled { border-color: $outline; }

QProgressBar {
  background: $border; border: none; border-radius: 3px; max-height: 6px; min-height: 6px;
}
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QCheckBox, QRadioButton { spacing: 6px; background: transparent; }
QCheckBox::indicator, QListView::indicator {
  width: 12px; height: 12px; background: $base; border: 1px solid $outline; border-radius: 3px;
}
QCheckBox::indicator:checked, QListView::indicator:checked {
  background: $accent; border-color: $accent; image: url($icons:check-$name.svg);
}
QCheckBox::indicator:disabled { border-color: $border; background: $window; }
QCheckBox::indicator:checked:disabled { border-color: $outline; background: $outline; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator:focus { border: 2px solid $accent; width: 10px; height: 10px; }
QRadioButton::indicator {
  width: 12px; height: 12px; background: $base; border: 1px solid $outline; border-radius: 7px;
}
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 4px solid $accent; }
QRadioButton::indicator:disabled { border-color: $border; background: $window; }
QRadioButton::indicator:checked:disabled { border-color: $outline; }
QRadioButton:disabled, QCheckBox:disabled { color: $outline; }

QGroupBox {
  border: none; border-top: 1px solid $border; margin-top: 16px; padding-top: 8px;
  font-weight: 600;
}
QGroupBox::title { subcontrol-origin: margin; left: 0; color: $text; }

QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { background: transparent; font-size: 13px; }
QTabBar::tab {
  background: transparent; color: $muted; border: none; border-bottom: 2px solid transparent;
  padding: 4px 12px;
}
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { background: $accent_soft; }

QDockWidget { titlebar-close-icon: none; font-weight: 600; }
QDockWidget::title { background: $window; padding: 4px 8px; text-align: left; }

QMenuBar::item { background: transparent; padding: 4px 8px; border-radius: 4px; }
QMenuBar::item:selected { background: $accent_soft; }
QMenu { background: $raised; border: 1px solid $outline; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 16px; border-radius: 3px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $outline; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenu::indicator { margin-left: 4px; }

QAbstractItemView, QPlainTextEdit, QTextEdit {
  background: $base; border: 1px solid $border; border-radius: 4px;
  selection-background-color: $accent_soft; selection-color: $text;
}
QAbstractItemView { alternate-background-color: $window; gridline-color: $grid; outline: 0; }
QAbstractItemView:focus, QPlainTextEdit:focus, QTextEdit:focus { border-color: $accent; }
QHeaderView { background: $window; border: none; }
QHeaderView::section {
  background: $window; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: 4px 8px; font-weight: 600;
}
QHeaderView::up-arrow, QHeaderView::down-arrow {
  subcontrol-origin: padding; subcontrol-position: center left; width: 9px; height: 9px;
}
QTableCornerButton::section { background: $window; border: none; }

QScrollArea { border: none; background: transparent; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 10px; }
QScrollBar:horizontal { height: 10px; }
QScrollBar::handle { background: $border; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 24px; }
QScrollBar::handle:horizontal { min-width: 24px; }
QScrollBar::handle:hover { background: $outline; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

PlotFrame { background: $base; border: 1px solid $border; border-radius: 6px; }
PlotFrame:focus { border-color: $accent; }
PlotFrame QGraphicsView { border: none; border-radius: 0; background: transparent; }
PlotHeader QToolButton { font-size: 11px; padding: 0 5px; min-height: 16px; }
PlotHeader QToolButton:focus { padding: 0 4px; }
""")


def stylesheet(theme: Theme) -> str:
    """Return the application's style sheet in the colours of `theme`."""
    QDir.setSearchPaths(_ICONS, [str(Path(__file__).parent / "icons")])
    return _TEMPLATE.substitute(asdict(theme), icons=_ICONS)
