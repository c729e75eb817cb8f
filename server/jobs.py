"""The jobs that the server holds: who owns them, how far they are, who is next.

No socket and no clock of its own: the front asks and tells. Everything a client
sent is checked here before a byte of it is used.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link.wire import (
    MAX_FRAME_BYTES,
    MAX_ICC_BYTES,
    Box,
    ImageSpec,
    Problem,
    Settings,
    check_reference,
)

from .buffers import Buffer, Layout

MAX_JOBS = 16
MAX_SPARE_BYTES = 256 << 20


UPLOADED = ("pixels", "selection", "reference")  # planes, in the order in which they lie and come


class State(Enum):
    UPLOADING = "uploading"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(eq=False)
class Job:
    """One picture of one client. `touched`: when the client last did something for it."""

    id: str
    peer: bytes
    image: ImageSpec
    settings: Settings
    selection: Box | None
    layout: Layout
    buffer: Buffer
    touched: float
    state: State = State.UPLOADING
    stage: str = "upload"
    fraction: float = 0.0
    reference: ImageSpec | None = None
    filled: int = 0  # bytes of the planes that came
    result: dict[str, Any] = field(default_factory=dict)
    reported: float = 0.0  # when the client was last told how far it is
    unheard_since: float | None = None  # the client takes nothing any more

    def row_bytes(self, plane: str) -> int:
        if plane == "pixels":
            return self.image.row_bytes
        if plane == "reference":
            return self.reference.row_bytes if self.reference else 0
        return self.selection.width if plane == "selection" and self.selection else 0

    def take(self, plane: object, row: object, rows: object, data: memoryview) -> None:
        """Rows of an upload, in order and without gaps. With the last one the job is QUEUED."""
        if self.state is not State.UPLOADING:
            raise Problem("bad-request", "Rows came for a picture that was complete.")
        ends = {name: self.layout.offset(name) + getattr(self.layout, name) for name in UPLOADED}
        expected = next(name for name, end in ends.items() if self.filled < end)
        row, rows = _whole(row, "row"), _whole(rows, "rows")
        row_bytes = self.row_bytes(expected)
        if plane != expected or self.layout.offset(expected) + row * row_bytes != self.filled:
            raise Problem("bad-request", "Rows must come in order and without gaps.")
        size = getattr(self.layout, expected)
        if rows < 1 or (row + rows) * row_bytes > size or len(data) != rows * row_bytes:
            raise Problem("bad-request", f"{len(data)} bytes came for {rows} rows of {row_bytes} bytes.")
        self.buffer.view[self.filled : self.filled + len(data)] = data
        self.filled += len(data)
        whole = ends[UPLOADED[-1]]
        self.fraction = self.filled / whole
        if self.filled == whole:
            self.state, self.stage, self.fraction = State.QUEUED, "queue", 0.0

    def give(self, plane: object, row: object, rows: object) -> memoryview | bytes:
        """Rows of the result's box."""
        row, rows = _whole(row, "row"), _whole(rows, "rows")
        if self.state is not State.DONE or self.result["box"] is None:
            raise Problem("bad-request", "There are no rows to fetch.")
        box = Box(**self.result["box"])
        if rows < 1 or row + rows > box.height:
            raise Problem("bad-request", "These rows do not lie within the result.")
        if plane == "pixels":
            pixel, pitch = self.image.row_bytes // self.image.width, self.image.row_bytes
            start = (box.y + row) * pitch + box.x * pixel
            length = box.width * pixel
        elif plane == "mask" and self.layout.mask:
            length = pitch = box.width
            start = self.layout.offset("mask") + row * pitch
        else:
            raise Problem("bad-request", "There is no such plane in the result.")
        if rows * length > MAX_FRAME_BYTES:
            raise Problem("bad-request", "More rows were asked for than one frame may hold.")
        return self.buffer.rows(start, pitch, length, rows)


class Jobs:
    """All jobs, the queue, and the limits on their number and memory."""

    def __init__(self, folder: Path, memory_cap: int | None = None):
        self._folder = folder
        self._cap = psutil.virtual_memory().total // 2 if memory_cap is None else memory_cap
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._spare: Buffer | None = None

    def __len__(self) -> int:
        return len(self._jobs)

    def all(self) -> list[Job]:
        return list(self._jobs.values())

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def bytes_held(self) -> int:
        return sum(job.layout.total for job in self._jobs.values())

    def submit(self, peer: bytes, header: dict[str, Any], icc: memoryview | None, now: float) -> Job:
        """The job that a SUBMIT describes, its memory reserved. Raises `Problem`."""
        job_id = header.get("job")
        if not isinstance(job_id, str) or not re.fullmatch(r"[0-9a-f]{32}", job_id) or job_id in self._jobs:
            raise Problem("bad-request", "A job's name must be 32 new hexadecimal digits.")
        image: ImageSpec = _build(ImageSpec, header.get("image"))
        settings: Settings = _build(Settings, header.get("settings"))
        selection: Box | None = None
        if header.get("selection") is not None:
            selection = _build(Box, header["selection"])
            selection.check_inside(image)
        reference: ImageSpec | None = None
        if header.get("reference") is not None:
            reference = _build(ImageSpec, header["reference"])
        check_reference(settings, reference)
        if icc is not None and len(icc) > MAX_ICC_BYTES:
            raise Problem("bad-image", "The picture's colour profile is too large.")
        layout = Layout.of(image, selection, settings.mask, len(icc or b""), reference)
        self._check_room(layout.total)
        buffer = self._memory(layout.total)
        if icc:
            buffer.view[layout.offset("icc") : layout.total] = icc
        job = Job(job_id, peer, image, settings, selection, layout, buffer, now, reference=reference)
        self._jobs[job_id] = job
        return job

    def _check_room(self, size: int) -> None:
        """One job is always let in, so that the cap never forbids a picture for good."""
        if len(self._jobs) >= MAX_JOBS:
            raise Problem("busy", f"The server already has {len(self._jobs)} pictures to work on.")
        if self._jobs and self.bytes_held + size > self._cap:
            raise Problem("busy", "The pictures that the server works on already fill its memory.")

    def _memory(self, size: int) -> Buffer:
        """The last picture's memory when it fits: touching fresh pages costs more than filling them."""
        spare, self._spare = self._spare, None
        if spare is not None and size <= spare.size <= 2 * size:
            return spare
        if spare is not None:
            spare.release()
        return Buffer(size, self._folder)

    def of(self, peer: bytes, job_id: object) -> Job:
        """The job, if it is this connection's own. Raises `Problem` ``unknown-job``."""
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None or job.peer != peer:
            raise Problem("unknown-job", "The server knows no such job.")
        return job

    def find(self, job_id: str) -> Job | None:
        """The job of this name, whoever's it is; None when it was dropped."""
        return self._jobs.get(job_id)

    def enqueue(self, job: Job) -> None:
        self._queue.append(job)

    def next(self) -> Job | None:
        """Takes the first of the queue."""
        return self._queue.popleft() if self._queue else None

    def position(self, job: Job) -> int:
        """How many jobs are before this one: 0 for the running one."""
        return 1 + self._queue.index(job) if job.state is State.QUEUED and job in self._queue else 0

    def forget(self, job: Job) -> None:
        """Drops the job and its memory."""
        self._jobs.pop(job.id, None)
        if job in self._queue:
            self._queue.remove(job)
        job.buffer.release()

    def finish(self, job: Job) -> None:
        """Drops a job whose client has all of its rows; the memory may serve the next one."""
        self._jobs.pop(job.id, None)
        self.trim()
        if job.buffer.size <= MAX_SPARE_BYTES:
            self._spare = job.buffer
        else:
            job.buffer.release()

    def trim(self) -> None:
        """Gives back what is kept for the next job."""
        if self._spare is not None:
            self._spare.release()
            self._spare = None


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Problem("bad-request", f"{name} must be a whole number.")
    return value


def _build(kind: type[Any], fields: object) -> Any:
    """`kind(**fields)`, with anything but exactly known fields refused."""
    if not isinstance(fields, dict):
        raise Problem("bad-request", f"{kind.__name__} must be an object.")
    try:
        return kind(**fields)
    except TypeError:
        raise Problem("bad-request", f"{kind.__name__} has missing or unknown fields.") from None
