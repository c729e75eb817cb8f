"""Ends a server that has nothing to do: an older one, so that an upgrade needs no hands, or one in the way.

Its protocol may be another one than ours; SHUTDOWN with a token is the one message whose
form stays the same in all of them. A server with a picture at work goes on, and the user
is told that the versions differ.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

from . import runtime
from .version import PROTOCOL, VERSION
from .zmtp import Connection, TransportError

END_SECONDS = 20.0  # on a busy machine; one that has agreed does end


def retire_older(folder: Path) -> bool:
    """Whether an older server was there and has ended."""
    found = runtime.Runtime.read(folder)
    return found is not None and _is_older(found) and retire(folder)


def retire(folder: Path) -> bool:
    """Whether a server was there and has ended, as it had nothing to do; one that works goes on."""
    found = runtime.Runtime.read(folder)
    if found is None or runtime.server_pid(folder) != found.pid or not _tell(found):
        return False
    end = time.monotonic() + END_SECONDS
    while runtime.server_lives(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return not runtime.server_lives(folder)


def _is_older(found: runtime.Runtime) -> bool:
    return (found.protocol, _numbers(found.version)) < (PROTOCOL, _numbers(VERSION))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)]


def _tell(found: runtime.Runtime) -> bool:
    """Whether it was told to end if it is idle, and did not say no."""
    header = {"v": found.protocol, "cmd": "SHUTDOWN", "token": found.token, "idle": True}
    for endpoint in found.endpoints:
        with contextlib.suppress(TransportError, TimeoutError):
            connection = Connection(endpoint, timeout=2.0)
            with contextlib.closing(connection):
                connection.send([json.dumps(header).encode()])
                answer = connection.receive(2.0)
                return answer is not None and b'"BYE"' in bytes(answer[0])
    return False
