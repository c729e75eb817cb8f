"""Keeps one worker process alive and knows which job it has.

A worker that dies is replaced: at once when it had been ready, otherwise with the
next job, so that a worker that cannot start does not start again and again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Problem

from .jobs import Job
from .worker_process import EVENTS, WorkerProcess

STUCK_SECONDS = 10.0  # a worker that goes on with a cancelled job so long is killed

log = logging.getLogger("supervisor")


@dataclass(frozen=True)
class Event:
    """What became of the job: ``progress`` or ``result`` with its fields, or ``error`` with its problem."""

    kind: str
    job: str
    fields: dict[str, Any]
    problem: Problem | None = None


class Supervisor:
    """The worker as the front sees it. `socket` is to be polled, then `take` called.

    busy: the id of the job that the worker has, even when its client has gone.
    about: state (loading, ready, failed, dead), device, engine, network, weights.
    misled: why the worker can do nothing with the device or engine that was named; None if it can.
    """

    def __init__(self, command: Sequence[str], folder: Path, context: zmq.Context[Any], device: str):
        self._command = command
        self._log = runtime.log_path(folder)
        self._context = context
        self.socket = context.socket(zmq.PULL)
        self.socket.bind(EVENTS)
        self._process: WorkerProcess | None = None
        self._runs = 0
        self._cancelled_at: float | None = None
        self.busy: str | None = None
        self.misled: Problem | None = None
        self.about = {"state": "loading", "device": device, "engine": "", "network": "", "weights": ""}

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def rss(self) -> int:
        return self._process.rss() if self._process else 0

    def start(self) -> None:
        """Starts the worker; when that is impossible, the next job hears of it."""
        self._runs += 1
        self.about["state"] = "loading"
        try:
            self._process = WorkerProcess(self._command, self._log, self._context, self._runs)
        except OSError as error:
            log.error("the worker cannot be started: %s", error)
            self.about["state"] = "dead"

    def stop(self) -> None:
        """Ends the worker and closes `socket`."""
        if self._process is not None:
            self._process.stop(grace=2.0)
        self.socket.close(linger=0)

    def give(self, job: Job) -> None:
        """Hands over a job; only when `busy` is None. Raises `Problem` when no worker can be had."""
        if self._process is None:
            self.start()
        if self._process is None:
            raise Problem("worker-died", "The server's worker cannot be started.", f"See {self._log}.")
        self.busy, self._cancelled_at = job.id, None
        self._process.send(
            {
                "cmd": "job",
                "job": job.id,
                "path": job.buffer.path,
                "layout": vars(job.layout),
                "image": vars(job.image),
                "settings": job.settings.as_dict(),
                "selection": vars(job.selection) if job.selection else None,
                "reference": vars(job.reference) if job.reference else None,
            }
        )

    def cancel(self, job_id: str) -> None:
        """Makes the worker let go of this job, if it has it."""
        if self._process is not None and self.busy == job_id:
            self._process.send({"cmd": "cancel", "job": job_id})
            self._cancelled_at = time.monotonic()

    def beat(self) -> None:
        """Ends a worker that does not let go. To be called now and then."""
        late = self._cancelled_at is not None and time.monotonic() - self._cancelled_at > STUCK_SECONDS
        if late and self._process is not None:
            log.warning("the worker does not let go of a cancelled job and is ended")
            self._cancelled_at = None
            self._process.kill()

    def take(self) -> Event | None:
        """The next event, if it is about a job."""
        number, line = self.socket.recv_multipart()
        if self._process is None or int(number) != self._process.number:
            return None
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
                self.misled = Problem(fields["code"], fields["message"], fields["hint"])
            return None
        return self._about_job(kind, fields.pop("job"), fields)

    def _about_job(self, kind: str, job: str, fields: dict[str, Any]) -> Event:
        if kind != "progress":
            self.busy, self._cancelled_at = None, None
        if kind == "error":
            return Event(kind, job, {}, Problem(fields["code"], fields["message"], fields["hint"]))
        if kind == "result" and self.about["state"] == "failed":
            self.about.update({name: fields[name] for name in self.about if name in fields}, state="ready")
        return Event(kind, job, fields)

    def _died(self, status: int) -> Event | None:
        log.error("the worker ended with status %s", status)
        job, self.busy, self._cancelled_at = self.busy, None, None
        was_ready = self.about["state"] == "ready"
        self._process, self.about["state"] = None, "dead"
        if was_ready:
            self.start()
        if job is None:
            return None
        hint = f"Try again; if it happens twice, see the server's log: {self._log}."
        return Event(
            "error", job, {}, Problem("worker-died", f"The server's worker ended ({_why(status)}).", hint)
        )


def _why(status: int) -> str:
    return f"status {status}" if status >= 0 else f"signal {-status}"
