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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from . import hints, launch, runtime, wire
from .retiring import retire_older
from .version import VERSION
from .wire import Box, ImageSpec, Problem, Settings
from .zmtp import Bytes, Connection, Garbled, TransportError

SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 2.0
POLL_SECONDS = 0.1
TILE_ROWS = 128  # GEGL's tiles: strips that end on their edges are read without waste

Progress = Callable[[str, float], None]
Read = Callable[[str, int, int], Bytes]
Write = Callable[[str, int, int, Bytes, dict[str, Any]], None]
Cancelled = Callable[[], bool]


class Foreign(Garbled):
    """Who listens there does not hold the token."""


class Session:
    """A connection to the server on which HELLO was said. A context manager.

    server, device, networks: what the server's HELLO told (``device`` is "" while
    the worker still loads).
    """

    def __init__(self, connection: Connection, token: str, folder: Path):
        self._connection = connection
        self._folder = folder
        self._cancel = False
        hello = self._greet(token)
        self.server: str = str(hello.get("server", ""))
        self.device: str = str(hello.get("device", ""))
        self.networks: list[dict[str, Any]] = list(hello.get("networks", []))

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
        transfer = _Transfer(self, image, read, write, progress, cancelled)
        try:
            return transfer.run(icc, selection, settings or Settings())
        except Problem as problem:
            if problem.code != "lost-server":
                transfer.give_up()
            raise
        except BaseException:
            transfer.give_up()
            raise

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


def strips(row_bytes: int, rows: int, first_row: int = 0) -> Iterator[tuple[int, int]]:
    """(row, count) of the strips in which `rows` rows are sent, each within a frame's limit.

    Strips end on tile edges of the picture, in which row 0 lies at `first_row`.
    """
    step = max(1, wire.STRIP_BYTES // row_bytes)
    for tile in (TILE_ROWS, TILE_ROWS // 2):
        if tile * row_bytes <= wire.MAX_FRAME_BYTES:
            step = max(tile, step // tile * tile)
            break
    row = 0
    while row < rows:
        count = min(step - (first_row + row) % step, rows - row)
        yield row, count
        row += count


class _Transfer:
    """One job from SUBMIT to DONE."""

    def __init__(
        self,
        session: Session,
        image: ImageSpec,
        read: Read,
        write: Write,
        progress: Progress | None,
        cancelled: Cancelled | None,
    ):
        self._session = session
        self._image = image
        self._read = read
        self._write = write
        self._progress = progress or (lambda stage, fraction: None)
        self._cancelled = cancelled or (lambda: False)
        self._job = secrets.token_hex(16)

    def run(
        self, icc: bytes | None, selection: tuple[Box, Read] | None, settings: Settings
    ) -> dict[str, Any]:
        self._submit(icc, selection[0] if selection else None, settings)
        self._upload("pixels", self._image.row_bytes, self._image.height, self._read)
        if selection:
            box, read = selection
            self._upload("selection", box.width, box.height, read)
        result = self._wait_for_result()
        if result["box"] is not None:
            box = Box(**result["box"])
            row_bytes = self._image.row_bytes // self._image.width * box.width
            self._download("pixels", row_bytes, box, result)
            if settings.mask:
                self._download("mask", box.width, box, result)
        self._session._send([wire.encode("DONE", job=self._job)])
        return result

    def give_up(self) -> None:
        """Tells the server, if it still listens, that nobody waits for this job."""
        try:
            self._session._connection.send([wire.encode("CANCEL", job=self._job)], 1.0)
        except (TransportError, TimeoutError):
            self._session.close()

    def _submit(self, icc: bytes | None, selection: Box | None, settings: Settings) -> None:
        header = wire.encode(
            "SUBMIT",
            job=self._job,
            image=vars(self._image),
            settings=settings.as_dict(),
            selection=vars(selection) if selection else None,
        )
        if icc is not None and len(icc) > wire.MAX_ICC_BYTES:
            raise Problem("bad-image", "The picture's colour profile is too large.", "Convert it to sRGB.")
        self._session._send([header, icc] if icc is not None else [header])
        self._session._expect("ACCEPT", self._job)

    def _upload(self, plane: str, row_bytes: int, height: int, read: Read) -> None:
        for row, rows in strips(row_bytes, height):
            self._check_cancelled()
            while self._next_message(0.0) is not None:  # an ERROR is raised; RESULT comes after the last row
                pass
            data = memoryview(read(plane, row, rows)).cast("B")
            if len(data) != rows * row_bytes:
                raise Problem("internal", f"{len(data)} bytes were read where {rows * row_bytes} belong.")
            self._session._send([wire.encode("DATA", job=self._job, plane=plane, row=row, rows=rows), data])
            self._progress("upload", (row + rows) / height)

    def _wait_for_result(self) -> dict[str, Any]:
        heard = time.monotonic()
        while True:
            self._check_cancelled()
            message = self._next_message(POLL_SECONDS)
            if message is not None:
                heard = time.monotonic()
                header = message[0]
                if header["cmd"] == "RESULT":
                    return header
                if header["cmd"] == "PROGRESS" and header.get("stage") in wire.STAGES:
                    self._progress(header["stage"], float(header.get("fraction", 0.0)))
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise self._session._lost()

    def _download(self, plane: str, row_bytes: int, box: Box, result: dict[str, Any]) -> None:
        """FETCHes strip after strip, always one ahead of the one being written."""
        wanted = list(strips(row_bytes, box.height, box.y))
        self._fetch(plane, *wanted[0])
        for index, (row, rows) in enumerate(wanted):
            if index + 1 < len(wanted):
                self._fetch(plane, *wanted[index + 1])
            data = self._wait_for_rows(plane, row, rows, rows * row_bytes)
            self._write(plane, row, rows, data, result)
            self._progress("download", (row + rows) / box.height)

    def _fetch(self, plane: str, row: int, rows: int) -> None:
        self._session._send([wire.encode("FETCH", job=self._job, plane=plane, row=row, rows=rows)])

    def _wait_for_rows(self, plane: str, row: int, rows: int, nbytes: int) -> memoryview:
        heard = time.monotonic()
        while time.monotonic() - heard < SILENCE_SECONDS:
            self._check_cancelled()
            message = self._next_message(POLL_SECONDS)
            if message is None or message[0]["cmd"] != "DATA":
                continue
            header, data = message
            place = (header.get("plane"), header.get("row"), header.get("rows"))
            if place != (plane, row, rows) or data is None or len(data) != nbytes:
                raise Problem("internal", "The server sent other rows than those asked for.")
            return data
        raise self._session._lost()

    def _next_message(self, timeout: float) -> tuple[dict[str, Any], memoryview | None] | None:
        """The next message about this job; others are passed over, its ERROR is raised."""
        deadline = time.monotonic() + timeout
        while True:
            message = self._session._receive(max(0.0, deadline - time.monotonic()))
            if message is None:
                return None
            header = message[0]
            if header["cmd"] == "ERROR" and header.get("job") in (self._job, None):
                raise wire.problem_from(header)
            if header.get("job") == self._job:
                return message

    def _check_cancelled(self) -> None:
        if self._session._cancel or self._cancelled():
            raise Problem("cancelled", "The retouching was cancelled.")
