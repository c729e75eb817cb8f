"""How many threads a computation may use: one home for everybody who starts some."""

from __future__ import annotations

import os
from typing import Final

# Set by a program that runs several processes side by side, each with its share of the processors.
VARIABLE: Final = "STUDIO_PORTRAIT_THREADS"


def limit() -> int | None:
    """Return the number that was set for this process; None where nobody set one."""
    text = os.environ.get(VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) > 0 else None


def use(count: int) -> None:
    """Hold this process to so many threads. To be called before a network is loaded."""
    os.environ.setdefault("OMP_NUM_THREADS", str(count))
    os.environ[VARIABLE] = str(count)
    import cv2

    cv2.setNumThreads(count)


def processors() -> int:
    """Count the processors that this process may really use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def threads() -> int:
    """Return the number that was set, else all processors that may be used."""
    return limit() or processors()
