"""Which theme a user may ask for; free of Qt, for sessions to name."""

from __future__ import annotations

from enum import StrEnum


class ThemeChoice(StrEnum):
    """The system's theme, or one of ours."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
