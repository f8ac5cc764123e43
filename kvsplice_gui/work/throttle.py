"""Which progress values are worth showing: at most 30 a second, and every important one."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_INTERVAL_S = 1 / 30


def carries_news(step: object) -> bool:
    """Tell whether `step` must be shown even when another was shown a moment ago.

    What was found, a finished row, the curve of PCA and a loss are: they come once, and the core
    itself reports losses at most 30 times a second.
    """
    if any(getattr(step, found, None) is not None for found in ("found", "row")):
        return True
    if getattr(step, "pca_curve", None):
        return True
    calibration = getattr(step, "calibration", step)
    return getattr(calibration, "loss", None) is not None


class Throttle:
    """Lets at most 30 steps a second through, and every important one.

    Parameters
    ----------
    important : callable
        Whether a step must not be dropped.
    clock : callable
        Seconds, monotonic.
    """

    def __init__(
        self, important: Callable[[object], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._important = important
        self._clock = clock
        self._last_shown = -STEP_INTERVAL_S
        self._dropped: list[object] = []

    def admits(self, step: object) -> bool:
        """Tell whether to show `step` now; if not, it is kept as the last one dropped."""
        now = self._clock()
        if now - self._last_shown < STEP_INTERVAL_S and not self._important(step):
            self._dropped = [step]
            return False
        self._last_shown = now
        self._dropped = []
        return True

    def take_dropped(self) -> list[object]:
        """Return the last step if it was dropped, else nothing."""
        dropped, self._dropped = self._dropped, []
        return dropped
