"""The server's log: one file of the state folder, never larger than a few megabytes.

Only one process writes it, so that it can be turned over: what the processes under it say comes
through pipes (`forward`). Lines about a job begin with ``job`` and the first digits of its id. Pixels and
users' files are never in it; the server knows no file names to begin with. Nobody can flood it: of lines
of one kind only so many a minute are written, and the rest is counted.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

PLAIN = "%(name)s: %(message)s"  # of a process whose lines are forwarded
FORMAT = f"%(asctime)s {PLAIN}"
MAX_BYTES, KEPT = 1 << 20, 2
MAX_LINE = 4096
BURST, PER_SECOND = 500, 2.0  # lines of one kind: at once, and from then on
KINDS = 256  # that are told apart

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _File(RotatingFileHandler):
    """Takes standard error along when that is the same file, as it is for a server that GIMP started."""

    def __init__(self, path: Path):
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=KEPT, delay=True)
        self._stderr = _is_stderr(path)

    def doRollover(self) -> None:
        super().doRollover()
        if self._stderr:
            stream = self.stream = self._open()
            os.dup2(stream.fileno(), 2)


@dataclass
class _Budget:
    """Lines of one kind: how many may still be written, since when that is known, how many were left out."""

    left: float
    since: float
    missed: int = 0


class RateLimit(logging.Filter):
    """Leaves lines out when too many of one kind (logger and wording) come, and says later how many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._clock = clock
        self._budgets: dict[tuple[str, str], _Budget] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        now = self._clock()
        if len(self._budgets) > KINDS:
            self._budgets.clear()
        budget = self._budgets.setdefault((record.name, str(record.msg)), _Budget(BURST, now))
        budget.left = min(BURST, budget.left + (now - budget.since) * PER_SECOND)
        budget.since = now
        if budget.left < 1:
            budget.missed += 1
            return False
        budget.left -= 1
        if budget.missed:
            record.msg = f"{record.getMessage()} (and {budget.missed} lines like this before it)"
            record.args, budget.missed = (), 0
        return True


class _OneLine(logging.Formatter):
    """A message is one line of bounded length without control characters; a traceback may follow it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _CONTROL.sub(lambda found: repr(found[0])[1:-1], record.message[: MAX_LINE + 100])
        return super().formatMessage(record)


def set_up(path: Path) -> None:
    """Log to `path`, and to stderr too unless that already is the same file."""
    logging.raiseExceptions = False  # a full disk costs log lines and nothing else
    handlers: list[logging.Handler] = [_File(path)]
    if not _is_stderr(path):
        handlers.append(logging.StreamHandler())
    limit = RateLimit()
    queue = _Limited(limit, handlers)
    for handler in handlers:
        handler.setFormatter(_OneLine(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[queue])


class _Limited(logging.Handler):
    """Passes a line on to all handlers, or to none."""

    def __init__(self, limit: RateLimit, handlers: list[logging.Handler]):
        super().__init__()
        self.addFilter(limit)
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            handler.handle(record)


def forward(source: IO[bytes], name: str, about: Callable[[], str]) -> threading.Thread:
    """Log what a process under us says, until it says no more.

    about(): begins each line, "" or ``job 1a2b3c4d: ``.
    """
    thread = threading.Thread(target=_forward, args=(source, logging.getLogger(name), about), daemon=True)
    thread.start()
    return thread


def _forward(source: IO[bytes], log: logging.Logger, about: Callable[[], str]) -> None:
    with source:
        while line := source.readline(MAX_LINE):
            if text := line.decode("utf-8", "replace").rstrip():
                log.info("%s%s", about(), text)


def _is_stderr(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, AttributeError, ValueError):
        return False
