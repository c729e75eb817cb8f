"""Both ends of a child process that is told JSON lines on its standard input and answers on its output."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from server import CHECKOUT

# glibc gives every strip's megabyte back to the system and asks for it again a millisecond later;
# keeping up to this much takes a fifth off the reconstruction (elsewhere the names mean nothing).
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "134217728"}

WORKERS_SCORE = 500  # of `end_first`; pictures may make the server itself the largest process


def start(command: Sequence[str], environment: Mapping[str, str] = KEEP_MEMORY) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own: Ctrl-C in a terminal is the parent's to handle.

    environment: what it has beside this process's own.
    """
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        start_new_session=os.name == "posix",
    )


def tell(child: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    """Send a message; a dead child is noticed by the end of its answers, not here."""
    assert child.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        child.stdin.write(json.dumps(message).encode() + b"\n")
        child.stdin.flush()


def end_first(how_much: int) -> None:
    """Have the kernel end this process before others when memory is out (Linux): its work can be done again.

    how_much: in thousandths of all memory, as much more as this process seems to have.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(how_much))


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the child's pipes from and to its parent, for it alone, and let it be ended before that.

    What any library prints goes to standard error. `sys.stdin` is closed off: a thread always
    waits for the pipe, and a child forked meanwhile would wait for its lock for ever.
    """
    end_first(WORKERS_SCORE)
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def vanish() -> None:
    """End the child at once, with what a library may have started: its parent has gone."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
