"""A server of another machine, as if it were here: what ``studio-portrait connect`` runs.

GIMP's own Python has no cryptography. It finds the relay as it would find a server, by the runtime file,
with a token of the relay's own, and the relay speaks CURVE outward: for each client a connection of its own.
Only HELLO, STATUS and SHUTDOWN are understood here, since each side has its own secret; everything else goes
through as it came. What the other side cannot take is held up here: at most `MAX_WAITING` bytes, beyond which
nothing is read from clients, and a client that does not read gets no more.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from ..service.connections import Connection, Disconnected, Frames
from ..service.handshake import Handshake, check_token
from ..service.limits import Limits
from ..service.listener import Listener
from . import remote_session
from .dealer import Dealer

MAX_WAITING = 64 << 20
MAX_CLIENTS = 64
MAX_JOBS = 256  # of one client, that are cancelled when it goes
MAX_REFUSALS = 16  # of a connection that has not said HELLO
BEAT_SECONDS = 0.25
GREETING_SECONDS = 8.0  # for the way to the server and its HELLO; clients give up after ten

log = logging.getLogger("relay")


@dataclass(eq=False)
class Link:
    """One client's connection to the server. greeted: the server has answered, not with an ERROR."""

    dealer: Dealer
    deadline: float
    greeted: bool = False
    up: deque[Any] = field(default_factory=deque)
    jobs: set[str] = field(default_factory=set)  # those that the client has sent and is not done with

    def note(self, command: str, job: object) -> None:
        """Remembers a job, as long as the number of them makes sense."""
        if command in ("SUBMIT", "ANALYSE") and isinstance(job, str) and len(self.jobs) < MAX_JOBS:
            self.jobs.add(job)
        elif command in ("DONE", "CANCEL"):
            self.jobs.discard(str(job))

    @property
    def waiting(self) -> int:
        """Count the bytes that wait to be sent up."""
        return sum(len(frame) for frames in self.up for frame in frames)


class Relay:
    """Listens as a server would, in the state folder whose lock the caller holds. Raises `Problem`."""

    def __init__(
        self, where: str, folder: Path, lock: runtime.Lock, clock: Callable[[], float] = time.monotonic
    ):
        self._where = where
        self._folder = folder
        self._lock = lock
        self._clock = clock
        self._endpoint, self._keys = remote_session.route(where, folder)
        self._listener = Listener(folder, Limits(greetings=MAX_CLIENTS), clock)
        self._endpoints = tuple(self._listener.endpoints)
        self._about = runtime.Runtime(self._endpoints, os.getpid(), secrets.token_hex(32), time.time())
        self._links: dict[Connection, Link] = {}
        self._ending = False

    def stop(self) -> None:
        """Make `run` return soon. May be called from a signal handler."""
        self._ending = True

    def run(self) -> None:
        """Carries messages until told to stop, then cleans up everything it made."""
        try:
            self._about.write(self._folder)
            next_beat = self._clock()
            while not self._ending:
                self._turn()
                if self._clock() >= next_beat:
                    self._beat()
                    next_beat = self._clock() + BEAT_SECONDS
            for connection in list(self._links):
                self._end(connection, Problem("shutting-down", "The connection was told to end."))
        finally:
            if runtime.Runtime.read(self._folder) == self._about:
                runtime.Runtime.remove(self._folder)
            self._listener.close(0.5)
            log.info("ended")

    def _turn(self) -> None:
        """Wait for something to do, at most a beat, and do it."""
        poller = zmq.Poller()
        poller.register(self._listener.monitor, zmq.POLLIN)
        room = sum(link.waiting for link in self._links.values()) < MAX_WAITING
        if room:
            poller.register(self._listener.socket, zmq.POLLIN)
        for connection, link in self._links.items():
            poller.register(link.dealer.monitor, zmq.POLLIN)
            wanted = (zmq.POLLOUT if link.up and link.dealer.is_open else 0) | (
                zmq.POLLIN if connection.reads else 0
            )
            if wanted:
                poller.register(link.dealer.socket, wanted)
        ready = dict(poller.poll(1 + int(1000 * min(BEAT_SECONDS, self._listener.patience))))
        with self._guarded():
            for event in self._listener.take(receive=room):
                with self._guarded(event.connection):
                    if isinstance(event, Disconnected):
                        self._gone(event.connection)
                    else:
                        self._hear(event.connection, event.frames)
        for connection, link in list(self._links.items()):
            with self._guarded(connection):
                self._serve(connection, link, ready)

    @contextmanager
    def _guarded(self, connection: Connection | None = None) -> Iterator[None]:
        """Let a fault of our own cost the connection that it was met with, and nobody else anything."""
        try:
            yield
        except Exception:
            log.exception("a fault of our own")
            if connection is not None:
                self._end(connection, Problem("internal", "The relay met a fault of its own."))

    # From the client.

    def _hear(self, connection: Connection, frames: Frames) -> None:
        job_id: str | None = None
        try:
            if not 1 <= len(frames) <= 2:
                raise Problem("bad-request", "A message has one or two frames.")
            header = wire.decode(frames[0].buffer)
            named = header.get("job")
            job_id = named if isinstance(named, str) and len(named) <= 64 else None
            self._understand(connection, header, frames)
        except Problem as problem:
            self._refuse(connection, job_id, problem)
            connection.refusals += 1
            if not connection.known and connection.refusals >= MAX_REFUSALS:
                self._listener.dismiss(connection)

    def _understand(self, connection: Connection, header: dict[str, Any], frames: Frames) -> None:
        command, link = header["cmd"], self._links.get(connection)
        if command == "PING":
            self._listener.send(connection, [wire.encode("PONG")])
        elif command == "HELLO":
            self._hello(connection, header)
        elif command == "SHUTDOWN" and (connection.known or "token" in header):
            if not connection.known:
                check_token(header["token"], self._about.token)
            if header.get("idle") and len(self._links) > (link is not None):
                raise Problem("busy", "Other clients are connected.")
            log.info("told to end")
            self._listener.send(connection, [wire.encode("BYE")])
            self._ending = True
        elif command == "STATUS" and (connection.known or "token" in header):
            if not connection.known:
                check_token(header["token"], self._about.token)
            self._link(connection).up.append([wire.encode("STATUS", token=self._own_token)])
        elif link is None or not connection.known:
            raise Problem("bad-token", "The client did not say HELLO.")
        else:
            link.note(command, header.get("job"))
            link.up.append(frames)

    def _hello(self, connection: Connection, header: dict[str, Any]) -> None:
        """Who knows the token gets a connection to the server, to which its HELLO is then passed on."""
        connection.handshake = connection.handshake or Handshake(self._about.token)
        challenge = connection.handshake.hear(header)
        if challenge is not None:
            self._listener.send(connection, [challenge])
            return
        connection.known = True
        self._link(connection).up.append([wire.encode("HELLO", client=VERSION, token=self._own_token)])

    def _link(self, connection: Connection) -> Link:
        """Return a client's connection to the server, made now if it has none. Raises `Problem`."""
        if connection not in self._links:
            if len(self._links) >= MAX_CLIENTS:
                raise Problem("busy", f"{MAX_CLIENTS} clients are connected.")
            dealer = Dealer(self._endpoint, self._keys, timeout=GREETING_SECONDS)
            self._links[connection] = Link(dealer, self._clock() + GREETING_SECONDS)
        return self._links[connection]

    @property
    def _own_token(self) -> str:
        """What stands between machines for the client's token: libzmq has proven both keys."""
        return self._keys.own.public.decode()

    def _gone(self, connection: Connection) -> None:
        """Its jobs end now; else the server would keep them for a while, for it to come back."""
        link = self._links.pop(connection, None)
        if link is None:
            return
        with contextlib.suppress(zmq.ZMQError):
            for job in link.jobs if link.greeted else ():
                link.dealer.socket.send(wire.encode("CANCEL", job=job), zmq.NOBLOCK)
        link.dealer.close()

    # From the server.

    def _serve(self, connection: Connection, link: Link, ready: dict[Any, int]) -> None:
        if link.dealer.monitor in ready and link.dealer.lost():
            self._end(connection, link.dealer.why_lost())
            return
        events = ready.get(link.dealer.socket, 0)
        if events & zmq.POLLOUT and link.up:
            link.dealer.socket.send_multipart(link.up.popleft(), zmq.NOBLOCK, copy=False)
        if events & zmq.POLLIN:
            self._carry_back(connection, link, link.dealer.socket.recv_multipart(zmq.NOBLOCK, copy=False))

    def _carry_back(self, connection: Connection, link: Link, frames: Frames) -> None:
        try:
            header = wire.decode(frames[0].buffer)
        except Problem as problem:
            self._end(connection, problem)
            return
        if header["cmd"] == "ERROR" and not link.greeted:
            self._end(connection, wire.problem_from(header))
            return
        link.greeted = True
        told: list[Any] = list(frames)
        if header["cmd"] == "STATUS" and isinstance(header.get("status"), dict):
            told = [wire.encode("STATUS", status=self._status(header["status"]))]
        elif header["cmd"] == "HELLO" and connection.handshake is not None:
            fields = {
                name: header[name] for name in ("server", "device", "networks", "resume") if name in header
            }
            told = [wire.encode("HELLO", **fields, **connection.handshake.proof())]
        self._listener.send(connection, told)

    def _status(self, status: dict[str, Any]) -> dict[str, Any]:
        own = {"endpoint": self._endpoints[0], "endpoints": list(self._endpoints)}
        return {**status, **own, "relay": self._where, "log": str(runtime.log_path(self._folder))}

    # To the client.

    def _refuse(self, connection: Connection, job_id: str | None, problem: Problem) -> None:
        log.info("%s%s: %s", f"job {job_id:.8}: " if job_id else "", problem.code, problem.message)
        fields = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        self._listener.send(connection, [wire.encode("ERROR", job=job_id, **fields)])

    def _end(self, connection: Connection, problem: Problem) -> None:
        """Send a client away with a sentence; the server drops its jobs unless it comes back."""
        self._refuse(connection, None, problem)
        if (link := self._links.pop(connection, None)) is not None:
            link.dealer.close()
        self._listener.dismiss(connection)

    def _beat(self) -> None:
        """Four times a second: looks after all connections, writes a deleted runtime file anew."""
        with self._guarded():
            self._listener.beat(lambda connection: connection in self._links)
            for connection, link in list(self._links.items()):
                if not link.greeted and self._clock() > link.deadline:
                    self._end(connection, link.dealer.why_lost())
            if self._lock.holds() and not runtime.Runtime.exists(self._folder):
                with contextlib.suppress(OSError):
                    self._about.write(self._folder)
