"""GIMP's progress bar: one bar from the first strip to the new layer, which never goes back."""

from __future__ import annotations

import math
import time

from gi.repository import Gimp
from link.wire import STAGES
from translation import sentence

_UPDATE_SECONDS = 0.1

# Where each stage begins and ends, about as the time goes; how long it usually takes.
_SPANS = {
    "queue": (0.0, 0.02, 2.0),
    "upload": (0.02, 0.15, 1.0),
    "load": (0.15, 0.3, 4.0),
    "faces": (0.3, 0.45, 0.5),
    "filter": (0.45, 0.55, 0.3),
    "predict": (0.55, 0.8, 1.0),
    "reconstruct": (0.8, 0.9, 0.5),
    "download": (0.9, 1.0, 1.0),
}


class OverallProgress:
    """Turns stages and their shares into one share of the whole that only grows.

    A stage that cannot tell how far it is (a network that loads) creeps on with time, ever slower.
    """

    def __init__(self) -> None:
        self.stage = ""
        self.share = 0.0
        self._since = 0.0

    def at(self, stage: str, fraction: float) -> float:
        """Return the share of the whole, 0..1, at `fraction` of `stage`."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self._since = stage, now
        begin, end, usual = _SPANS.get(stage, (0.0, 1.0, 1.0))
        crept = 0.9 * (1 - math.exp(-(now - self._since) / usual))
        reached = begin + (end - begin) * min(max(fraction, crept), 1.0)
        self.share = max(self.share, reached)
        return self.share


class Bar:
    """Shows stages in GIMP's window."""

    def __init__(self) -> None:
        self._overall = OverallProgress()
        self._shown = 0.0

    def show(self, stage: str, fraction: float) -> None:
        """Show the stage's sentence and the share of the whole."""
        before, now = self._overall.stage, time.monotonic()
        share = self._overall.at(stage, fraction)
        if stage != before:
            words = sentence(STAGES.get(stage, stage))
            Gimp.progress_set_text(words) if before else Gimp.progress_init(words)
        elif now - self._shown < _UPDATE_SECONDS:
            return
        self._shown = now
        Gimp.progress_update(share)
