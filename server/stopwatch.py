"""Milliseconds by name, as results tell them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Measure named stretches: ``with watch("read"): ...``; ms has what was measured."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what is done in the block, under a name."""
        start = time.perf_counter()
        yield
        self.ms[name] = round((time.perf_counter() - start) * 1e3, 1)
