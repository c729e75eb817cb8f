"""Keeps one worker process alive and knows which job it has.

A worker that dies is replaced: at once when it had been ready, otherwise with the
next job, so that a worker that cannot start does not start again and again. One
that shows no sign of progress for too long is ended, which is the same then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Problem

from .job import Job
from .limits import Limits
from .worker_process import Mailbox, WorkerProcess

STUCK_SECONDS = 5.0  # a worker that goes on with a cancelled job so long is killed
LOOK_SECONDS, LEAST_SHARE = 10.0, 0.01  # a late worker uses that much of a processor, or hangs
AFTERWORD_SECONDS = 1.0  # what a worker says so soon after a job is about that job

log = logging.getLogger("supervisor")


@dataclass(frozen=True)
class WorkerEvent:
    """What a worker says of a job: ``progress`` or ``result`` with its fields, or ``error`` with its problem.

    ``died``: the worker ended over the job, and its problem says how; ready: it had loaded its network.
    """

    kind: str
    job: str
    fields: dict[str, Any]
    problem: Problem | None = None
    ready: bool = False


class Supervisor:
    """One worker as the server sees it. `mailbox` is to be watched, then `take` called.

    busy: the id of the job that the worker has, even when its client has gone.
    about: state (loading, ready, failed, dead, asleep), device, engine, network, weights.
    unusable: why the worker can do nothing with the device or engine that was named; None if it can.
    holds: the jobs that stay open and whose components it has.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, device: str, limits: Limits, clock: Callable[[], float]
    ):
        self._command = command
        self._log = runtime.log_path(folder)
        self._limits = limits
        self._clock = clock
        self.holds: set[str] = set()
        self.mailbox = Mailbox()
        self._process: WorkerProcess | None = None
        self._runs = 0
        self._cancelled_at: float | None = None
        self._heard = 0.0
        self._hung = False
        self._late: float | None = None  # what it had used of a processor when it became late
        self._used = 0.0
        self.busy: str | None = None
        self._last: str | None = None
        self._waiting: dict[str, Any] | None = None  # the job's message, until the worker has loaded
        self.unusable: Problem | None = None
        self.about = {"state": "loading", "device": device, "engine": "", "network": "", "weights": ""}

    @property
    def pid(self) -> int | None:
        """Return the worker's process id, None while there is none."""
        return self._process.pid if self._process else None

    def rss(self) -> int:
        """Return the worker's resident bytes."""
        return self._process.rss() if self._process else 0

    def start(self) -> None:
        """Start the worker unless it runs; when that is impossible, the next job hears of it."""
        if self._process is not None:
            return
        self._runs += 1
        self._hung = False
        self._late = None
        self._heard = self._clock()
        self.about["state"] = "loading"
        try:
            self._process = WorkerProcess(self._command, self.mailbox, self._runs, self._at_work)
        except OSError as error:
            log.error("the worker cannot be started: %s", error)
            self.about["state"] = "dead"

    def _at_work(self) -> str:
        """Return what each of the worker's lines in the log begins with."""
        job = self.busy
        if job is None and self._clock() - self._heard < AFTERWORD_SECONDS:
            job = self._last  # what it said of that may be read only now
        return f"job {job:.8}: " if job else ""

    def sleep(self) -> None:
        """End a worker without work, and give the device's memory back with it; `start` undoes it."""
        if self._process is not None and self.busy is None:
            log.info("worker asleep: its memory is free")
            self._process.kill()  # it may be stopped; it has nothing to lose
            self._process, self.about["state"] = None, "asleep"
            self.holds.clear()

    def stop(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.stop(grace=2.0)
        self.mailbox.close()

    def give(self, job: Job) -> None:
        """Hands over a job; only when `busy` is None. Raises `Problem` when no worker can be had."""
        self.start()
        if self._process is None:
            raise Problem("worker-died", "The server's worker cannot be started.", f"See {self._log}.")
        self.busy = self._last = job.id
        self._cancelled_at, self._late, self._heard = None, None, self._clock()
        if job.stays_open:
            self.holds.add(job.id)
        message = {
            "cmd": "job",
            "task": vars(job.task),
            "job": job.id,
            "path": job.buffer.path,
            "inode": job.buffer.inode,
            "layout": vars(job.layout),
            "image": vars(job.image),
            "settings": job.settings.as_dict(),
            "selection": vars(job.selection) if job.selection else None,
            "reference": vars(job.reference) if job.reference else None,
        }
        if self.about["state"] == "loading":
            self._waiting = message  # a worker that loads could not hear that the job is cancelled
        else:
            self._process.send(message)

    def cancel(self, job_id: str) -> None:
        """Make the worker let go of this job, if it has it."""
        if job_id in self.holds:
            self.holds.discard(job_id)
            if self._process is not None and self._waiting is None:
                self._process.send({"cmd": "forget", "job": job_id})
        if self._waiting is not None and self.busy == job_id:
            self._waiting = self.busy = None
        elif self._process is not None and self.busy == job_id:
            self._process.send({"cmd": "cancel", "job": job_id})
            self._cancelled_at = self._clock()

    def beat(self) -> None:
        """End a worker that does not let go or shows no sign of progress. To be called now and then."""
        now = self._clock()
        if self._process is None or self._hung:
            return
        loading = self.about["state"] == "loading"
        allowed = self._limits.load_seconds if loading else self._limits.silent_seconds
        if self._cancelled_at is not None and now - self._cancelled_at > STUCK_SECONDS:
            log.warning("the worker does not let go of a cancelled job and is ended")
        elif (loading or self.busy) and now - self._heard > allowed:
            if self._works(allowed):
                self._heard = now - allowed + LOOK_SECONDS
                return
            log.warning("the worker gave no sign for %.0f seconds and is ended", allowed)
        else:
            return
        self._hung = True
        self._process.kill()

    def _works(self, allowed: float) -> bool:
        """Whether a late worker is slow because the machine is busy, rather than hangs or goes in circles."""
        used = self._process.processor_seconds() if self._process else 0.0
        if self._late is None:
            self._late = self._used = used
            return True
        before, self._used = self._used, used
        return used - before > LEAST_SHARE * LOOK_SECONDS and used - self._late < allowed

    def take(self) -> Iterator[WorkerEvent]:
        """Yield the events about jobs that have come."""
        for number, line in self.mailbox.take():
            if self._process is not None and number == self._process.number:
                event = self._event(line)
                if event is not None:
                    yield event

    def _event(self, line: bytes) -> WorkerEvent | None:
        self._heard, self._late = self._clock(), None
        try:
            fields = json.loads(line)
            kind = fields.pop("event")
        except (ValueError, KeyError, AttributeError):
            log.warning("the worker said: %r", line[:200])
            return None
        if kind == "died":
            return self._died(fields["status"])
        if kind in ("ready", "failed"):
            self.about.update(fields, state=kind)
            log.info("worker %s: %s", kind, ", ".join(f"{name} {value}" for name, value in fields.items()))
            if fields.get("code") == "bad-setting":
                self.unusable = Problem(fields["code"], fields["message"], fields["hint"])
            if self._waiting is not None and self._process is not None:
                self._process.send(self._waiting)
                self._waiting = None
            return None
        return self._about_job(kind, fields.pop("job"), fields)

    def _about_job(self, kind: str, job: str, fields: dict[str, Any]) -> WorkerEvent:
        if kind != "progress":
            self.busy, self._cancelled_at = None, None
        if kind == "error":
            return WorkerEvent(kind, job, {}, Problem(fields["code"], fields["message"], fields["hint"]))
        if kind == "result" and self.about["state"] == "failed":
            self.about.update({name: fields[name] for name in self.about if name in fields}, state="ready")
        return WorkerEvent(kind, job, fields)

    def _died(self, status: int) -> WorkerEvent | None:
        log.error("the worker ended with status %s", status)
        job, self.busy, self._cancelled_at, self._waiting = self.busy, None, None, None
        why, was_ready = self._why(status), self.about["state"] == "ready"
        self._process, self.about["state"] = None, "dead"
        self.holds.clear()
        if was_ready:
            self.start()
        if job is None:
            return None
        hint = f"Try again; if it happens twice, see the server's log: {self._log}."
        problem = Problem("worker-died", f"The server's worker ended ({why}).", hint)
        return WorkerEvent("died", job, {}, problem, was_ready)

    def _why(self, status: int) -> str:
        if self._hung:
            return "it gave no sign of progress"
        return f"status {status}" if status >= 0 else f"signal {-status}"
