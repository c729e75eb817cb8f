"""The client of the server: what the menu item and the command line both call.

`Session.open` finds the running server or starts one; `Session.retouch` sends a
picture in strips, follows the work and hands the changed rows back in strips, so
that the caller needs no second copy of the picture. Every failure is a
`wire.Problem` with a sentence and a hint.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from . import hints, launch, runtime, wire
from .retiring import retire_older
from .transfer import Cancelled, Progress, Read, Transfer, Write
from .version import VERSION
from .wire import Box, ImageSpec, Problem, Settings
from .zmtp import Bytes, Connection, Garbled, TransportError

SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 2.0


class Foreign(Garbled):
    """Who listens there does not hold the token."""


class Session:
    """A connection to the server on which HELLO was said. A context manager.

    server, device, networks: what the server's HELLO told (``device`` is "" while
    the worker still loads). keep: the seconds that a job of ours outlives the connection,
    0 unless the server's HELLO said ``resume``, as that of another machine does.
    """

    def __init__(self, connection: Connection, token: str, folder: Path):
        self._connection = connection
        self._folder = folder
        self._cancel = False
        hello = self._greet(token)
        self.server: str = str(hello.get("server", ""))
        self.device: str = str(hello.get("device", ""))
        self.networks: list[dict[str, Any]] = list(hello.get("networks", []))
        self.keep = float(hello.get("resume", 0.0))

    def _greet(self, token: str) -> dict[str, Any]:
        """Each side shows that it holds the token, which itself is not sent; the server goes first."""
        ours = secrets.token_hex(16)
        self._send([wire.encode("HELLO", client=VERSION, nonce=ours)])
        message = self._receive(SILENCE_SECONDS)
        if message is None:
            raise self._lost()
        challenge = message[0]
        if challenge["cmd"] == "ERROR":
            raise wire.problem_from(challenge)
        nonces = f"{ours}:{challenge.get('nonce')}"
        if not hmac.compare_digest(
            str(challenge.get("proof")).encode(), proof(token, f"server:{nonces}").encode()
        ):
            raise Foreign(f"{self._connection.endpoint}: a foreign server listens there")
        self._send([wire.encode("HELLO", client=VERSION, proof=proof(token, f"client:{nonces}"))])
        return self._expect("HELLO", None)

    @classmethod
    def open(cls, start: bool = True, progress: Progress | None = None) -> Session:
        """A session with the running server, or with one started now when `start`.

        progress: called with the stage ``"queue"`` and a share 0..1 while a server starts.
        Raises `Problem` ``no-server``, ``lost-server`` (there is one, and it is silent), ``bad-version``
        or ``bad-token``.
        """
        folder = runtime.state_folder()
        if start:
            retire_older(folder)
        session = cls.connect(folder)
        if session is None and start:
            session = cls._start(folder, progress or (lambda stage, fraction: None))
        if session is None:
            raise _nobody(folder)
        if session.server != VERSION:
            session.close()
            raise Problem(
                "bad-version",
                f"The running server has version {session.server:.20}, this program {VERSION}.",
                hints.fill("Run {stop}, then install.py again."),
            )
        return session

    @classmethod
    def connect(cls, folder: Path) -> Session | None:
        """A session with the server that the runtime file names, of any version; None when it is not there.

        Raises `Problem` when the server there refuses us.
        """
        found = runtime.Runtime.read(folder)
        foreign = False
        for endpoint in found.endpoints if found else ():
            try:
                connection = Connection(
                    endpoint, timeout=CONNECT_SECONDS, max_frame_bytes=wire.MAX_FRAME_BYTES
                )
            except (TransportError, TimeoutError):
                continue
            try:
                return cls(connection, found.token if found else "", folder)
            except (TransportError, TimeoutError) as error:
                foreign |= isinstance(error, Foreign)
                connection.close()
            except Problem as problem:
                connection.close()
                if problem.code not in ("lost-server", "bad-request"):  # those are a foreign program's
                    raise
        if foreign and found is not None and runtime.server_pid(folder) == found.pid:
            raise Problem("bad-token", "The server does not know what is in its own runtime file.")
        return None

    @classmethod
    def _start(cls, folder: Path, progress: Progress) -> Session:
        process = launch.start(folder)
        session: Session | None = None

        def ready() -> bool:
            nonlocal session
            session = cls.connect(folder)
            return session is not None

        launch.wait_until(ready, process, folder, lambda share: progress("queue", share))
        assert session is not None
        return session

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def cancel(self) -> None:
        """Makes a `retouch` that runs in another thread, or whose callback calls this, end soon."""
        self._cancel = True

    def status(self) -> dict[str, Any]:
        """The server's account of itself, as ``studio-portrait status --json`` prints it."""
        self._send([wire.encode("STATUS")])
        return dict(self._expect("STATUS", None)["status"])

    def shutdown(self) -> float:
        """Asks the server to end; returns, when it has agreed, the seconds that its running jobs have."""
        self._send([wire.encode("SHUTDOWN")])
        return float(self._expect("BYE", None).get("grace", 0.0))

    def retouch(
        self,
        image: ImageSpec,
        read: Read,
        write: Write,
        *,
        icc: bytes | None = None,
        selection: tuple[Box, Read] | None = None,
        settings: Settings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> dict[str, Any]:
        """Sends a picture, waits for the work and hands back the rows of the result's box.

        read(plane, row, rows): the bytes of these rows, ``"pixels"`` as `image` says;
        the selection's own reader gives plane ``"selection"``, one byte a pixel over its box.
        write(plane, row, rows, data, result): rows of ``result["box"]``, counted from its top;
        ``"pixels"`` in the format of `image`, then ``"mask"`` when asked for.
        progress(stage, fraction): a stage of `wire.STAGES`, 0..1 within it.
        cancelled(): asked about ten times a second; True ends the job.

        Returns RESULT's header (see PROTOCOL.md). Raises `Problem` only, unless a callback
        raises something else; the job is cancelled then, too.
        """
        self._cancel = False
        transfer = Transfer(self, image, read, write, progress, cancelled)
        try:
            return transfer.run(icc, selection, settings or Settings())
        except Problem as problem:
            if problem.code != "lost-server":
                transfer.give_up()
            raise
        except BaseException:
            transfer.give_up()
            raise

    def resume(self, check_cancelled: Callable[[], None]) -> bool:
        """Whether a connection that broke could be made again while the server still has our jobs.

        check_cancelled: asked meanwhile; what it raises is passed on.
        """
        end = time.monotonic() + self.keep
        while time.monotonic() < end:
            check_cancelled()
            again = None
            try:
                again = self._again()
            except Problem as problem:
                if problem.code not in ("no-server", "lost-server"):  # those are a network that is away
                    return False
            if again is not None:
                self.close()
                self._connection = again._connection
                return True
            time.sleep(0.1)
        return False

    def _again(self) -> Session | None:
        """Another session with the same server; None while it cannot be reached."""
        return self.connect(self._folder)

    @property
    def silence(self) -> float:
        """Seconds without a word after which the server is taken for dead."""
        return SILENCE_SECONDS

    # One message out, one in; transport failures become `Problem`s.

    def _send(self, frames: list[Bytes]) -> None:
        try:
            self._connection.send(frames, SILENCE_SECONDS)
        except (TransportError, TimeoutError) as error:
            raise self._lost() from error

    def _receive(self, timeout: float) -> tuple[dict[str, Any], memoryview | None] | None:
        try:
            frames = self._connection.receive(timeout)
        except TransportError as error:
            raise self._lost() from error
        if frames is None:
            return None
        return wire.decode(frames[0]), frames[1] if len(frames) > 1 else None

    def _expect(self, command: str, job: str | None) -> dict[str, Any]:
        """The next header with this command; an ERROR that concerns us is raised."""
        deadline = time.monotonic() + SILENCE_SECONDS
        while (remaining := deadline - time.monotonic()) > 0:
            message = self._receive(remaining)
            if message is None:
                break
            header = message[0]
            if header["cmd"] == "ERROR" and header.get("job") in (job, None):
                raise wire.problem_from(header)
            if header["cmd"] == command and header.get("job") == job:
                return header
        raise self._lost()

    def _lost(self) -> Problem:
        log = runtime.log_path(self._folder)
        return Problem(
            "lost-server",
            "The server does not answer any more.",
            f"Try again: the server starts by itself. Its log is {log}.",
        )


def _nobody(folder: Path) -> Problem:
    """Why there is nobody to talk to: no server, or one that starts, ends or hangs."""
    if not runtime.server_lives(folder):
        return Problem("no-server", "No server is running.", hints.fill("Start one with: {serve}"))
    pid = runtime.server_pid(folder)
    who = f"The server (process {pid})" if pid else "The server"
    return Problem("lost-server", f"{who} does not answer.", hints.fill("If that goes on, end it: {stop}"))


def proof(token: str, nonce: str) -> str:
    """What only a server that knows the token can answer to HELLO's nonce."""
    return hmac.new(token.encode(), nonce.encode(), hashlib.sha256).hexdigest()
