"""The client of the server: what the menu item and the command line both call.

`Session.open` finds the running server or starts one; `Session.retouch` sends a
picture in strips, follows the work and hands the changed rows back in strips, so
that the caller needs no second copy of the picture. Every failure is a
`wire.Problem` with a sentence and a hint.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from . import hints, launch, runtime, wire
from .conversation import Conversation, NotOurServer, reading_answer
from .retiring import retire_older
from .transfer import Cancelled, Photograph, Progress, Read, Transfer, Write
from .version import VERSION
from .wire import Box, ImageSpec, Problem, Settings
from .zmtp import Connection, TransportError

CONNECT_SECONDS = 2.0


class Session(Conversation):
    """A conversation that finds or starts its server, and has pictures retouched. A context manager."""

    @classmethod
    def open(cls, start: bool = True, progress: Progress | None = None) -> Session:
        """Return a session with the running server, or with one started now when `start`.

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
            raise _no_server(folder)
        if session.server != VERSION:
            session.close()
            raise _other_version(session.server)
        return session

    @classmethod
    def connect(cls, folder: Path) -> Session | None:
        """Connect to the server that the runtime file names, of any version; None when it is not there.

        Raises `Problem` when the server there refuses us.
        """
        found = runtime.Runtime.read(folder)
        foreign = False
        for endpoint in found.endpoints if found else ():
            try:
                return cls._at(endpoint, found.token if found else "", folder)
            except NotOurServer:
                foreign = True
            except (TransportError, TimeoutError):
                continue
            except Problem as problem:
                if problem.code not in ("lost-server", "bad-request"):  # those are a foreign program's
                    raise
        if foreign and found is not None and runtime.server_pid(folder) == found.pid:
            raise Problem("bad-token", "The server does not know what is in its own runtime file.")
        return None

    @classmethod
    def _at(cls, endpoint: str, token: str, folder: Path) -> Session:
        connection = Connection(endpoint, timeout=CONNECT_SECONDS, max_frame_bytes=wire.MAX_FRAME_BYTES)
        try:
            return cls(connection, token, folder)
        except BaseException:
            connection.close()
            raise

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

    def cancel(self) -> None:
        """Make a `retouch` that runs in another thread, or whose callback calls this, end soon."""
        self.stopped = True

    def status(self) -> dict[str, Any]:
        """Return the server's account of itself, as ``studio-portrait status --json`` prints it."""
        self.send([wire.encode("STATUS")])
        told = self.expect("STATUS", None)
        with reading_answer():
            return dict(told["status"])

    def shutdown(self) -> float:
        """Asks the server to end; returns, when it has agreed, the seconds that its running jobs have."""
        self.send([wire.encode("SHUTDOWN")])
        told = self.expect("BYE", None)
        with reading_answer():
            return float(told.get("grace", 0.0))

    def retouch(
        self,
        image: ImageSpec,
        read: Read,
        write: Write,
        *,
        icc: bytes | None = None,
        selection: tuple[Box, Read] | None = None,
        reference: tuple[ImageSpec, Read] | None = None,
        settings: Settings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        file: int = 0,
        series: Any = None,
    ) -> dict[str, Any]:
        """Send a picture, wait for the work and hand back the rows of the result's box.

        read(plane, row, rows): the bytes of these rows, ``"pixels"`` as `image` says;
        the selection's own reader gives plane ``"selection"``, one byte a pixel over its box;
        the reference portrait's gives plane ``"reference"``, 8-bit RGB in sRGB.
        write(plane, row, rows, data, result): rows of ``result["box"]``, counted from its top;
        ``"pixels"`` in the format of `image`, then ``"mask"`` when asked for.
        progress(stage, fraction): a stage of `wire.STAGES`, 0..1 within it.
        cancelled(): asked about ten times a second; True ends the job.
        file: bytes of a JPEG of `image`'s size, which goes there and comes back in place of pixels, without
        profile, selection and mask; a row is a byte then.
        series: ``"measure"`` for nothing but what RESULT's ``series`` tells, or the colours decided by it.

        Returns RESULT's header (see PROTOCOL.md). Raises `Problem` only, unless a callback
        raises something else; the job is cancelled then, too.
        """
        self.stopped = False
        photograph = Photograph(image, read, icc, selection, reference)
        transfer = Transfer(self, photograph, write, progress, cancelled, file, series)
        try:
            return transfer.run(settings or Settings())
        except BaseException as fault:
            if not (isinstance(fault, Problem) and fault.code == "lost-server"):
                transfer.give_up()
            raise

    def again(self) -> Session | None:
        """Connect anew to the same server, for a job that goes on; None if it is not there."""
        return self.connect(self.folder)


def _other_version(server: str) -> Problem:
    return Problem(
        "bad-version",
        f"The running server has version {server:.20}, this program {VERSION}.",
        hints.fill("Run {stop}, then install.py again."),
    )


def _no_server(folder: Path) -> Problem:
    """Why there is nobody to talk to: no server, or one that starts, ends or hangs."""
    if not runtime.server_lives(folder):
        return Problem("no-server", "No server is running.", hints.fill("Start one with: {serve}"))
    pid = runtime.server_pid(folder)
    who = f"The server (process {pid})" if pid else "The server"
    return Problem("lost-server", f"{who} does not answer.", hints.fill("If that goes on, end it: {stop}"))
