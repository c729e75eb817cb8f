"""One of the soak's clients, a process of its own so that it can be killed and stopped.

It retouches picture after picture and says on standard output, one JSON object a line, which
it begins and what became of it. Its standard input says which: a number a line.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import sys
import time
from typing import Any

import numpy as np

from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem
from server.remote.sending import reader, writer

from .pictures import Painter, Picture

FULL_DISK_EVERY = 40  # so often a client's disk is full when it writes the result
PATIENCE = 60.0  # seconds for a server to be there again


def painter(name: str) -> Painter:
    """An instance of the class that ``module:Class`` names."""
    module, _, kind = name.partition(":")
    made: Painter = getattr(importlib.import_module(module), kind)()
    return made


class Client:
    """Keeps a session as long as it works."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def _open(self) -> Session:
        end = time.monotonic() + PATIENCE
        while self._session is None:
            try:
                self._session = Session.open(start=False)
            except Problem:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        return self._session

    def job(self, number: int, picture: Picture) -> dict[str, Any]:
        """What became of one job: ``right``, ``wrong`` or ``error`` with the problem's code."""
        out = picture.pixels.copy()
        put = writer(out)

        def write(plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
            if number % FULL_DISK_EVERY == FULL_DISK_EVERY - 1:
                with open("/dev/full", "wb", buffering=0) as disk:
                    disk.write(data)
            put(plane, row, rows, data, result)

        try:
            self._open().retouch(picture.spec, reader(picture.pixels), write, settings=picture.settings)
        except Problem as problem:
            if problem.code in ("lost-server", "shutting-down") and self._session is not None:
                self._session.close()
                self._session = None
            told = bool(problem.message and problem.hint)
            return {"outcome": "error" if told else "unclear", "code": problem.code}
        except OSError as error:
            return {"outcome": "error", "code": errno.errorcode[error.errno or 0]}
        right = np.array_equal(out, picture.expected)
        return {"outcome": "right" if right else "wrong", "result": digest(out)}


def digest(pixels: Any) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def main() -> None:
    """``python -m tests.soak.client MODULE:PAINTER``"""
    paint, client = painter(sys.argv[1]), Client()
    say(ready=True)
    for line in sys.stdin:
        number = int(line)
        picture = paint(number)
        say(job=number, begun=True, expected=digest(picture.expected))
        begin = time.monotonic()
        outcome = client.job(number, picture)
        say(job=number, seconds=round(time.monotonic() - begin, 3), **outcome)


if __name__ == "__main__":
    main()
