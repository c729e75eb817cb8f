"""A connection to the server on which HELLO was said: one message out, one in.

Whatever goes wrong on the way is a `wire.Problem` with a sentence and a hint.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import runtime, wire
from .version import VERSION
from .wire import Problem, proof
from .zmtp import Bytes, Connection, Garbled, TransportError

MAX_KEEP_SECONDS = 3600.0
SILENCE_SECONDS = 10.0  # without a word: then the server is taken for dead


class NotOurServer(Garbled):
    """Who listens there does not hold the token."""


@contextlib.contextmanager
def reading_answer() -> Iterator[None]:
    """Turn what Python raises over an answer of another form than agreed into a `Problem`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise Problem("internal", "The server's answer makes no sense.") from error


class Conversation:
    """server, device, networks: what the server's HELLO told (``device`` is "" while the worker still loads).

    keep: the seconds that a job of ours outlives the connection, 0 unless the server's HELLO said ``resume``,
    as that of another machine does. stopped: somebody in this process wants the running job to end.
    """

    silence = SILENCE_SECONDS

    def __init__(self, connection: Connection, token: str, folder: Path):
        self._connection = connection
        self.folder = folder
        self.stopped = False
        hello = self._greet(token)
        self.server: str = str(hello.get("server", ""))
        self.device: str = str(hello.get("device", ""))
        with reading_answer():
            self.networks: list[dict[str, Any]] = [dict(network) for network in hello.get("networks", [])]
            self.keep = min(float(hello.get("resume", 0.0)), MAX_KEEP_SECONDS)

    def _greet(self, token: str) -> dict[str, Any]:
        """Each side shows that it holds the token, which itself is not sent; the server goes first."""
        ours = secrets.token_hex(16)
        self.send([wire.encode("HELLO", client=VERSION, nonce=ours)])
        message = self.receive(SILENCE_SECONDS)
        if message is None:
            raise self.lost()
        challenge = message[0]
        if challenge["cmd"] == "ERROR":
            raise wire.problem_from(challenge)
        nonces = f"{ours}:{challenge.get('nonce')}"
        if not hmac.compare_digest(
            str(challenge.get("proof")).encode(), proof(token, f"server:{nonces}").encode()
        ):
            raise NotOurServer(f"{self._connection.endpoint}: a foreign server listens there")
        self.send([wire.encode("HELLO", client=VERSION, proof=proof(token, f"client:{nonces}"))])
        return self.expect("HELLO", None)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def send(self, frames: list[Bytes], timeout: float = SILENCE_SECONDS) -> None:
        """Send one message. Raises `Problem` ``lost-server``."""
        try:
            self._connection.send(frames, timeout)
        except (TransportError, TimeoutError) as error:
            raise self.lost() from error

    def receive(self, timeout: float) -> tuple[dict[str, Any], memoryview | None] | None:
        """Return the next message's header and payload; None when there is none after so many seconds."""
        try:
            frames = self._connection.receive(timeout)
        except TransportError as error:
            raise self.lost() from error
        if frames is None:
            return None
        return wire.decode(frames[0]), frames[1] if len(frames) > 1 else None

    def expect(self, command: str, job: str | None) -> dict[str, Any]:
        """Return the next header with this command; an ERROR that concerns us is raised."""
        deadline = time.monotonic() + self.silence
        while (remaining := deadline - time.monotonic()) > 0:
            message = self.receive(remaining)
            if message is None:
                break
            header = message[0]
            if header["cmd"] == "ERROR" and header.get("job") in (job, None):
                raise wire.problem_from(header)
            if header["cmd"] == command and header.get("job") == job:
                return header
        raise self.lost()

    def resume(self, check_cancelled: Callable[[], None]) -> bool:
        """Whether a connection that broke could be made again while the server still has our jobs.

        check_cancelled: asked meanwhile; what it raises is passed on.
        """
        end = time.monotonic() + self.keep
        while time.monotonic() < end:
            check_cancelled()
            try:
                if (again := self.again()) is not None:
                    self.close()
                    self._connection = again._connection
                    return True
            except Problem as problem:
                if problem.code not in ("no-server", "lost-server"):  # those are a network that is away
                    return False
            time.sleep(0.1)
        return False

    def again(self) -> Conversation | None:
        """Another one with the same server; None while it cannot be reached."""
        raise NotImplementedError

    def lost(self) -> Problem:
        """Return what the user reads when the server does not answer any more."""
        log = runtime.log_path(self.folder)
        return Problem(
            "lost-server",
            "The server does not answer any more.",
            f"Try again: the server starts by itself. Its log is {log}.",
        )
