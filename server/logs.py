"""The server's log: one file of the state folder, never larger than a few megabytes."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

FORMAT = "%(asctime)s %(name)s: %(message)s"


def set_up(path: Path) -> None:
    """Logs to `path`, and to stderr too unless that already is the same file."""
    handlers: list[logging.Handler] = [RotatingFileHandler(path, maxBytes=1 << 20, backupCount=2, delay=True)]
    if not _is_stderr(path):
        handlers.append(logging.StreamHandler())
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=handlers)


def _is_stderr(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except OSError:
        return False
