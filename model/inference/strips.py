"""Work on rows of a picture, a strip at a time and side by side.

A strip is small enough for the processor's cache, and numpy and OpenCV let other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .threads import threads

ROWS = 128  # of 512 samples by three channels; fewer cost more time in waiting for the interpreter's lock


def in_strips(rows: int, work: Callable[[slice], None]) -> None:
    """Call `work` for strips of 0..rows-1, which together are all of them; raises what it raises."""
    strips = [slice(top, min(top + ROWS, rows)) for top in range(0, rows, ROWS)]
    many = min(len(strips), threads(), 8)
    if many < 2:
        for strip in strips:
            work(strip)
        return
    with ThreadPoolExecutor(many) as pool:
        for _ in pool.map(work, strips):
            pass
