"""The server's log: one file of the state folder, never larger than a few megabytes.

Only one process writes it, so that it can be turned over: what the processes under it say comes
through pipes (`forward`). Lines about a job begin with ``job`` and the first digits of its id. Pixels and
users' files are never in it; the server knows no file names to begin with.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

PLAIN = "%(name)s: %(message)s"  # of a process whose lines are forwarded
FORMAT = f"%(asctime)s {PLAIN}"
MAX_BYTES, KEPT = 1 << 20, 2
MAX_LINE = 4096


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


def set_up(path: Path) -> None:
    """Logs to `path`, and to stderr too unless that already is the same file."""
    logging.raiseExceptions = False  # a full disk costs log lines and nothing else
    handlers: list[logging.Handler] = [_File(path)]
    if not _is_stderr(path):
        handlers.append(logging.StreamHandler())
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=handlers)


def forward(source: IO[bytes], name: str, about: Callable[[], str]) -> threading.Thread:
    """Logs what a process under us says, until it says no more.

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
