"""Progress, cancel and the clock of one call of the pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .errors import Cancelled

Progress = Callable[[str, float], None]


def silent(stage: str, fraction: float) -> None:
    """Nobody wants to know how far it is."""


def never() -> bool:
    """Nobody cancels."""
    return False


@dataclass
class Run:
    """ms: milliseconds by stage."""

    progress: Progress = silent
    cancelled: Callable[[], bool] = never
    ms: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside; a second time adds to the first. Raises `Cancelled` before."""
        self.check()
        self.progress(name, 0.0)
        begin = time.perf_counter()
        yield
        self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - begin) * 1e3

    def check(self) -> None:
        """Raise `Cancelled` when the caller does not want the result any more."""
        if self.cancelled():
            raise Cancelled()

    def finish(self) -> dict[str, float]:
        """Return the milliseconds by stage, with the ``total``."""
        self.ms["total"] = (time.perf_counter() - self.start) * 1e3
        return self.ms
