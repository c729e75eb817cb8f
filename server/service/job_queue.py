"""The jobs that the server holds: who owns them, who is next, and whether there is room for another one.

No socket and no clock of its own: `job_service` asks and tells. What a SUBMIT says is checked here before a
byte of it is used.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.wire import (
    MAX_FACES,
    MAX_ICC_BYTES,
    MAX_PREVIEW_BYTES,
    Box,
    ImageSpec,
    Problem,
    Settings,
    check_reference,
)

from .buffers import Buffer, Layout
from .job import RETOUCH, Job, Sent, Task, build, whole_number
from .limits import Limits, OverLimit

MAX_SPARE_BYTES = 512 << 20
REMEMBERED = 1000  # names of jobs that have ended


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
        self, peer: Hashable, header: dict[str, Any], icc: int, now: float, task: Task = RETOUCH
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
        if file := whole_number(header.get("file", 0), "file"):
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
