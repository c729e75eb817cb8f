"""Carries messages between clients on one side and a server on the other, a connection for each client.

Used twice: by the gateway (clients of other machines, the server of this one) and by the relay (clients
of this machine, the server of another). Only HELLO, STATUS and SHUTDOWN are understood here, since each
side has its own secret; everything else goes through as it came. What the two sides cannot take is held
up at the other: at most `MAX_WAITING` bytes wait here, and a client that does not read gets no more.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import zmq

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

from ..service.handshake import Welcome
from .dealer import Dealer

MAX_WAITING = 64 << 20
MAX_CLIENTS = 64
MAX_JOBS = 256  # of one client, that are cancelled should it be sent away
BEAT_SECONDS = 0.25
PROBE_SECONDS = 5.0  # a client that was sent nothing for so long is sent a PONG: has it gone?

log = logging.getLogger("bridge")


class Desk(Protocol):
    """Where a bridge's two uses differ.

    lasting: a client whose connection ends has gone for good, and its jobs with it.
    """

    lasting: bool

    def secret(self, peer: zmq.Frame) -> str:
        """What the client that sent this must know. Raises `Problem`."""
        ...

    def reach(self) -> tuple[Session, Dealer]:
        """A session with the server, called in a thread. Raises `Problem`."""
        ...

    def shutdown(self) -> None:
        """A client that is known wants an end. Raises `Problem` when that is not for it to want."""
        ...

    def status(self, status: dict[str, Any]) -> dict[str, Any]:
        """The server's status as this client may see it."""
        ...

    def beat(self, clients: Sequence[bytes]) -> Sequence[bytes]:
        """Called four times a second; those who may stay no longer."""
        ...


@dataclass(eq=False)
class Link:
    """One client and its connection to the server, as soon as that is open."""

    peer: bytes
    welcome: Welcome
    opening: Future[tuple[Session, Dealer]] | None = None
    session: Session | None = None
    dealer: Dealer | None = None
    up: deque[list[Any]] = field(default_factory=deque)
    down: list[Any] | None = None  # what the client did not take yet
    closed: bool = False
    told: float = field(default_factory=time.monotonic)

    jobs: set[str] = field(default_factory=set)  # those that it has sent and not done with

    def note(self, command: str, job: object) -> None:
        """Remembers a job, as long as the number of them makes sense."""
        if command == "SUBMIT" and isinstance(job, str) and len(self.jobs) < MAX_JOBS:
            self.jobs.add(job)
        elif command in ("DONE", "CANCEL"):
            self.jobs.discard(str(job))

    @property
    def waiting(self) -> int:
        return sum(len(frame) for frames in self.up for frame in frames)


class Bridge:
    """near: a bound ROUTER with ``router_mandatory``. Both it and the context are the caller's."""

    def __init__(self, near: zmq.Socket[bytes], desk: Desk):
        self._near = near
        self._desk = desk
        self._links: dict[bytes, Link] = {}
        self._ending = False
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="opening")

    def stop(self) -> None:
        """Makes `run` return soon. May be called from a signal handler."""
        self._ending = True

    def run(self) -> None:
        next_beat = time.monotonic()
        while not self._ending:
            self._turn()
            if time.monotonic() >= next_beat:
                self._beat()
                next_beat = time.monotonic() + BEAT_SECONDS
        for link in list(self._links.values()):
            self._refuse(link.peer, None, Problem("shutting-down", "The connection was told to end."))
            self._close(link)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _turn(self) -> None:
        """Waits for something to do, at most a beat, and does it."""
        poller = zmq.Poller()
        if sum(link.waiting for link in self._links.values()) < MAX_WAITING:
            poller.register(self._near, zmq.POLLIN)
        restless = False
        for link in self._links.values():
            restless |= link.dealer is None or link.down is not None
            if link.dealer is not None:
                wanted = (zmq.POLLOUT if link.up else 0) | (zmq.POLLIN if link.down is None else 0)
                poller.register(link.dealer.monitor, zmq.POLLIN)
                if wanted:
                    poller.register(link.dealer.socket, wanted)
        ready = dict(poller.poll(10 if restless else int(1000 * BEAT_SECONDS)))
        if self._near in ready:
            self._take()
        for link in list(self._links.values()):
            try:
                self._serve(link, ready)
            except zmq.ZMQError:  # costs one client its connection, not all of them theirs
                log.exception("a connection is given up")
                self._close(link)

    def _serve(self, link: Link, ready: dict[Any, int]) -> None:
        if link.closed:
            return
        if link.dealer is None:
            self._look_after_opening(link)
            return
        if link.down is not None:
            self._deliver(link, link.down)
        if link.closed:
            return
        events = ready.get(link.dealer.socket, 0)
        if events & zmq.POLLOUT and link.up:
            link.dealer.socket.send_multipart(link.up.popleft(), zmq.NOBLOCK, copy=False)
        if events & zmq.POLLIN and link.down is None:
            self._carry_back(link, link.dealer.socket.recv_multipart(copy=False))
        elif link.dealer.monitor in ready and link.dealer.lost():
            self._refuse(link.peer, None, link.dealer.why_lost())
            self._close(link)

    # From the client.

    def _take(self) -> None:
        peer, *frames = self._near.recv_multipart(copy=False)
        name = peer.bytes
        job_id: str | None = None
        try:
            if not 1 <= len(frames) <= 2:
                raise Problem("bad-request", "A message has one or two frames.")
            header = wire.decode(frames[0].buffer)
            named = header.get("job")
            job_id = named if isinstance(named, str) and len(named) <= 64 else None
            self._understand(peer, header, frames)
        except Problem as problem:
            self._refuse(name, job_id, problem)
            if problem.code == "bad-key" and (link := self._links.get(name)):
                self._send_away(link)

    def _understand(self, peer: zmq.Frame, header: dict[str, Any], frames: list[Any]) -> None:
        command, name = header["cmd"], peer.bytes
        if command == "PING":
            self._send(name, [wire.encode("PONG")])
            return
        secret = self._desk.secret(peer)
        if command == "HELLO":
            self._hello(name, secret, header)
            return
        link = self._links.get(name)
        if link is None or not link.welcome.known:
            raise Problem("bad-token", "The client did not say HELLO.")
        if command == "SHUTDOWN":
            if header.get("idle") and len(self._links) > 1:
                raise Problem("busy", "Other clients are connected.")
            self._desk.shutdown()
            self._send(name, [wire.encode("BYE")])
            self._ending = True
        elif command == "STATUS":
            link.up.append([wire.encode("STATUS")])
        else:
            link.note(command, header.get("job"))
            link.up.append(frames)

    def _hello(self, peer: bytes, secret: str, header: dict[str, Any]) -> None:
        """Who knows the secret gets a connection to the server, whose HELLO is then passed on."""
        link = self._links.get(peer) or Link(peer, Welcome(secret))
        challenge = link.welcome.hear(header)
        if peer not in self._links:
            self._make_room()
            self._links[peer] = link
        if challenge is not None:
            self._send(peer, [challenge])
        elif link.opening is None:
            link.opening = self._threads.submit(self._desk.reach)

    def _make_room(self) -> None:
        """Those who did not prove anything yet give way first."""
        if len(self._links) >= MAX_CLIENTS:
            strangers = [link for link in self._links.values() if not link.welcome.known]
            if not strangers:
                raise Problem("busy", f"{MAX_CLIENTS} clients are connected.")
            self._close(strangers[0])

    def _look_after_opening(self, link: Link) -> None:
        if link.opening is None or not link.opening.done():
            return
        try:
            link.session, link.dealer = link.opening.result()
        except Problem as problem:
            self._refuse(link.peer, None, problem)
            self._close(link)
            return
        told = {name: getattr(link.session, name) for name in ("server", "device", "networks")}
        resume = {"resume": link.session.keep} if link.session.keep else {}
        self._send(link.peer, [wire.encode("HELLO", **told, **resume, **link.welcome.proof())])

    # To the client.

    def _carry_back(self, link: Link, frames: list[Any]) -> None:
        try:
            header = wire.decode(frames[0].buffer)
        except Problem as problem:
            self._refuse(link.peer, None, problem)
            self._close(link)
            return
        if header["cmd"] == "STATUS" and isinstance(header.get("status"), dict):
            frames = [wire.encode("STATUS", status=self._desk.status(header["status"]))]
        self._deliver(link, [link.peer, *frames])

    def _deliver(self, link: Link, message: list[Any]) -> None:
        """Sends, or keeps the message when the client takes nothing now; nothing is read for it then."""
        link.down = None if self._try(link.peer, message) else message
        link.told = time.monotonic()

    def _send(self, peer: bytes, frames: list[bytes]) -> None:
        """A message of our own; a client that takes none does not get it."""
        self._try(peer, [peer, *frames])

    def _try(self, peer: bytes, message: Sequence[Any]) -> bool:
        """False when the client takes nothing now. The link of one that has gone is closed."""
        try:
            self._near.send_multipart(message, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            if link := self._links.get(peer):
                (self._send_away if self._desk.lasting else self._close)(link)
        return True

    def _refuse(self, peer: bytes, job_id: str | None, problem: Problem) -> None:
        log.info("%s%s: %s", f"job {job_id:.8}: " if job_id else "", problem.code, problem.message)
        fields = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        self._send(peer, [wire.encode("ERROR", job=job_id, **fields)])

    def _send_away(self, link: Link) -> None:
        """Its jobs end now; else the server would keep them for a while, for it to come back."""
        if link.dealer is not None and not link.closed:
            with contextlib.suppress(zmq.Again):
                for job in link.jobs:
                    link.dealer.socket.send(wire.encode("CANCEL", job=job), zmq.NOBLOCK)
        self._close(link)

    def _close(self, link: Link) -> None:
        """The server notices, and drops the client's jobs unless it may come back."""
        if link.closed:
            return
        link.closed = True
        self._links.pop(link.peer, None)
        link.up.clear()
        if link.session is not None:
            link.session.close()
        elif link.opening is not None:
            link.opening.add_done_callback(_close_late)

    def _beat(self) -> None:
        for peer in self._desk.beat(list(self._links)):
            if link := self._links.get(peer):
                self._refuse(peer, None, Problem("bad-key", "This machine's key is not allowed any more."))
                self._send_away(link)
        now = time.monotonic()
        for link in list(self._links.values()):
            if now - link.told > PROBE_SECONDS and link.down is None:
                link.told = now
                self._send(link.peer, [wire.encode("PONG")])


def _close_late(opening: Future[tuple[Session, Dealer]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
