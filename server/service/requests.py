"""The conversation with the clients: who they are, what they send, what they get.

Every message is answered from here, and nothing here waits: rows go from the
connection straight into a job's memory, and a result's rows from there to the
connection. A client that goes loses its jobs, unless it said that it may come back.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from .handshake import Welcome, check_token
from .jobs import Job, Jobs, State
from .limits import Limits, OverLimit
from .metrics import StageTimes
from .peer import Bytes, Delivery, Peer
from .router import Router
from .supervisor import Event
from .worker_pool import Crew

MAX_STRIKES = 16  # refused messages of a connection that has not said HELLO
REPORT_SECONDS = 0.05  # a worker may tell of its progress more often; the clients hear it so often

log = logging.getLogger("desk")

Networks = Callable[[], list[dict[str, Any]]]


@dataclass
class Orders:
    """What clients ask of the front: its status, and to end. ending: it is doing so."""

    status: Callable[[], dict[str, Any]]
    end: Callable[[], None]
    grace: float
    ending: bool = False


@dataclass(eq=False)
class Desk:
    """The router's host. `router` and `crew` are set before the first message.

    counts: jobs by what became of them. errors: those told to clients, by code.
    """

    token: str
    limits: Limits
    jobs: Jobs
    networks: Networks
    orders: Orders
    counts: dict[str, int] = field(default_factory=lambda: {"done": 0, "failed": 0, "cancelled": 0})
    errors: Counter[str] = field(default_factory=Counter)
    stages: StageTimes = field(default_factory=StageTimes)
    router: Router = field(init=False)
    crew: Crew = field(init=False)

    # What the router calls.

    def announce(self, peer: Peer, header: bytes, size: int | None) -> Delivery:
        """Judges a message by its header; only then its payload is read, to where the header's job says."""
        fields: dict[str, Any] = {}
        with self._answering(peer, fields):
            if len(header) > self.limits.header_bytes:
                text = "The message's header is too long"
                raise OverLimit(
                    "header-bytes", self.limits.header_bytes, text, "bad-request", "Send less in a header"
                )
            fields.update(wire.decode(header))
            return self._deliver(peer, fields, size)
        return Delivery(None, lambda: None)

    def malformed(self, peer: Peer) -> None:
        with self._answering(peer, {}):
            raise Problem("bad-request", "A message has one or two frames.")

    def gone(self, peer: Peer) -> None:
        now = time.monotonic()
        for job in self.jobs.have(peer):
            job.peer, job.touched = None, now
            if not job.keep:
                log.info("job %.8s: the client has gone", job.id)
                self.drop(job, "cancelled")

    @contextmanager
    def _answering(self, peer: Peer, fields: dict[str, Any]) -> Iterator[None]:
        """What goes wrong inside is told to the client."""
        try:
            yield
            return
        except Problem as raised:
            problem = raised
        except Exception:
            log.exception("a message could not be answered")
            problem = Problem("internal", "The server met a fault of its own.")
        named = fields.get("job")
        self.refuse(peer, named if isinstance(named, str) and len(named) <= 64 else None, problem)
        if not peer.known:
            peer.strikes += 1
            if peer.strikes >= MAX_STRIKES:
                self.router.dismiss(peer)

    def _deliver(self, peer: Peer, header: dict[str, Any], size: int | None) -> Delivery:
        command = header["cmd"]
        if command == "PING":
            return Delivery(None, lambda: self._send(peer, wire.encode("PONG")))
        if command == "HELLO":
            return self._then(peer, header, self._hello)
        if command in ("STATUS", "SHUTDOWN") and "token" in header:
            check_token(header["token"], self.token)
        elif not peer.known:
            raise Problem("bad-token", "The client did not say HELLO.")
        if command == "SUBMIT":
            return self._submit(peer, header, size or 0)
        if command == "DATA":
            return self._data(peer, header, size or 0)
        handler = {
            "STATUS": self._status,
            "SHUTDOWN": self._shutdown,
            "FETCH": self._fetch,
            "DONE": self._done,
            "CANCEL": self._cancel,
        }.get(command)
        if handler is None:
            raise Problem("bad-request", f"{command} is not for a client to send.")
        return self._then(peer, header, handler)

    def _then(
        self, peer: Peer, header: dict[str, Any], handler: Callable[[Peer, dict[str, Any]], None]
    ) -> Delivery:
        """For messages whose payload, if they have one, means nothing."""

        def done() -> None:
            with self._answering(peer, header):
                handler(peer, header)

        return Delivery(None, done)

    def _hello(self, peer: Peer, header: dict[str, Any]) -> None:
        """Who shows that it knows the token is let in, if there is room."""
        peer.welcome = peer.welcome or Welcome(self.token)
        challenge = peer.welcome.hear(header)
        if challenge is not None:
            self._send(peer, challenge)
            return
        if not peer.known and self.router.known >= self.limits.connections:
            self.router.dismiss(peer)
            text = "Too many programs are connected to the server"
            advice = "End some of them, then try again"
            raise OverLimit("connections", self.limits.connections, text, advice=advice)
        self.router.admit(peer)
        about = {"server": VERSION, "device": self.crew.device, "networks": self.networks()}
        self._send(peer, wire.encode("HELLO", **about, **peer.welcome.proof()))

    # Jobs.

    def _submit(self, peer: Peer, header: dict[str, Any], size: int) -> Delivery:
        if self.orders.ending:
            raise Problem("shutting-down", "The server was told to end.")
        if self.jobs.find(str(header.get("job"))) is None and self.crew.has(header.get("job")):
            raise Problem("bad-request", "The worker still has a cancelled job of this name.")
        job, new = self.jobs.submit(peer, header, size, time.monotonic())
        wanted = job.settings.network
        if wanted and wanted not in [network["name"] for network in self.networks()]:
            self.jobs.forget(job)
            raise Problem("unknown-network", f"There is no network named {wanted}.")
        self.crew.wake()
        return Delivery(job.profile if size and new else None, lambda: self._accept(peer, job))

    def _accept(self, peer: Peer, job: Job) -> None:
        """Where a job stands that was sent once more is told, too; its result comes again."""
        if job.peer is peer and self.jobs.find(job.id) is job:
            self._send(peer, wire.encode("ACCEPT", job=job.id, state=job.state.value, filled=job.filled))
            if job.state is State.DONE:
                self._tell_result(job)

    def _data(self, peer: Peer, header: dict[str, Any], size: int) -> Delivery:
        job = self.jobs.of(peer, header.get("job"))
        job.touched = time.monotonic()
        try:
            place = job.place(header.get("plane"), header.get("row"), header.get("rows"), size)
        except Problem:
            self.drop(job, "failed")
            raise
        return Delivery(place, lambda: self._took(peer, job, size))

    def _took(self, peer: Peer, job: Job, size: int) -> None:
        if job.peer is not peer or self.jobs.find(job.id) is not job:
            return  # dropped while its rows were on their way; its client was told
        job.took(size)
        if job.state is State.QUEUED:
            self.jobs.enqueue(job)
            self.crew.dispatch()

    def _fetch(self, peer: Peer, header: dict[str, Any]) -> None:
        job = self.jobs.of(peer, header.get("job"))
        job.touched = time.monotonic()
        plane, row, rows = header.get("plane"), header.get("row"), header.get("rows")
        data = job.give(plane, row, rows)
        self._send(peer, wire.encode("DATA", job=job.id, plane=plane, row=row, rows=rows), data)

    def _done(self, peer: Peer, header: dict[str, Any]) -> None:
        job = self.jobs.of(peer, header.get("job"))
        if job.state is not State.DONE:
            raise Problem("bad-request", "The job is not done; CANCEL ends it.")
        if peer.waiting:  # rows still on their way lie in the job's memory
            self.jobs.forget(job)
        else:
            self.jobs.finish(job)

    def _cancel(self, peer: Peer, header: dict[str, Any]) -> None:
        self.drop(self.jobs.of(peer, header.get("job")), "cancelled")
        raise Problem("cancelled", "The retouching was cancelled.")

    def drop(self, job: Job, count: str) -> None:
        """Ends a job before its time, in the worker as well. Nothing happens when it ended already."""
        if self.jobs.find(job.id) is job:
            self.counts[count] += 1
            self.jobs.forget(job)
            self.crew.cancel(job)

    # What the workers make of them.

    def tell(self, job: Job, event: Event) -> None:
        """A worker's progress or result."""
        now = time.monotonic()
        if event.kind == "progress":
            before = job.stage
            job.stage, job.fraction = event.fields["stage"], event.fields["fraction"]
            if job.stage != before or now - job.reported > REPORT_SECONDS:
                self.report(job, now)
            return
        self.counts["done"] += 1
        self.stages.add(event.fields["ms"])
        log.info("job %.8s: %s, %s ms", job.id, vars(job.image), event.fields["ms"].get("total"))
        job.state, job.stage, job.fraction = State.DONE, "download", 0.0
        job.touched, job.result = now, event.fields
        self._tell_result(job)

    def _tell_result(self, job: Job) -> None:
        if isinstance(job.peer, Peer):
            self._send(
                job.peer, wire.encode("RESULT", job=job.id, **{**job.result, "mask": job.settings.mask})
            )

    def fail(self, job: Job, problem: Problem) -> None:
        log.info("job %.8s: %s: %s", job.id, problem.code, problem.message)
        self.counts["failed"] += 1
        peer = job.peer
        self.jobs.forget(job)
        if isinstance(peer, Peer):
            self.refuse(peer, job.id, problem)

    def report(self, job: Job, now: float) -> None:
        """Tells how far a job is, unless its client has not read what it was told before."""
        if isinstance(job.peer, Peer) and not job.peer.waiting:
            place = {"stage": job.stage, "fraction": job.fraction, "position": self.jobs.position(job)}
            job.reported = now
            self._send(job.peer, wire.encode("PROGRESS", job=job.id, **place))

    def beat(self, now: float) -> None:
        """Tells all clients how far their jobs are, and drops what stands still."""
        for job in self.jobs.all():
            self.report(job, now)
            waits = job.state in (State.UPLOADING, State.DONE)
            if job.peer is None and now - job.touched > job.keep:
                log.info("job %.8s: its client did not come back", job.id)
                self.drop(job, "cancelled")
            elif waits and now - job.touched > self.limits.stall_seconds:
                seconds = self.limits.stall_seconds
                text = f"The picture was dropped: nothing came for {seconds:.0f} seconds"
                self.drop(job, "failed")
                if isinstance(job.peer, Peer):
                    self.refuse(
                        job.peer,
                        job.id,
                        OverLimit("stall-seconds", seconds, text, "unknown-job", "Try again"),
                    )

    # The server itself.

    def _status(self, peer: Peer, header: dict[str, Any]) -> None:
        self._send(peer, wire.encode("STATUS", status=self.orders.status()))

    def _shutdown(self, peer: Peer, header: dict[str, Any]) -> None:
        if header.get("idle") and len(self.jobs):
            raise Problem("busy", "The server has pictures to work on and goes on.")
        log.info("told to end")
        self._send(peer, wire.encode("BYE", grace=self.orders.grace))
        self.orders.end()

    def refuse(self, peer: Peer, job_id: str | None, problem: Problem) -> None:
        self.errors[problem.code] += 1
        fields: dict[str, Any] = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        if isinstance(problem, OverLimit):
            fields["limit"] = problem.limit
        self._send(peer, wire.encode("ERROR", job=job_id, **fields))

    def _send(self, peer: Peer, header: bytes, data: list[memoryview] | None = None) -> None:
        frames: list[list[Bytes]] = [[header]] if data is None else [[header], list(data)]
        self.router.send(peer, *frames)
