"""How far a batch is: a bar on a terminal, elsewhere a line now and then; failures as they happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .terminal import is_terminal, printable, progress_bars, tell

if TYPE_CHECKING:
    from ..batch.item import Outcome
    from ..batch.run import Tally

LINE_SECONDS = 10.0  # between two lines of progress where there is no terminal
Show = Callable[["Tally", "Outcome | None"], None]


@contextmanager
def shown() -> Iterator[Show]:
    """Yield a bar on a terminal, else a line now and then; failures as they happen."""
    if not is_terminal():
        yield _ProgressLines()
        return
    from rich.progress import BarColumn, TextColumn

    with progress_bars(BarColumn(), TextColumn("{task.description}", markup=False)) as bars:
        bar = bars.add_task("Starting", total=None)

        def show(tally: Tally, outcome: Outcome | None) -> None:
            if failure := _failure(outcome):
                bars.console.print(printable(failure), markup=False, highlight=False, soft_wrap=True)
            done = tally.proven + tally.ended
            bars.update(bar, total=tally.total, completed=done, description=_state(tally))

        yield show


class _ProgressLines:
    """Progress for a log."""

    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, tally: Tally, outcome: Outcome | None) -> None:
        if failure := _failure(outcome):
            tell(failure)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            tell(_state(tally))


def _state(tally: Tally) -> str:
    from ..batch.run import in_words

    total = "?" if tally.total is None else str(tally.total)
    left = "" if tally.left is None else f", {in_words(tally.left)} left"
    failed = f", {tally.failed} failed" if tally.failed else ""
    return f"{tally.proven + tally.ended} of {total}{failed}, {tally.rate:.2f} a second{left}"


def _failure(outcome: Outcome | None) -> str:
    """Return a line for a picture that failed, nothing for others."""
    failed = outcome and outcome["status"] == "failed"
    return f"{outcome['input']}: {outcome['message']}" if outcome and failed else ""
