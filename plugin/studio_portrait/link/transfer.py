"""One picture's way to the server and back, in strips, over as many connections as it takes."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import wire
from .conversation import Conversation, reading_answer
from .wire import Box, ImageSpec, Problem, Settings
from .zmtp import Bytes

POLL_SECONDS = 0.1
TILE_ROWS = 128  # GEGL's tiles: strips that end on their edges are read without waste
MAX_RESUMES = 5

Progress = Callable[[str, float], None]
Read = Callable[[str, int, int], Bytes]
Write = Callable[[str, int, int, Bytes, dict[str, Any]], None]
Cancelled = Callable[[], bool]


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


@dataclass(frozen=True)
class Photograph:
    """All that the server is sent: the pixels, their profile, the selection, the portrait to match."""

    image: ImageSpec
    read: Read
    icc: bytes | None = None
    selection: tuple[Box, Read] | None = None
    reference: tuple[ImageSpec, Read] | None = None

    def check(self, settings: Settings) -> None:
        """Raise `Problem` where no server would take it."""
        wire.check_reference(settings, self.reference[0] if self.reference else None)
        if self.icc is not None and len(self.icc) > wire.MAX_ICC_BYTES:
            raise Problem("bad-image", "The picture's colour profile is too large.", "Convert it to sRGB.")

    def header(self) -> dict[str, Any]:
        """Return what SUBMIT says of it."""
        more = {"selection": self.selection, "reference": self.reference}
        told = {name: vars(part[0]) if part else None for name, part in more.items()}
        return {"image": vars(self.image), **told}

    def planes(self, file: int) -> Iterator[tuple[str, int, int, Read]]:
        """Yield name, bytes of a row, rows and reader of each plane, in the order in which they are sent."""
        row_bytes, rows = (1, file) if file else (self.image.row_bytes, self.image.height)
        yield "pixels", row_bytes, rows, self.read
        if self.selection:
            box, read = self.selection
            yield "selection", box.width, box.height, read
        if self.reference:
            portrait, read = self.reference
            yield "reference", portrait.row_bytes, portrait.height, read


class Transfer:
    """One job from SUBMIT to DONE.

    When the connection breaks and the server lets jobs outlive that, it goes on over a new one where
    it stood: no row is sent twice, none is written twice.

    file: the bytes of a JPEG that the photograph's reader gives in place of pixels, a row each; so for the
    result. series: what SUBMIT says so.
    """

    def __init__(
        self,
        talk: Conversation,
        photograph: Photograph,
        write: Write,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        file: int = 0,
        series: Any = None,
    ):
        self._talk, self._photograph, self._write = talk, photograph, write
        self._image = photograph.image
        self._progress = progress or (lambda stage, fraction: None)
        self._cancelled = cancelled or (lambda: False)
        self._file, self._series = file, series
        self._job = secrets.token_hex(16)
        self._written: dict[str, int] = {}  # rows by plane

    def run(self, settings: Settings) -> dict[str, Any]:
        """Send all, wait, and fetch the result; returns RESULT's header. Raises `Problem`."""
        for left in range(MAX_RESUMES, -1, -1):
            try:
                return self._go_on(settings)
            except Problem as problem:
                if problem.code != "lost-server" or not left:
                    raise
                if not self._talk.resume(self._check_cancelled):
                    raise
        raise AssertionError  # the last round returns or raises

    def _go_on(self, settings: Settings) -> dict[str, Any]:
        """All that is still to be done."""
        result = self._send_all("SUBMIT", "RESULT", settings)
        self._fetch_all(result, settings)
        with contextlib.suppress(Problem):  # everything is here; the server will forget the job by itself
            self._talk.send([wire.encode("DONE", job=self._job)])
        return result

    def _send_all(self, command: str, answer: str, settings: Settings) -> dict[str, Any]:
        """Send what the server does not have yet; returns the answer's header."""
        self._photograph.check(settings)
        filled = self._submit(command, settings)
        for plane, row_bytes, rows, read in self._photograph.planes(self._file):
            self._upload(plane, row_bytes, rows, read, filled)
            filled -= row_bytes * rows
        return self._wait_for(answer)

    def _fetch_all(self, result: dict[str, Any], settings: Settings) -> None:
        """All rows of a result's planes."""
        if self._file:
            self._fetch_file(result)
            return
        with reading_answer():
            box = None if result["box"] is None else Box(**result["box"])
        if box is not None:
            box.check_inside(self._image)
            row_bytes = self._image.row_bytes // self._image.width * box.width
            self._download("pixels", row_bytes, box, result)
            if settings.mask:
                self._download("mask", box.width, box, result)

    def _fetch_file(self, result: dict[str, Any]) -> None:
        """All bytes of the result's file; there is none when no face was found."""
        with reading_answer():
            size = int(result["bytes"])
            if not 0 <= size <= self._image.nbytes + self._file:
                raise ValueError("more than a file of this size can become")
        if size:
            self._download("pixels", 1, Box(0, 0, 1, size), result)

    def give_up(self) -> None:
        """Tells the server, if it still listens, that nobody waits for this job."""
        try:
            self._talk.send([wire.encode("CANCEL", job=self._job)], 1.0)
        except Problem:
            self._talk.close()

    def _submit(self, command: str, settings: Settings) -> int:
        """Submit the job; returns how many bytes the server has already."""
        more = {"keep": self._talk.keep, "file": self._file, "series": self._series}
        header = wire.encode(
            command,
            job=self._job,
            settings=settings.as_dict(),
            **self._photograph.header(),
            **{name: value for name, value in more.items() if value},
        )
        icc = self._photograph.icc
        self._talk.send([header, icc] if icc is not None else [header])
        with reading_answer():
            filled = int(self._talk.expect("ACCEPT", self._job).get("filled", 0))
        if self._written and not filled:
            raise Problem("lost-server", "The server lost the picture while it was sending the result.")
        return filled

    def _upload(self, plane: str, row_bytes: int, height: int, read: Read, filled: int) -> None:
        for row, rows in strips(row_bytes, height):
            if (row + rows) * row_bytes <= filled:
                continue
            self._check_cancelled()
            while self._next_message(0.0) is not None:  # an ERROR is raised; RESULT comes after the last row
                pass
            data = memoryview(read(plane, row, rows)).cast("B")
            if len(data) != rows * row_bytes:
                raise Problem("internal", f"{len(data)} bytes were read where {rows * row_bytes} belong.")
            self._talk.send([wire.encode("DATA", job=self._job, plane=plane, row=row, rows=rows), data])
            self._progress("upload", (row + rows) / height)

    def _wait_for(self, command: str, serial: int | None = None) -> dict[str, Any]:
        """Return the answer's header. serial: of the one that is waited for, where there may be others."""
        heard = time.monotonic()
        while True:
            self._check_cancelled()
            message = self._next_message(POLL_SECONDS)
            if message is not None:
                heard = time.monotonic()
                header = message[0]
                if header["cmd"] == command and serial in (None, header.get("serial", serial)):
                    return header
                self._tell(header)
            elif time.monotonic() - heard > self._talk.silence:
                raise self._talk.lost()

    def _tell(self, header: dict[str, Any]) -> None:
        """Pass a PROGRESS on."""
        stage = header.get("stage")
        if header["cmd"] == "PROGRESS" and isinstance(stage, str) and stage in wire.STAGES:
            with reading_answer():
                share = float(header.get("fraction", 0.0))
            self._progress(stage, share)

    def _download(self, plane: str, row_bytes: int, box: Box, result: dict[str, Any]) -> None:
        """Fetch strip after strip, always one ahead of the one being written."""
        there = self._written.get(plane, 0)
        wanted = [strip for strip in strips(row_bytes, box.height, box.y) if strip[0] >= there]
        if not wanted:
            return
        self._fetch(plane, *wanted[0])
        for index, (row, rows) in enumerate(wanted):
            if index + 1 < len(wanted):
                self._fetch(plane, *wanted[index + 1])
            data = self._wait_for_rows(plane, row, rows, rows * row_bytes)
            self._write(plane, row, rows, data, result)
            self._written[plane] = row + rows
            self._progress("download", (row + rows) / box.height)

    def _fetch(self, plane: str, row: int, rows: int) -> None:
        self._talk.send([wire.encode("FETCH", job=self._job, plane=plane, row=row, rows=rows)])

    def _wait_for_rows(self, plane: str, row: int, rows: int, nbytes: int) -> memoryview:
        heard = time.monotonic()
        while time.monotonic() - heard < self._talk.silence:
            self._check_cancelled()
            message = self._next_message(POLL_SECONDS)
            if message is None or message[0]["cmd"] != "DATA":
                continue
            header, data = message
            place = (header.get("plane"), header.get("row"), header.get("rows"))
            if place != (plane, row, rows) or data is None or len(data) != nbytes:
                raise Problem("internal", "The server sent other rows than those asked for.")
            return data
        raise self._talk.lost()

    def _next_message(self, timeout: float) -> tuple[dict[str, Any], memoryview | None] | None:
        """Return the next message about this job; others are passed over, its ERROR is raised."""
        deadline = time.monotonic() + timeout
        while True:
            message = self._talk.receive(max(0.0, deadline - time.monotonic()))
            if message is None:
                return None
            header = message[0]
            if header["cmd"] == "ERROR" and self._concerns(header):
                raise wire.problem_from(header)
            if header.get("job") == self._job:
                return message

    def _concerns(self, error: dict[str, Any]) -> bool:
        """Whether an ERROR is about what is waited for."""
        return error.get("job") in (self._job, None)

    def _check_cancelled(self) -> None:
        if self._talk.stopped or self._cancelled():
            raise Problem("cancelled", "The retouching was cancelled.")
