"""The jobs from SUBMIT to DONE: what clients ask of them, what workers make of them.

No socket and no message: methods return events, and `requests` tells the clients of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from plugin.studio_portrait.link.wire import Problem, Settings

from .job import Job, State, Task, build
from .job_queue import JobQueue
from .limits import Limits, OverLimit
from .stage_times import StageTimes
from .worker_pool import WorkerPool
from .worker_supervisor import Supervisor, WorkerEvent

ATTEMPTS = 2
ANSWERS = {
    "retouch": "RESULT",
    "file": "RESULT",
    "render": "RESULT",
    "analyse": "ANALYSED",
    "preview": "PREVIEW",
}

log = logging.getLogger("jobs")


@dataclass(frozen=True)
class Event:
    """News of a job for its client: ``progress``, ``answer`` (that of `task`), ``failed``.

    peer: the connection to tell, None when its client is away. fields, rows: of the answer; of what failed
    while its job stays, fields has the serial.
    """

    kind: str
    job: Job
    peer: Hashable | None
    task: Task
    problem: Problem | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    rows: bytes | None = None


class JobService:
    """counts: jobs by what became of them. ending: no more of them are taken."""

    def __init__(self, jobs: JobQueue, pool: WorkerPool, limits: Limits, clock: Callable[[], float]) -> None:
        self._jobs = jobs
        self._pool = pool
        self._limits = limits
        self._clock = clock
        self.ending = False
        self.counts = {"done": 0, "failed": 0, "cancelled": 0}
        self.stages = StageTimes()

    def __len__(self) -> int:
        return len(self._jobs)

    def have(self, peer: Hashable) -> list[Job]:
        """Return the jobs of this connection."""
        return self._jobs.have(peer)

    # What clients ask.

    def submit(
        self, peer: Hashable, header: dict[str, Any], icc: memoryview | None, networks: list[str], task: Task
    ) -> Job:
        """Return the job of a SUBMIT or ANALYSE, new or sent again. Raises `Problem`."""
        if self.ending:
            raise Problem("shutting-down", "The server was told to end.")
        if self._jobs.find(str(header.get("job"))) is None and self._pool.has(header.get("job")):
            raise Problem("bad-request", "The worker still has a cancelled job of this name.")
        job, new = self._jobs.submit(peer, header, len(icc or b""), self._clock(), task)
        wanted = job.settings.network
        if wanted and wanted not in networks:
            self._jobs.forget(job)
            raise Problem("unknown-network", f"There is no network named {wanted}.")
        if new and icc:
            job.plane("icc")[:] = icc
        self._pool.wake()
        return job

    def rows(self, peer: Hashable, header: dict[str, Any], data: memoryview) -> list[Event]:
        """Rows of an upload; with the last ones the job is queued. Raises `Problem`: it ends then."""
        job = self._own(peer, header)
        try:
            job.place(header.get("plane"), header.get("row"), header.get("rows"), len(data))[:] = data
        except Problem:
            self.drop(job, "failed")
            raise
        job.took(len(data))
        return self._queue(job) if job.state is State.QUEUED else []

    def order(self, peer: Hashable, header: dict[str, Any], kind: str) -> list[Event]:
        """Another task for a job that stays open. Of those that wait the newest counts. Raises `Problem`."""
        job = self._own(peer, header)
        if self.ending:
            raise Problem("shutting-down", "The server was told to end.")
        if not job.stays_open or job.state is State.UPLOADING:
            raise Problem("bad-request", "Only a picture that was analysed can be rendered again.")
        settings: Settings = build(Settings, header.get("settings"))
        fields = {
            name: value for name, value in header.items() if name not in ("v", "cmd", "job", "settings")
        }
        task = Task(kind, {**fields, "settings": settings.as_dict()})
        if job.state in (State.READY, State.DONE):
            job.task, job.deaths = task, 0
            return self._queue(job)
        if job.state is State.QUEUED and job.task.kind != "analyse":
            job.task, job.then = task, None
        else:
            job.then = task
        return []

    def _own(self, peer: Hashable, header: dict[str, Any]) -> Job:
        job = self._jobs.of(peer, header.get("job"))
        job.touched = self._clock()
        return job

    def _queue(self, job: Job) -> list[Event]:
        job.state, job.stage, job.fraction = State.QUEUED, "queue", 0.0
        self._jobs.enqueue(job)
        return self._dispatch()

    def fetch(self, peer: Hashable, header: dict[str, Any]) -> list[memoryview]:
        """Return the rows of the result that a FETCH asks for. Raises `Problem`."""
        job = self._own(peer, header)
        return job.give(header.get("plane"), header.get("row"), header.get("rows"))

    def done(self, peer: Hashable, header: dict[str, Any], keep_memory: bool) -> None:
        """End a job whose client has all that it wants.

        keep_memory: nothing of it is on its way. Raises `Problem`.
        """
        job = self._own(peer, header)
        if job.state not in (State.DONE, State.READY):
            raise Problem("bad-request", "The job is not done; CANCEL ends it.")
        self._pool.cancel(job.id)
        (self._jobs.finish if keep_memory else self._jobs.forget)(job)

    def cancel(self, peer: Hashable, header: dict[str, Any]) -> None:
        """End a job at once, in the worker as well. Raises `Problem` when it is not this connection's."""
        self.drop(self._own(peer, header), "cancelled")

    def drop(self, job: Job, count: str) -> None:
        """End a job before its time, in the worker as well."""
        self.counts[count] += 1
        self._jobs.forget(job)
        self._pool.cancel(job.id)

    def leave(self, peer: Hashable, for_good: bool = False) -> None:
        """End the jobs of a connection that has ended, unless they may outlive it."""
        now = self._clock()
        for job in self._jobs.have(peer):
            job.peer, job.touched = None, now
            if for_good or not job.keep:
                log.info("job %.8s: the client has gone", job.id)
                self.drop(job, "cancelled")

    def end(self, only_waiting: bool) -> list[Event]:
        """Refuses the jobs that no worker has or had, or all of them; no more are taken."""
        self.ending = True
        problem = Problem("shutting-down", "The server was told to end.")
        waiting = (State.UPLOADING, State.QUEUED, State.READY)
        return [
            self._fail(job, problem) for job in self._jobs.all() if not only_waiting or job.state in waiting
        ]

    # What workers make of them.

    def take(self, worker: Supervisor) -> list[Event]:
        """Return what a worker has to say, and then the next job for it."""
        events: list[Event] = []
        for event in self._pool.take(worker):
            events += self._news(event)
        return events + self._dispatch()

    def _dispatch(self) -> list[Event]:
        events: list[Event] = []
        while failed := self._pool.dispatch(self._jobs):
            for event in failed:
                events += self._news(event)
        return events

    def _news(self, event: WorkerEvent) -> list[Event]:
        job = self._jobs.find(event.job)
        if job is None or job.state is not State.RUNNING:
            return []
        if event.kind == "died":
            return self._try_again(job, event)
        if event.problem is not None:
            return self._not_done(job, event.problem)
        if event.kind == "progress":
            job.stage, job.fraction = event.fields["stage"], event.fields["fraction"]
            return [self._event("progress", job)]
        return self._answered(job, event.fields)

    def _answered(self, job: Job, fields: dict[str, Any]) -> list[Event]:
        ms, kind = fields.get("ms", {}), job.task.kind
        self.stages.add(ms)
        log.info("job %.8s: %s, %s, %s ms", job.id, kind, vars(job.image), ms.get("total"))
        job.touched, job.deaths, job.fraction = self._clock(), 0, 0.0
        rows = None
        if ANSWERS[kind] == "RESULT":
            self.counts["done"] += 1
            job.result, job.state, job.stage = fields, State.DONE, "download"
        else:
            job.state, job.stage = State.READY, "ready"
        if kind == "analyse":
            job.analysed = fields
        if kind == "preview":  # copied now: the next one may be written before this one is sent
            rows = bytes(job.plane("preview")[: fields.pop("bytes")])
        return [Event("answer", job, job.peer, job.task, None, fields, rows), *self._next_task(job)]

    def _next_task(self, job: Job) -> list[Event]:
        """Queue what was asked for while the job's task ran."""
        if job.then is None:
            return []
        job.task, job.then = job.then, None
        return self._queue(job)

    def _not_done(self, job: Job, problem: Problem) -> list[Event]:
        """End a failed task. A picture that was analysed stays for the next one; any other job ends."""
        if job.stays_open and job.task.kind != "analyse" and problem.code not in ("rejected", "worker-died"):
            serial = job.task.fields.get("serial")  # a client may have sent anything
            fields = {"serial": serial} if isinstance(serial, int) else {}
            event = Event("failed", job, job.peer, job.task, problem, fields)
            job.state, job.stage = State.READY, "ready"
            return [event, *self._next_task(job)]
        return [self._fail(job, problem)]

    def _try_again(self, job: Job, event: WorkerEvent) -> list[Event]:
        assert event.problem is not None
        job.deaths += 1
        if job.deaths < ATTEMPTS:
            log.warning("job %.8s: %s It is tried again.", job.id, event.problem.message)
            job.state, job.stage, job.fraction = State.QUEUED, "queue", 0.0
            self._jobs.enqueue(job, first=True)
            return []
        if not event.ready:
            return [self._fail(job, event.problem)]
        text = f"The picture is refused after {job.deaths} attempts. {event.problem.message}"
        return [self._fail(job, Problem("rejected", text))]

    def _fail(self, job: Job, problem: Problem) -> Event:
        log.info("job %.8s: %s: %s", job.id, problem.code, problem.message)
        event = self._event("failed", job, problem)
        self.drop(job, "failed")
        return event

    def _event(self, kind: str, job: Job, problem: Problem | None = None) -> Event:
        return Event(kind, job, job.peer, job.task, problem)

    def position(self, job: Job) -> int:
        """How many jobs are before this one: 0 for a running one."""
        return self._jobs.position(job)

    def beat(self) -> list[Event]:
        """How far all jobs are; those that stand still are dropped. Four times a second."""
        now, events = self._clock(), []
        for job in self._jobs.all():
            still = self._allowed_to_stand(job)
            if job.peer is None and now - job.touched > job.keep:
                log.info("job %.8s: its client did not come back", job.id)
                self.drop(job, "cancelled")
            elif still is not None and now - job.touched > still[1]:
                text = f"The picture was dropped: nothing came for {still[1]:.0f} seconds"
                problem = OverLimit(*still, text, "unknown-job", "Try again")
                events.append(self._fail(job, problem))
            else:
                events.append(self._event("progress", job))
        return events

    def _allowed_to_stand(self, job: Job) -> tuple[str, float] | None:
        """Return how long a client may say nothing; None while it is the worker's turn."""
        if job.state in (State.QUEUED, State.RUNNING):
            return None
        if job.stays_open and job.state is not State.UPLOADING:
            return "open-seconds", self._limits.open_seconds
        return "stall-seconds", self._limits.stall_seconds
