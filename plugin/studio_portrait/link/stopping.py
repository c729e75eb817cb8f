"""Ends the server of a state folder, whatever condition that server is in.

Both the command line and ``install.py --uninstall`` do this, the latter under a Python
that has nothing but its standard library. A server is asked first; one that does not
listen, or does not know us any more, gets a signal: its lock tells its process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from . import runtime
from .session import Session
from .wire import Problem
from .zmtp import TransportError

STOP_SECONDS = 10.0
ASK_SECONDS = 1.0  # a server that starts or has lost its runtime file can be asked after so long


def stop(folder: Path) -> bool:
    """Return when no server lives there any more: False when none did to begin with.

    Raises `Problem` when it did not end within `STOP_SECONDS` after its running jobs' grace.
    """
    if not runtime.server_lives(folder):
        return False
    begin = time.monotonic()
    grace: float | None = None
    while runtime.server_lives(folder):
        waited = time.monotonic() - begin
        grace = _ask(folder) if grace is None else grace
        if grace is None and waited > ASK_SECONDS and _signal(folder):
            grace = 0.0
        if waited > STOP_SECONDS + (grace or 0.0):
            raise _still_there(folder, waited)
        time.sleep(0.05)
    return True


def _ask(folder: Path) -> float | None:
    """Return the seconds after which the server agreed to end; None when it did not."""
    with contextlib.suppress(Problem, TransportError, TimeoutError):
        session = Session.connect(folder)
        if session is not None:
            with session:
                return session.shutdown()
    return None


def _signal(folder: Path) -> bool:
    """Whether the process that holds the lock could be told to end."""
    pid = runtime.server_pid(folder)
    if pid is None or not _serves(pid):
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:
        return False
    return True


def _serves(pid: int) -> bool:
    """Return False where another process is seen under this id: a sandbox numbers its own."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"serve" in words or b"connect" in words


def _still_there(folder: Path, waited: float) -> Problem:
    pid = runtime.server_pid(folder)
    who, end = (f" (process {pid})", f"End the process {pid}.") if pid else ("", "End its process.")
    return Problem("internal", f"The server{who} did not end within {waited:.0f} seconds.", end)
