"""The server: one thread, one loop, nothing heavy imported.

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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.version import PROTOCOL, VERSION
from plugin.studio_portrait.link.wire import Problem

from . import resources
from .connections import Connection, Disconnected, Guard
from .job_queue import JobQueue
from .job_service import JobService
from .limits import Limits
from .listener import Listener
from .requests import Answer, Networks, RequestHandler
from .worker_pool import WorkerPool

BEAT_SECONDS = 0.25
SPARE_SECONDS = 10.0  # so long the memory of the last picture is kept for the next
FAREWELL_SECONDS = 0.5  # what is on its way to the clients at the end has so long to get there

log = logging.getLogger("server")


@dataclass(frozen=True)
class Timeouts:
    """Seconds. idle_exit: without a job until the server ends, None for never. sleep: until the workers
    give their memory back. grace: that running jobs have when the server is told to end."""

    idle_exit: float | None = None
    sleep: float = 600.0
    grace: float = 5.0


@dataclass
class Shutdown:
    """When the server ends: not yet, when its running jobs are done, or at last at `deadline`."""

    deadline: float | None = None
    asked: int = 0


@dataclass
class Plan:
    """What a server is made of. workers: the worker's command by device. listen: an address besides the
    private one. guard: who may come in there from other machines. networks: ``{name, sha256, default}`` of
    those installed. watch: gets the status at every beat. clock: seconds, like `time.monotonic`."""

    workers: Sequence[tuple[str, Sequence[str]]]
    networks: Networks
    listen: str | None = None
    guard: Guard | None = None
    watch: Callable[[dict[str, Any]], None] | None = None
    times: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic


class Server:
    """The service, from binding to `run`'s return. folder: the state folder; the caller holds its lock."""

    def __init__(self, folder: Path, lock: runtime.Lock, plan: Plan):
        self._folder = folder
        self._lock = lock
        self._plan = plan
        self._clock = plan.clock
        self._started = time.time()
        self._active = self._clock()
        self._end = Shutdown()
        self._listener = Listener(folder, plan.limits, plan.clock, plan.listen, plan.guard)
        self.endpoints = tuple(self._listener.endpoints)
        self.token = secrets.token_hex(32)
        self._runtime = runtime.Runtime(self.endpoints, os.getpid(), self.token, self._started)
        self._jobs = JobQueue(folder, plan.limits)
        self._pool = WorkerPool(plan.workers, folder, plan.limits, plan.clock)
        self._service = JobService(self._jobs, self._pool, plan.limits, plan.clock)
        self._requests = RequestHandler(
            self.token,
            plan.limits,
            self._service,
            plan.networks,
            status=self.status,
            known=self._listener.connections.count_known,
            device=lambda: self._pool.device,
            grace=plan.times.grace,
        )

    @property
    def remote(self) -> str:
        """Where other machines reach this server, "" for nowhere."""
        return self._listener.remote

    def stop(self) -> None:
        """Make `run` return when the running jobs are done or their grace is over; at once when called
        twice. May be called from a signal handler."""
        self._end.asked += 1

    def run(self) -> None:
        """Serve until told to stop, then clean up everything it made.

        Raises `Problem` ``bad-setting`` when a worker cannot use the device or engine that was named.
        """
        try:
            self._pool.start()
            self._runtime.write(self._folder)
            log.info(
                "version %s listens on %s", VERSION, ", ".join((*self.endpoints, self.remote)).strip(", ")
            )
            self._serve()
        finally:
            self._clean_up()
        if self._pool.unusable is not None:
            raise self._pool.unusable

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._listener.socket, zmq.POLLIN)
        poller.register(self._listener.monitor, zmq.POLLIN)
        for worker in self._pool.workers:
            poller.register(worker.mailbox.bell, zmq.POLLIN)
        next_beat = self._clock()
        while not self._over():
            wait = min(next_beat - self._clock(), self._listener.patience)
            poller.poll(1 + int(1000 * max(0.0, wait)))
            self._turn()
            if self._clock() >= next_beat:
                self._beat()
                next_beat = self._clock() + BEAT_SECONDS

    def _turn(self) -> None:
        """Handle what has come from clients and workers."""
        with self._guarded():
            for event in self._listener.take():
                with self._guarded(event.connection):
                    if isinstance(event, Disconnected):
                        self._service.leave(event.connection)
                    else:
                        self._send(self._requests.answers(event))
        for worker in self._pool.workers:
            with self._guarded():
                self._send(self._requests.news(self._service.take(worker)))

    @contextmanager
    def _guarded(self, connection: Connection | None = None) -> Iterator[None]:
        """Let a fault of our own cost the connection that it was met with, and nobody else anything."""
        try:
            yield
        except Exception:
            log.exception("a fault of our own")
            if connection is not None:
                self._listener.dismiss(connection)

    def _send(self, answers: list[Answer]) -> None:
        for answer in answers:
            with self._guarded(answer.connection):
                self._listener.send(answer.connection, answer.frames, answer.optional)
                if answer.dismiss:
                    self._listener.dismiss(answer.connection)
                if answer.end:
                    self.stop()

    def _over(self) -> bool:
        if self._pool.unusable is not None or self._end.asked > 1:
            return True
        if not self._end.asked:
            return False
        if self._end.deadline is None:
            self._end.deadline = self._clock() + self._plan.times.grace
            self._send(self._requests.news(self._service.end(only_waiting=True)))
        return self._clock() > self._end.deadline or not len(self._jobs)

    def _clean_up(self) -> None:
        if runtime.Runtime.read(self._folder) == self._runtime:  # not that of a server after us
            runtime.Runtime.remove(self._folder)
        self._send(self._requests.news(self._service.end(only_waiting=False)))
        self._jobs.trim()
        self._listener.close(FAREWELL_SECONDS)
        self._pool.stop()
        log.info("ended")

    def _beat(self) -> None:
        """Every 0.25 s: tells all clients how far their jobs are, and looks after everything."""
        now = self._clock()
        if len(self._jobs) or self._pool.busy:
            self._active = now
        with self._guarded():
            self._rest(now - self._active)
            self._send(self._requests.news(self._service.beat()))
            self._listener.beat(lambda connection: bool(self._service.have(connection)))
            self._pool.beat()
        with self._guarded():
            self._send_away_revoked()
            if self._plan.watch is not None:
                self._plan.watch(self.status())
            self._stay_reachable()

    def _send_away_revoked(self) -> None:
        """Who was taken off the list of keys loses connection and jobs at once."""
        if self._plan.guard is None:
            return
        self._plan.guard.beat()
        for connection in self._listener.connections:
            if (
                connection.user
                and connection.closing is None
                and not self._plan.guard.allows(connection.user)
            ):
                problem = Problem(
                    "bad-key", "The server does not allow this machine's key any more.", "Ask who runs it."
                )
                self._service.leave(connection, for_good=True)
                self._send([self._requests.refusal(connection, None, problem)])
                self._listener.dismiss(connection)

    def _stay_reachable(self) -> None:
        """Write a deleted runtime file anew. Ends when the lock was deleted: another server may start."""
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
        """Do what is due after so many seconds without a job."""
        if idle > SPARE_SECONDS:
            self._jobs.trim()
        if idle > self._plan.times.sleep:
            self._pool.sleep()
        if self._plan.times.idle_exit is not None and idle > self._plan.times.idle_exit:
            log.info("idle for %.0f seconds", self._plan.times.idle_exit)
            self._end_at_once()

    def status(self) -> dict[str, Any]:
        """Return what ``studio-portrait status --json`` prints. Memory in bytes, times in seconds."""
        workers = self._pool.status()
        first = workers[0]
        return {
            "server": "running",
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "endpoint": self.endpoints[0],
            "endpoints": list(self.endpoints),
            "remote": self.remote,
            **{name: first[name] for name in ("device", "engine", "network", "weights")},
            "networks": self._plan.networks(),
            "worker": {"state": first["state"], "pid": first["pid"]},
            "workers": workers,
            "queue": self._jobs.waiting,
            "running": self._pool.busy,
            "jobs": dict(self._service.counts),
            "errors": dict(self._requests.errors),
            "stages": self._service.stages.as_dict(),
            "connections": self._listener.connections.known,
            "memory": {
                "front": resources.resident_memory(),
                "worker": sum(worker["rss"] for worker in workers),
                "pictures": self._jobs.bytes_held,
            },
            "limits": self._plan.limits.as_dict(),
            "uptime": round(time.time() - self._started, 1),
            "log": str(runtime.log_path(self._folder)),
        }
