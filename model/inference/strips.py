"""Work on rows of a picture, a strip at a time and side by side.

A strip is small enough for the processor's cache, and numpy and OpenCV let other threads run meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

from .threads import threads

Item = TypeVar("Item")

MOST: Final = 8  # threads
# Of 512 samples by three channels; fewer cost more time in waiting for the interpreter's lock.
ROWS: Final = 128


def in_strips(rows: int, work: Callable[[slice], None]) -> None:
    """Call `work` for strips of 0..rows-1, which together are all of them; raises what it raises."""
    for _ in side_by_side(work, [slice(top, min(top + ROWS, rows)) for top in range(0, rows, ROWS)]):
        pass


def side_by_side(work: Callable[[Item], None], items: Sequence[Item]) -> Iterator[None]:
    """Call `work` for each item, and yield as they end, in order.

    Raises what it raises, once none is at work any more. A `work` that calls this again does all of its items
    itself: were it to wait for threads that wait like itself, none would ever end.
    """
    many = min(threads(), MOST)
    if many < 2 or len(items) < 2 or getattr(_here, "works", False):
        for item in items:
            work(item)
            yield
        return
    pool = _pool(many)
    begun = [pool.submit(work, item) for item in items]
    try:
        for one in begun:
            yield one.result()
    finally:
        for one in begun:
            one.cancel()
        wait(begun)


_here = threading.local()


def _begin() -> None:
    _here.works = True


def _pool(many: int) -> ThreadPoolExecutor:
    """Return the threads of the calling one: to start them takes longer than many a step.

    A forked process has none of them. Pictures that are worked on at a time do not wait for each other's.
    """
    key = (many, os.getpid())
    if getattr(_here, "key", None) != key:
        _here.key, _here.pool = key, ThreadPoolExecutor(many, "strips", _begin)
    pool: ThreadPoolExecutor = _here.pool
    return pool
