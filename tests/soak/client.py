"""One of the soak's clients, a process of its own so that it can be killed and stopped.

It retouches picture after picture and says on standard output, one JSON object a line, which
it begins and what became of it. Its standard input says which: a number a line.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem
from server.remote.sending import reader, writer

from .pictures import Painter, Picture

FULL_DISK_EVERY = 40  # so often a client's disk is full when it writes the result
VARIETY = (
    97  # pictures; far more than are under way at a time, so that each is another one than its neighbours
)
TRIES = 600  # of a tenth of a second, for a server to be there again


def painter(name: str) -> Painter:
    """An instance of the class that ``module:Class`` names."""
    module, _, kind = name.partition(":")
    made: Painter = getattr(importlib.import_module(module), kind)()
    return made


class Client:
    """Keeps a session as long as it works, and does not ask a server again that was told to end."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._server = self._ending = 0  # process ids

    def _open(self) -> Session:
        for _ in range(TRIES):
            with contextlib.suppress(Problem):
                session = Session.open(start=False)
                self._server = int(session.status()["pid"])
                if self._server != self._ending:
                    return session
                session.close()
            time.sleep(0.1)
        return Session.open(start=False)  # which says why there is none

    def job(self, number: int, picture: Picture, expected: str) -> dict[str, Any]:
        """What became of one job: ``right``, ``wrong`` or ``error`` with the problem's code.

        expected: the digest of the right pixels.
        """
        out = picture.pixels.copy()
        put = writer(out)

        def write(plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
            if number % FULL_DISK_EVERY == FULL_DISK_EVERY - 1:
                with open("/dev/full", "wb", buffering=0) as disk:
                    disk.write(data)
            put(plane, row, rows, data, result)

        try:
            self._session = self._session or self._open()
            self._session.retouch(picture.spec, reader(picture.pixels), write, settings=picture.settings)
        except Problem as problem:
            if problem.code == "shutting-down":
                self._ending = self._server
            if problem.code in ("lost-server", "shutting-down") and self._session is not None:
                self._session.close()
                self._session = None
            told = bool(problem.message and problem.hint)
            return {"outcome": "error" if told else "unclear", "code": problem.code}
        except OSError as error:
            return {"outcome": "error", "code": errno.errorcode[error.errno or 0]}
        result = digest(out)
        return {"outcome": "right" if result == expected else "wrong", "result": result}


def digest(pixels: Any) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def digest_of(picture: Picture, kept: Path) -> str:
    """The digest of the right pixels, computed by the first client that needs it. kept: where it is then."""
    with contextlib.suppress(OSError):
        return kept.read_text()
    told = digest(picture.expected())
    beside = kept.with_name(f"{kept.name}.{os.getpid()}")
    beside.write_text(told)
    beside.replace(kept)
    return told


def main() -> None:
    """``python -m tests.soak.client MODULE:PAINTER FOLDER``: all clients keep what is expected there."""
    paint, client = painter(sys.argv[1]), Client()
    say(ready=True)
    for line in sys.stdin:
        number = int(line)
        kind = number % VARIETY
        picture = paint(kind)
        expected = digest_of(picture, Path(sys.argv[2], str(kind)))
        say(job=number, begun=True, expected=expected)
        begin = time.monotonic()
        outcome = client.job(number, picture, expected)
        say(job=number, seconds=round(time.monotonic() - begin, 3), **outcome)


if __name__ == "__main__":
    main()
