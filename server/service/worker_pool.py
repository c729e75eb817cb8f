"""The workers, one for each device, and who of them has which job.

A job whose worker dies is tried once more on a fresh one. A second death is the
job's own fault, as far as anybody can tell: it is refused and the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.wire import Problem

from .job import Job, State
from .job_queue import JobQueue
from .limits import Limits
from .worker_supervisor import Supervisor, WorkerEvent

log = logging.getLogger("workers")


class WorkerPool:
    """commands: the worker's command by device. folder: the state folder."""

    def __init__(
        self,
        commands: Sequence[tuple[str, Sequence[str]]],
        folder: Path,
        limits: Limits,
        clock: Callable[[], float],
    ):
        self.workers = [Supervisor(command, folder, device, limits, clock) for device, command in commands]

    @property
    def unusable(self) -> Problem | None:
        """Why a worker can do nothing with its device or engine; None when all of them can."""
        return next((worker.unusable for worker in self.workers if worker.unusable), None)

    @property
    def busy(self) -> bool:
        """Return whether any worker has a task."""
        return any(worker.busy for worker in self.workers)

    @property
    def device(self) -> str:
        """That of the first worker which is ready, "" when none is."""
        return next((w.about["device"] for w in self.workers if w.about["state"] == "ready"), "")

    def has(self, job_id: object) -> bool:
        """Whether a worker is at this job, even when nobody wants it any more."""
        return any(worker.busy == job_id for worker in self.workers)

    def start(self) -> None:
        """Start all workers."""
        for worker in self.workers:
            worker.start()

    def wake(self) -> None:
        """Start loading the network when a picture begins to come and all workers sleep."""
        if all(worker.about["state"] == "asleep" for worker in self.workers):
            self.workers[0].start()

    def sleep(self) -> None:
        """End the workers until there is work again."""
        for worker in self.workers:
            worker.sleep()

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()

    def cancel(self, job_id: str) -> None:
        """Make the worker that has this job, or its components, let go of it."""
        for worker in self.workers:
            worker.cancel(job_id)

    def beat(self) -> None:
        """Do what is due for each worker."""
        for worker in self.workers:
            worker.beat()

    def take(self, worker: Supervisor) -> list[WorkerEvent]:
        """Return what a worker has to say of its jobs."""
        return list(worker.take())

    def dispatch(self, jobs: JobQueue) -> list[WorkerEvent]:
        """Give every worker without a job its next one; returns what went wrong with that."""
        failed: list[WorkerEvent] = []
        while free := [worker for worker in self.workers if worker.busy is None]:
            job = jobs.next()
            if job is None:
                break
            worker = min(free, key=lambda worker: _preference(worker, job))
            job.state = State.RUNNING
            job.stage = "faces" if worker.about["state"] == "ready" else "load"
            try:
                worker.give(job)
            except Problem as problem:
                failed.append(WorkerEvent("error", job.id, {}, problem))
        return failed

    def status(self) -> list[dict[str, Any]]:
        """Return what the status tells of each worker."""
        return [
            {**worker.about, "pid": worker.pid, "rss": worker.rss(), "job": worker.busy is not None}
            for worker in self.workers
        ]


def _preference(worker: Supervisor, job: Job) -> tuple[bool, bool]:
    """Who has the job's components takes it, else who need not load a network first."""
    return job.id not in worker.holds, worker.about["state"] != "ready"
