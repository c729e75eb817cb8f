"""One picture's way to the server and back, in strips, over as many connections as it takes."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import wire
from .conversation import Conversation, sense
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


class Transfer:
    """One job from SUBMIT to DONE.

    When the connection breaks and the server lets jobs outlive that, it goes on over a new one where
    it stood: no row is sent twice, none is written twice.
    """

    def __init__(
        self,
        talk: Conversation,
        image: ImageSpec,
        read: Read,
        write: Write,
        progress: Progress | None,
        cancelled: Cancelled | None,
        file: int = 0,
        series: Any = None,
    ):
        """file: the bytes of a JPEG that `read` gives in place of pixels, a row each; so for the result.

        series: what SUBMIT says so.
        """
        self._talk = talk
        self._series = series
        self._file = file
        self._image = image
        self._read = read
        self._write = write
        self._progress = progress or (lambda stage, fraction: None)
        self._cancelled = cancelled or (lambda: False)
        self._job = secrets.token_hex(16)
        self._written: dict[str, int] = {}  # rows by plane

    def run(
        self,
        icc: bytes | None,
        selection: tuple[Box, Read] | None,
        reference: tuple[ImageSpec, Read] | None,
        settings: Settings,
    ) -> dict[str, Any]:
        """Send all, wait, and fetch the result; returns RESULT's header. Raises `Problem`."""
        wire.check_reference(settings, reference[0] if reference else None)
        for left in range(MAX_RESUMES, -1, -1):
            try:
                return self._go_on(icc, selection, reference, settings)
            except Problem as problem:
                if problem.code != "lost-server" or not left:
                    raise
                if not self._talk.resume(self._check_cancelled):
                    raise
        raise AssertionError  # the last round returns or raises

    def _go_on(
        self,
        icc: bytes | None,
        selection: tuple[Box, Read] | None,
        reference: tuple[ImageSpec, Read] | None,
        settings: Settings,
    ) -> dict[str, Any]:
        """All that is still to be done."""
        result = self._send_all("SUBMIT", icc, selection, reference, settings)
        self._fetch_all(result, settings)
        with contextlib.suppress(Problem):  # everything is here; the server will forget the job by itself
            self._talk.send([wire.encode("DONE", job=self._job)])
        return result

    def _send_all(
        self,
        command: str,
        icc: bytes | None,
        selection: tuple[Box, Read] | None,
        reference: tuple[ImageSpec, Read] | None,
        settings: Settings,
    ) -> dict[str, Any]:
        """Send what the server does not have yet with SUBMIT or ANALYSE; returns the answer's header."""
        portrait = reference[0] if reference else None
        filled = self._submit(command, icc, selection[0] if selection else None, portrait, settings)
        row_bytes, rows = (1, self._file) if self._file else (self._image.row_bytes, self._image.height)
        self._upload("pixels", row_bytes, rows, self._read, filled)
        filled -= row_bytes * rows
        if selection:
            box, read = selection
            self._upload("selection", box.width, box.height, read, filled)
            filled -= box.width * box.height
        if reference:
            shape, read = reference
            self._upload("reference", shape.row_bytes, shape.height, read, filled)
        return self._wait_for({"SUBMIT": "RESULT", "ANALYSE": "ANALYSED"}[command])

    def _fetch_all(self, result: dict[str, Any], settings: Settings) -> None:
        """All rows of a result's planes."""
        if self._file:
            self._fetch_file(result)
            return
        with sense():
            box = None if result["box"] is None else Box(**result["box"])
        if box is not None:
            box.check_inside(self._image)
            row_bytes = self._image.row_bytes // self._image.width * box.width
            self._download("pixels", row_bytes, box, result)
            if settings.mask:
                self._download("mask", box.width, box, result)

    def _fetch_file(self, result: dict[str, Any]) -> None:
        """All bytes of the result's file; there is none when no face was found."""
        with sense():
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

    def _submit(
        self,
        command: str,
        icc: bytes | None,
        selection: Box | None,
        reference: ImageSpec | None,
        settings: Settings,
    ) -> int:
        """Submit the job; returns how many bytes the server has already."""
        header = wire.encode(
            command,
            job=self._job,
            image=vars(self._image),
            settings=settings.as_dict(),
            selection=vars(selection) if selection else None,
            reference=vars(reference) if reference else None,
            **({"keep": self._talk.keep} if self._talk.keep else {}),
            **({"file": self._file} if self._file else {}),
            **({"series": self._series} if self._series else {}),
        )
        if icc is not None and len(icc) > wire.MAX_ICC_BYTES:
            raise Problem("bad-image", "The picture's colour profile is too large.", "Convert it to sRGB.")
        self._talk.send([header, icc] if icc is not None else [header])
        with sense():
            filled = int(self._talk.expect("ACCEPT", self._job).get("filled", 0))
        if self._written and not filled:
            raise Problem("lost-server", "The server has lost the picture in the middle of its result.")
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

    def _wait_for(self, command: str) -> dict[str, Any]:
        heard = time.monotonic()
        while True:
            self._check_cancelled()
            message = self._next_message(POLL_SECONDS)
            if message is not None:
                heard = time.monotonic()
                header = message[0]
                if header["cmd"] == command:
                    return header
                self._tell(header)
            elif time.monotonic() - heard > self._talk.silence:
                raise self._talk.lost()

    def _tell(self, header: dict[str, Any]) -> None:
        """Pass a PROGRESS on."""
        stage = header.get("stage")
        if header["cmd"] == "PROGRESS" and isinstance(stage, str) and stage in wire.STAGES:
            with sense():
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
            if header["cmd"] == "ERROR" and header.get("job") in (self._job, None):
                raise wire.problem_from(header)
            if header.get("job") == self._job:
                return message

    def _check_cancelled(self) -> None:
        if self._talk.stopped or self._cancelled():
            raise Problem("cancelled", "The retouching was cancelled.")
