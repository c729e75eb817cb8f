"""Several things timed turn by turn, since a machine is not equally quick all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any


def measure(ways: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, list[float]]:
    """Seconds of every turn by name; one more, the first, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return seconds
