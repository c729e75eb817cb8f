"""The jobs that the server holds: who owns them, how far they are, who is next.

No socket and no clock of its own: `job_service` asks and tells. Everything a client
sent is checked here before a byte of it is used.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.wire import (
    MAX_FACES,
    MAX_FRAME_BYTES,
    MAX_ICC_BYTES,
    MAX_PREVIEW_BYTES,
    Box,
    ImageSpec,
    Problem,
    Settings,
    check_reference,
)

from .buffers import Buffer, Layout
from .limits import Limits, OverLimit

MAX_SPARE_BYTES = 512 << 20
REMEMBERED = 1000  # names of jobs that have ended


UPLOADED = ("pixels", "selection", "reference")  # planes, in the order in which they lie and come


class State(Enum):
    """Where a job stands. READY: it was analysed, and waits for what its client wants of it."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    DONE = "done"


@dataclass(frozen=True)
class Task:
    """What a worker shall do with a job. kind: a name of `tasks.TASKS`; fields: what it is told with it."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)


# What a client asked for: sizes of the ICC profile and of the file before the task.
Sent = tuple[ImageSpec, Settings, Box | None, ImageSpec | None, int, int, Task]


@dataclass(eq=False)
class Job:
    """One picture of one client. `touched`: when the client last did something for it.

    peer: the connection it belongs to; None while its client may still come back.
    keep: the seconds that it outlives its connection. deaths: the workers that ended over its task.
    sent: what its client asked for; task: what is to be done now; then: the next task, of a job that stays
    open for several.
    file: bytes of the file that comes in place of pixels, and goes back as one; 0 for none.
    """

    id: str
    peer: Hashable | None
    image: ImageSpec
    settings: Settings
    selection: Box | None
    layout: Layout
    buffer: Buffer
    touched: float
    sent: Sent
    keep: float = 0.0
    reference: ImageSpec | None = None
    file: int = 0
    state: State = State.UPLOADING
    stage: str = "upload"
    fraction: float = 0.0
    filled: int = 0  # bytes of the planes that came
    task: Task = Task("retouch")
    then: Task | None = None
    result: dict[str, Any] = field(default_factory=dict)
    analysed: dict[str, Any] | None = None  # what ANALYSED told
    deaths: int = 0

    @property
    def stays_open(self) -> bool:
        """Whether it was made by ANALYSE, for previews and renderings until its client is done with it."""
        return self.layout.preview > 0

    def row_bytes(self, plane: str) -> int:
        """Count the bytes of a row of one of the planes that a client sends."""
        if plane == "pixels":
            return 1 if self.file else self.image.row_bytes
        if plane == "reference":
            return self.reference.row_bytes if self.reference else 0
        return self.selection.width if plane == "selection" and self.selection else 0

    def place(self, plane: object, row: object, rows: object, size: int) -> memoryview:
        """Where the next rows of an upload belong, in order and without gaps; `took` follows."""
        if self.state is not State.UPLOADING:
            raise Problem("bad-request", "Rows came for a picture that was complete.")
        at = self.layout.offset("pixels") + self.filled
        ends = {name: self.layout.offset(name) + getattr(self.layout, name) for name in UPLOADED}
        expected = next(name for name, end in ends.items() if at < end)
        row, rows = _whole(row, "row"), _whole(rows, "rows")
        row_bytes = self.row_bytes(expected)
        if plane != expected or self.layout.offset(expected) + row * row_bytes != at:
            raise Problem("bad-request", "Rows must come in order and without gaps.")
        whole = getattr(self.layout, expected)
        if rows < 1 or (row + rows) * row_bytes > whole or size != rows * row_bytes:
            raise Problem("bad-request", f"{size} bytes came for {rows} rows of {row_bytes} bytes.")
        return self.buffer.view[at : at + size]

    def took(self, size: int) -> None:
        """Count rows that are where they belong. With the last ones the job is QUEUED."""
        self.filled += size
        whole = sum(getattr(self.layout, name) for name in UPLOADED)
        self.fraction = self.filled / whole
        if self.filled == whole:
            self.state, self.stage, self.fraction = State.QUEUED, "queue", 0.0

    def plane(self, name: str) -> memoryview:
        """All of a plane's memory."""
        start = self.layout.offset(name)
        return self.buffer.view[start : start + getattr(self.layout, name)]

    def give(self, plane: object, row: object, rows: object) -> list[memoryview]:
        """Rows of the result's box, or bytes of its file, not copied."""
        row, rows = _whole(row, "row"), _whole(rows, "rows")
        if self.state is not State.DONE or not self.result.get("bytes" if self.file else "box"):
            raise Problem("bad-request", "There are no rows to fetch.")
        box = Box(0, 0, 1, self.result["bytes"]) if self.file else Box(**self.result["box"])
        if rows < 1 or row + rows > box.height:
            raise Problem("bad-request", "These rows do not lie within the result.")
        if self.file and plane == "pixels":
            start, length, pitch = self.layout.offset("result") + row, 1, 1
        elif plane == "pixels":
            pixel, pitch = self.image.row_bytes // self.image.width, self.image.row_bytes
            start = self.layout.offset("result") + (box.y + row) * pitch + box.x * pixel
            length = box.width * pixel
        elif plane == "mask" and self.layout.mask:
            length = pitch = box.width
            start = self.layout.offset("mask") + row * pitch
        else:
            raise Problem("bad-request", "There is no such plane in the result.")
        if rows * length > MAX_FRAME_BYTES:
            raise Problem("bad-request", "More rows were asked for than one frame may hold.")
        return self.buffer.rows(start, pitch, length, rows)


class JobQueue:
    """All jobs, the queue, and the limits on their number and memory."""

    def __init__(self, folder: Path, limits: Limits):
        self._folder = folder
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._queues: OrderedDict[Hashable | None, deque[Job]] = OrderedDict()  # the next client's first
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._spare: Buffer | None = None

    def __len__(self) -> int:
        return len(self._jobs)

    def all(self) -> list[Job]:
        """List all jobs, the oldest first."""
        return list(self._jobs.values())

    def have(self, peer: Hashable) -> list[Job]:
        """Return the jobs of this connection."""
        return [job for job in self._jobs.values() if job.peer is peer]

    @property
    def waiting(self) -> int:
        """Count the jobs in the queue."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def bytes_held(self) -> int:
        """Count the bytes of all jobs' planes."""
        return sum(job.buffer.size for job in self._jobs.values())

    def submit(
        self, peer: Hashable, header: dict[str, Any], icc: int, now: float, task: Task = Task("retouch")
    ) -> tuple[Job, bool]:
        """Make the job that a SUBMIT with a profile of `icc` bytes describes, its memory reserved, and True.

        task: with ``analyse`` the job stays open. One that was sent before is found again instead, now this
        connection's, and False. Raises `Problem`.
        """
        job_id = header.get("job")
        if not isinstance(job_id, str) or not re.fullmatch(r"[0-9a-f]{32}", job_id):
            raise Problem("bad-request", "A job's name must be 32 hexadecimal digits.")
        if job_id in self._ended:
            raise Problem("unknown-job", "This job was answered before.", "Send the picture as a new job.")
        image: ImageSpec = build(ImageSpec, header.get("image"))
        settings: Settings = build(Settings, header.get("settings"))
        selection: Box | None = None
        if header.get("selection") is not None:
            selection = build(Box, header["selection"])
            selection.check_inside(image)
        reference: ImageSpec | None = None
        if header.get("reference") is not None:
            reference = build(ImageSpec, header["reference"])
        check_reference(settings, reference)
        if icc > MAX_ICC_BYTES:
            raise Problem("bad-image", "The picture's colour profile is too large.")
        if file := _whole(header.get("file", 0), "file"):
            if selection or icc or settings.mask or task.kind != "retouch":
                raise Problem("bad-request", "A file has neither selection, profile, mask nor previews.")
            if image.sample != "u8":
                raise Problem("bad-request", "A file's samples are u8.")
            task = Task("file", {"size": [image.width, image.height]})
        if header.get("series") is not None:
            task = Task(task.kind, {**task.fields, "series": _series(header["series"], task.kind)})
        sent = (image, settings, selection, reference, icc, file, task)
        if (known := self._jobs.get(job_id)) is not None:
            return self._again(known, peer, sent), False
        keep = self._keep(header.get("keep", 0))
        preview = MAX_PREVIEW_BYTES if task.kind == "analyse" else 0
        layout = Layout.of(image, selection, settings.mask or preview > 0, icc, reference, preview, file)
        self._check_room(peer, image, layout.total)
        memory = self._memory(layout.total)
        more: dict[str, Any] = {"keep": keep, "reference": reference, "file": file, "task": task}
        job = Job(job_id, peer, image, settings, selection, layout, memory, now, sent, **more)
        self._jobs[job_id] = job
        return job, True

    def _keep(self, keep: object) -> float:
        most = self._limits.resume_seconds
        number = isinstance(keep, (int, float)) and not isinstance(keep, bool)
        if not number or not 0 <= keep <= most:  # type: ignore[operator]
            raise Problem("bad-request", f"keep must be a number of seconds, at most {most:.0f}.")
        return float(keep)  # type: ignore[arg-type]

    def _again(self, job: Job, peer: Hashable, sent: Sent) -> Job:
        if job.sent != sent:
            raise Problem("bad-request", "Another job already has this name.")
        if job.peer is not peer and not job.keep:
            raise Problem("bad-request", "The job is another connection's.")
        if job.peer is not peer and self._unqueue(job):
            self._queues.setdefault(peer, deque()).append(job)
        job.peer = peer
        return job

    def _check_room(self, peer: Hashable, image: ImageSpec, size: int) -> None:
        limits = self._limits
        pixels, cap = image.width * image.height, limits.memory_bytes
        if pixels > limits.pixels:
            text = f"The picture has {pixels} pixels"
            raise OverLimit("pixels", limits.pixels, text, "too-large", "Scale the picture down")
        if size > cap:
            text = f"The picture and its result need {size} bytes"
            raise OverLimit("memory", cap, text, "too-large", "Scale the picture down")
        if len(self._jobs) >= limits.jobs:
            raise OverLimit("jobs", limits.jobs, f"The server already has {len(self._jobs)} pictures")
        own = len(self.have(peer))
        if own >= limits.jobs_per_client:
            text = f"The server already has {own} pictures of this client"
            raise OverLimit("jobs-per-client", limits.jobs_per_client, text)
        if self.bytes_held + size > cap:
            raise OverLimit("memory", cap, "The pictures before this one fill the server's memory")

    def _memory(self, size: int) -> Buffer:
        """Take the last picture's memory when it fits: touching fresh pages costs more than filling them."""
        spare, self._spare = self._spare, None
        room = self._limits.memory_bytes - self.bytes_held
        if spare is not None and size <= spare.size <= min(2 * size, room):
            return spare
        if spare is not None:
            spare.release()
        return Buffer(size, self._folder)

    def of(self, peer: Hashable, job_id: object) -> Job:
        """Return the job, if it is this connection's own. Raises `Problem` ``unknown-job``."""
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None or job.peer is not peer:
            raise Problem("unknown-job", "The server knows no such job.")
        return job

    def find(self, job_id: str) -> Job | None:
        """Return the job of this name, whoever's it is; None when it was dropped."""
        return self._jobs.get(job_id)

    def enqueue(self, job: Job, first: bool = False) -> None:
        """Behind its client's other jobs; before everything when it was `first` already."""
        queue = self._queues.setdefault(job.peer, deque())
        if first:
            queue.appendleft(job)
            self._queues.move_to_end(job.peer, last=False)
        else:
            queue.append(job)

    def next(self) -> Job | None:
        """Take the first job of the client whose turn it is; its others wait for the next round."""
        if not self._queues:
            return None
        peer, queue = next(iter(self._queues.items()))
        job = queue.popleft()
        self._queues.move_to_end(peer)
        if not queue:
            del self._queues[peer]
        return job

    def position(self, job: Job) -> int:
        """How many jobs are before this one: 0 for the running one."""
        before = True  # whether the turn of a client comes before this job's
        others = 0
        own = next((q.index(job) for q in self._queues.values() if job in q), None)
        if own is None:
            return 0
        for queue in self._queues.values():
            if job in queue:
                before = False
            else:
                others += min(len(queue), own + before)
        return 1 + own + others

    def forget(self, job: Job) -> None:
        """Drop the job and its memory."""
        self._remove(job)
        job.buffer.release()

    def _remove(self, job: Job) -> None:
        if self._jobs.pop(job.id, None) is not None and job.filled:
            self._ended[job.id] = None
            if len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)
        self._unqueue(job)

    def _unqueue(self, job: Job) -> bool:
        """Whether it was in the queue."""
        for peer, queue in self._queues.items():
            if job in queue:
                queue.remove(job)
                if not queue:
                    del self._queues[peer]
                return True
        return False

    def finish(self, job: Job) -> None:
        """Drop a job whose client has all of its rows; the memory may serve the next one."""
        self._remove(job)
        self.trim()
        if job.buffer.size <= MAX_SPARE_BYTES:
            self._spare = job.buffer
        else:
            job.buffer.release()

    def trim(self) -> None:
        """Give back what is kept for the next job."""
        if self._spare is not None:
            self._spare.release()
            self._spare = None


def _series(value: object, kind: str) -> object:
    """Return what a picture of a series is sent for, once it is checked."""
    colours = value if isinstance(value, list) else [()]
    sound = all(
        colour is None or (isinstance(colour, list) and len(colour) == 3 and all(map(_is_gain, colour)))
        for colour in colours
    )
    if kind == "analyse" or (value != "measure" and not (sound and len(colours) <= MAX_FACES)):
        raise Problem("bad-request", "series must be 'measure' or the colours of faces.")
    return value


def _is_gain(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 8


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise Problem("bad-request", f"{name} must be a whole number.")
    return value


def build(kind: type[Any], fields: object) -> Any:
    """`kind(**fields)`, with anything but exactly known fields refused."""
    if not isinstance(fields, dict):
        raise Problem("bad-request", f"{kind.__name__} must be an object.")
    try:
        return kind(**fields)
    except TypeError:
        raise Problem("bad-request", f"{kind.__name__} has missing or unknown fields.") from None
