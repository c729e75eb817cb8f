"""The workers, one for each device, and the jobs they have: who is free takes the next one.

A job whose worker dies is tried once more on a fresh one. A second death is the
job's own fault, as far as anybody can tell: it is refused and the others go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.wire import Problem

from .jobs import Job, Jobs, State
from .limits import Limits
from .supervisor import Event, Supervisor

ATTEMPTS = 2

log = logging.getLogger("crew")


class Crew:
    """commands: the worker's command by device. tell: hears of progress and results; fail: of problems."""

    def __init__(
        self,
        commands: Sequence[tuple[str, Sequence[str]]],
        folder: Path,
        jobs: Jobs,
        limits: Limits,
        tell: Callable[[Job, Event], None],
        fail: Callable[[Job, Problem], None],
    ):
        self.workers = [Supervisor(command, folder, device, limits) for device, command in commands]
        self._jobs = jobs
        self._tell = tell
        self._fail = fail

    @property
    def misled(self) -> Problem | None:
        """Why a worker can do nothing with its device or engine; None when all of them can."""
        return next((worker.misled for worker in self.workers if worker.misled), None)

    @property
    def busy(self) -> bool:
        return any(worker.busy for worker in self.workers)

    @property
    def device(self) -> str:
        """That of the first worker which is ready, "" when none is."""
        return next((w.about["device"] for w in self.workers if w.about["state"] == "ready"), "")

    def has(self, job_id: object) -> bool:
        """Whether a worker is at this job, even when nobody wants it any more."""
        return any(worker.busy == job_id for worker in self.workers)

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def wake(self) -> None:
        """Starts loading the network when a picture begins to come and all workers sleep."""
        if all(worker.about["state"] == "asleep" for worker in self.workers):
            self.workers[0].start()

    def sleep(self) -> None:
        for worker in self.workers:
            worker.sleep()

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()

    def cancel(self, job: Job) -> None:
        for worker in self.workers:
            worker.cancel(job.id)

    def beat(self) -> None:
        now = time.monotonic()
        for worker in self.workers:
            worker.beat(now)

    def dispatch(self) -> None:
        """Gives every worker without a job its next one."""
        for worker in self._by_readiness():
            while worker.busy is None and (job := self._jobs.next()) is not None:
                job.state = State.RUNNING
                job.stage = "faces" if worker.about["state"] == "ready" else "load"
                try:
                    worker.give(job)
                except Problem as problem:
                    self._fail(job, problem)

    def _by_readiness(self) -> Iterator[Supervisor]:
        yield from sorted(self.workers, key=lambda worker: worker.about["state"] != "ready")

    def take(self, worker: Supervisor) -> None:
        """What a worker has to say, and then the next job for it."""
        for event in worker.take():
            job = self._jobs.find(event.job)
            if job is None:
                continue
            if event.kind == "died":
                self._try_again(job, event)
            elif event.problem is not None:
                self._fail(job, event.problem)
            else:
                self._tell(job, event)
        self.dispatch()

    def _try_again(self, job: Job, event: Event) -> None:
        assert event.problem is not None
        job.deaths += 1
        if job.deaths < ATTEMPTS:
            log.warning("job %.8s: %s It is tried again.", job.id, event.problem.message)
            job.state, job.stage, job.fraction = State.QUEUED, "queue", 0.0
            self._jobs.enqueue(job, first=True)
        elif event.ready:
            text = f"The picture is refused after {job.deaths} attempts. {event.problem.message}"
            self._fail(job, Problem("poisonous", text))
        else:
            self._fail(job, event.problem)

    def status(self) -> list[dict[str, Any]]:
        """What the status tells of each worker."""
        return [
            {**worker.about, "pid": worker.pid, "rss": worker.rss(), "job": worker.busy is not None}
            for worker in self.workers
        ]
