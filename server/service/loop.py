"""The server's front: one thread, one loop, nothing heavy imported.

Takes pictures from clients, keeps them in a queue, gives them one by one to the
worker processes, tells the clients how far it is and sends the result back. It never
waits for a worker, so it answers within milliseconds whatever the network does.
A client that has gone loses its jobs at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.version import PROTOCOL, VERSION
from plugin.studio_portrait.link.wire import Problem

from .jobs import Jobs, State
from .limits import Limits
from .listener import Door
from .requests import Desk, Networks, Orders
from .router import Router
from .worker_pool import Crew

BEAT_SECONDS = 0.25
SPARE_SECONDS = 10.0  # so long the memory of the last picture is kept for the next
FAREWELL_SECONDS = 0.5  # what is on its way to the clients at the end has so long to get there

log = logging.getLogger("front")


@dataclass(frozen=True)
class Times:
    """Seconds. idle_exit: without a job until the server ends, None for never. sleep: until the workers
    give their memory back. grace: that running jobs have when the server is told to end."""

    idle_exit: float | None = None
    sleep: float = 600.0
    grace: float = 5.0


@dataclass
class End:
    """When the server ends: not yet, when its running jobs are done, or at last at `deadline`."""

    deadline: float | None = None
    asked: int = 0


@dataclass
class Plan:
    """What a front is made of. workers: the worker's command by device. listen: an endpoint in place of
    the private TCP port. remote: where a gateway listens for other machines, "" for nowhere.
    networks: ``{name, sha256, default}`` of those installed. watch: gets the status at every beat."""

    workers: Sequence[tuple[str, Sequence[str]]]
    networks: Networks
    listen: str | None = None
    remote: str = ""
    watch: Callable[[dict[str, Any]], None] | None = None
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)


class Front:
    """The service, from binding to `run`'s return. folder: the state folder; the caller holds its lock."""

    def __init__(self, folder: Path, lock: runtime.Lock, plan: Plan):
        self._folder = folder
        self._lock = lock
        self._times = plan.times
        self._limits = plan.limits
        self._networks = plan.networks
        self._remote = plan.remote
        self._watch = plan.watch
        self._started = time.time()
        self._active = time.monotonic()
        self._end = End()
        self._door = Door(folder, plan.listen)
        self.endpoints = tuple(self._door.endpoints)
        self.token = secrets.token_hex(32)
        self._runtime = runtime.Runtime(self.endpoints, os.getpid(), self.token, self._started)
        self._selector = selectors.DefaultSelector()
        self._jobs = Jobs(folder, plan.limits)
        self._orders = Orders(self.status, self.stop, plan.times.grace)
        self._desk = Desk(self.token, plan.limits, self._jobs, plan.networks, self._orders)
        self._router = self._desk.router = Router(self._selector, plan.limits, self._desk)
        self._crew = self._desk.crew = Crew(
            plan.workers, folder, self._jobs, plan.limits, self._desk.tell, self._desk.fail
        )

    def stop(self) -> None:
        """Makes `run` return when the running jobs are done or their grace is over; at once when called
        twice. May be called from a signal handler."""
        self._end.asked += 1

    def run(self) -> None:
        """Serves until told to stop, then cleans up everything it made.

        Raises `Problem` ``bad-setting`` when a worker cannot use the device or engine that was named.
        """
        try:
            self._crew.start()
            self._runtime.write(self._folder)
            log.info("version %s listens on %s", VERSION, ", ".join(self.endpoints))
            self._serve()
        finally:
            self._clean_up()
        if self._crew.misled is not None:
            raise self._crew.misled

    def _serve(self) -> None:
        for door in self._door.sockets:
            self._router.listen(door)
        for worker in self._crew.workers:
            self._selector.register(
                worker.mailbox.bell,
                selectors.EVENT_READ,
                lambda events, worker=worker: self._crew.take(worker),
            )
        next_beat = time.monotonic()
        while not self._over():
            for key, events in self._selector.select(max(0.0, next_beat - time.monotonic())):
                if key.fileobj in self._selector.get_map():  # not dropped a moment ago
                    key.data(events)
            self._router.tidy()
            if time.monotonic() >= next_beat:
                self._beat()
                next_beat = time.monotonic() + BEAT_SECONDS

    def _over(self) -> bool:
        if self._crew.misled is not None or self._end.asked > 1:
            return True
        if not self._end.asked:
            return False
        if self._end.deadline is None:
            self._begin_to_end()
        late = self._end.deadline is not None and time.monotonic() > self._end.deadline
        return late or not len(self._jobs)

    def _begin_to_end(self) -> None:
        """From now on only those jobs are finished that a worker has or had."""
        self._end.deadline = time.monotonic() + self._times.grace
        self._orders.ending = True
        for job in self._jobs.all():
            if job.state in (State.UPLOADING, State.QUEUED):
                self._desk.fail(job, Problem("shutting-down", "The server was told to end."))

    def _clean_up(self) -> None:
        if runtime.Runtime.read(self._folder) == self._runtime:  # not that of a server after us
            runtime.Runtime.remove(self._folder)
        for job in self._jobs.all():
            self._desk.fail(job, Problem("shutting-down", "The server was told to end."))
        self._jobs.trim()
        self._router.close(FAREWELL_SECONDS)
        self._crew.stop()
        self._door.close()
        self._selector.close()
        log.info("ended")

    def _beat(self) -> None:
        """Every 0.25 s: tells all clients how far their jobs are, and looks after everything."""
        now = time.monotonic()
        if len(self._jobs) or self._crew.busy:
            self._active = now
        self._rest(now - self._active)
        self._desk.beat(now)
        self._router.beat(now, lambda peer: bool(self._jobs.have(peer)))
        self._crew.beat()
        if self._watch is not None:
            self._watch(self.status())
        self._stay_reachable()

    def _stay_reachable(self) -> None:
        """Writes a deleted runtime file anew. Ends when the lock was deleted: another server may start."""
        if self._lock.holds():
            if not runtime.Runtime.exists(self._folder):
                with contextlib.suppress(OSError):  # a full disk: the next beat tries again
                    self._runtime.write(self._folder)
                    log.warning("the runtime file was missing and is there again")
        elif not len(self._jobs):
            log.error("the lock %s was deleted", self._folder)
            self._end_at_once()

    def _end_at_once(self) -> None:
        self._end.asked += 2

    def _rest(self, idle: float) -> None:
        """What happens after so many seconds without a job."""
        if idle > SPARE_SECONDS:
            self._jobs.trim()
        if idle > self._times.sleep:
            self._crew.sleep()
        if self._times.idle_exit is not None and idle > self._times.idle_exit:
            log.info("idle for %.0f seconds", self._times.idle_exit)
            self._end_at_once()

    def status(self) -> dict[str, Any]:
        """What ``studio-portrait status --json`` prints. Memory in bytes, times in seconds."""
        workers = self._crew.status()
        first = workers[0]
        return {
            "server": "running",
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "endpoint": self.endpoints[0],
            "endpoints": list(self.endpoints),
            "remote": self._remote,
            **{name: first[name] for name in ("device", "engine", "network", "weights")},
            "networks": self._networks(),
            "worker": {"state": first["state"], "pid": first["pid"]},
            "workers": workers,
            "queue": self._jobs.waiting,
            "running": self._crew.busy,
            "jobs": dict(self._desk.counts),
            "errors": dict(self._desk.errors),
            "stages": self._desk.stages.as_dict(),
            "connections": self._router.known,
            "memory": {
                "front": psutil.Process().memory_info().rss,
                "worker": sum(worker["rss"] for worker in workers),
                "pictures": self._jobs.bytes_held,
            },
            "limits": self._limits.as_dict(),
            "uptime": round(time.time() - self._started, 1),
            "log": str(runtime.log_path(self._folder)),
        }
