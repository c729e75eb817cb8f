"""The connections of the server's listener: who has come, who has gone, and who has to go.

libzmq tells nothing of a connection but its messages. Its monitor and the socket that each message names
say the rest here: who has come, who has gone, who does not read and who says nothing, so that every
connection is bounded and a fault of one costs that one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import zmq

from . import resources, socket_events
from .handshake import Handshake
from .limits import Limits

MAX_UNSENT_BYTES = 32 << 20  # rows on their way to one client; its next messages wait until they are fewer
LEFTOVER_SECONDS = 1.0  # in which the last messages of a connection that has ended are read
MEASURE_SECONDS = 0.02  # between two looks at the memory
MAX_UNFINISHED_BYTES, CLIENT_BYTES = (
    128 << 20,
    64 << 20,
)  # of messages on their way: of strangers, of each client
SPARE_HANDLES = 8  # file descriptors that connections may not take

_IPC_PEER = re.compile(r"[^:]*:(\d+):\d*:\d*")  # libzmq's "Peer-Address" of an ipc connection: uid, gid, pid

log = logging.getLogger("listener")

Frames = Sequence[Any]  # of zmq.Frame


class Guard(Protocol):
    """Who may come in from other machines (`server.remote.guard.Guard`)."""

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Make what `socket` binds from now on CURVE. Raises `Problem`."""
        ...

    def refused(self, reason: int) -> None:
        """Note that a connection did not come through its handshake."""
        ...

    def allows(self, user: str) -> bool:
        """Whether this public key may stay."""
        ...

    def beat(self) -> None:
        """Do what is due; called several times a second."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(eq=False)
class Connection:
    """One client. user: the public key that another machine's has proven, "" on this machine.

    known: it has said HELLO. deferred: its messages that wait until it has read. outbox: answers that libzmq
    does not take yet.
    """

    number: int
    routing: bytes
    handle: int
    user: str
    opened: float
    heard: float
    handshake: Handshake | None = None
    known: bool = False
    refusals: int = 0
    closing: float | None = None  # when it is to be closed
    blocked: float | None = None  # since when it has taken nothing of what waits for it
    deferred: deque[Frames] = field(default_factory=deque)
    outbox: deque[list[Any]] = field(default_factory=deque)
    unsent: deque[tuple[zmq.MessageTracker, int]] = field(default_factory=deque)

    def __repr__(self) -> str:
        return f"client {self.number}"

    @property
    def unsent_bytes(self) -> int:
        """Count the bytes that wait for the client to read."""
        return sum(size for _, size in self.unsent)

    @property
    def reads(self) -> bool:
        """Whether nothing much waits for it."""
        return not self.outbox and self.unsent_bytes <= MAX_UNSENT_BYTES


@dataclass(frozen=True)
class Message:
    """What came from a connection: the frames without libzmq's routing id."""

    connection: Connection
    frames: Frames


@dataclass(frozen=True)
class Disconnected:
    """A connection that has ended, for whatever reason."""

    connection: Connection


class Connections:
    """The open connections of one socket, silent ones too, and those that ended a moment ago.

    events: returns what the socket's monitor has to tell. plain_tcp: whether a TCP connection that has proven
    no key is this user's.
    """

    def __init__(
        self,
        events: Callable[[], Iterable[socket_events.SocketEvent]],
        limits: Limits,
        clock: Callable[[], float],
        guard: Guard | None,
        plain_tcp: bool,
    ):
        self._events = events
        self._limits = limits
        self._clock = clock
        self._guard = guard
        self._plain_tcp = plain_tcp
        self._number = 0
        self._connections: dict[bytes, Connection] = {}
        self._sockets: dict[int, float] = {}  # of open connections, silent ones too: since when
        self._owners: dict[int, Connection] = {}
        self._ended: list[tuple[Connection, float]] = []
        self._gone: list[Connection] = []
        self._usual_memory = resources.private_memory() or 0
        self._measured = clock()

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections.values()))

    def __contains__(self, connection: Connection) -> bool:
        return self._connections.get(connection.routing) is connection

    @property
    def known(self) -> int:
        """How many of the open connections have said HELLO."""
        return sum(owner.known for owner in self._owners.values())

    def count_known(self) -> int:
        """`known`, without those that ended a moment ago."""
        self.watch()
        return self.known

    @property
    def parting(self) -> bool:
        """Whether some have ended that `farewells` has not told of."""
        return bool(self._gone or self._ended)

    def strangers(self) -> list[int]:
        """Return the sockets of those that have not said HELLO, the one that has waited longest first."""
        return [handle for handle, owner in self._everyone() if owner is None or not owner.known]

    def _everyone(self) -> list[tuple[int, Connection | None]]:
        return [(handle, self._owners.get(handle)) for handle in self._sockets]

    def of(self, frames: Frames) -> Connection | None:
        """Return whose message this is; None for one that may not be here or has gone already.

        frames: as they came, libzmq's routing id first.
        """
        routing = frames[0].bytes
        if (known := self._connections.get(routing)) is not None:
            return known
        handle = int(_property(frames[0], "__fd") or -1)
        self.watch()  # its socket's number may have been another connection's until a moment ago
        if handle not in self._sockets or len(routing) != 5 or routing[0]:
            return None  # no client of ours chooses its routing id: libzmq counts them
        before = self._owners.get(handle)
        if before is not None and _is_older(routing, before.routing):
            return None  # the last words of a connection whose socket's number was given away again
        user = _property(frames[0], "User-Id")
        if not user and not self._is_own(_property(frames[0], "Peer-Address")):
            log.warning("a connection of another user is closed")
            _shut_down(handle)
            return None
        if before is not None:
            self.end(before)
        self._number += 1
        now = self._clock()
        connection = Connection(self._number, routing, handle, user, self._sockets[handle], now)
        self._connections[routing] = self._owners[handle] = connection
        return connection

    def _is_own(self, address: str) -> bool:
        """Whether a connection of this machine is this user's (or root's), as far as the system tells."""
        found = _IPC_PEER.fullmatch(address)
        return int(found[1]) in (os.getuid(), 0) if found else self._plain_tcp

    def watch(self) -> None:
        """Take what libzmq's monitor tells: who came, who went."""
        more = False
        for event in self._events():
            handle = event.value
            if event.kind & socket_events.REFUSED:
                if self._guard is not None and event.endpoint.startswith(b"tcp"):
                    self._guard.refused(handle)
                continue
            if event.kind == zmq.EVENT_ACCEPTED:
                self._sockets[handle] = self._clock()
                more = True
                continue
            self._sockets.pop(handle, None)
            if (connection := self._owners.pop(handle, None)) is not None:
                self._ended.append((connection, self._clock()))
        if more:
            self._make_room()

    def _make_room(self) -> None:
        """Send away the strangers that have waited longest, so that a crowd of them locks nobody out."""
        strangers = self.strangers()
        excess = len(strangers) - int(self._limits.greetings)
        if (spare := resources.spare_handles()) is not None:
            excess = max(excess, SPARE_HANDLES - spare)
        for handle in strangers[: max(0, excess)]:
            self._expel(handle)

    def bound_memory(self) -> None:
        """End the strangers, else the other machines' clients, when messages without an end fill the memory.

        libzmq gathers a message's frames, however many, before anybody may look at it, and tells of none.
        """
        if self._clock() < self._measured + MEASURE_SECONDS:
            return
        self._measured = self._clock()
        suspects = self.strangers() or [handle for handle, owner in self._everyone() if owner and owner.user]
        used = resources.private_memory()
        if used is None:
            return
        if not suspects:
            self._usual_memory = used
        elif used > self._usual_memory + MAX_UNFINISHED_BYTES + CLIENT_BYTES * self.known:
            log.warning("%d connections are closed: unfinished messages fill the memory", len(suspects))
            for handle in suspects:
                self._expel(handle)

    def end_late(self) -> None:
        """End the strangers that are too slow to say HELLO."""
        now = self._clock()
        for handle in self.strangers():
            if now - self._sockets[handle] > self._limits.greeting_seconds:
                self._expel(handle)

    def _expel(self, handle: int) -> None:
        self._sockets.pop(handle, None)
        _shut_down(handle)
        if (owner := self._owners.get(handle)) is not None:
            self.end(owner)

    def shut(self, connection: Connection, why: str) -> None:
        """End a connection at once, and say why in the log."""
        log.debug("%s: %s", connection, why)
        self.watch()
        if self._owners.get(connection.handle) is connection:
            _shut_down(connection.handle)
        self.end(connection)

    def end(self, connection: Connection) -> None:
        """Forget a connection; `farewells` tells of it."""
        if connection not in self:
            return
        del self._connections[connection.routing]
        if self._owners.get(connection.handle) is connection:
            del self._owners[connection.handle]
        connection.deferred.clear()
        connection.outbox.clear()
        connection.unsent.clear()
        self._gone.append(connection)

    def farewells(self, empty: bool) -> Iterator[Disconnected]:
        """Yield those that have ended, as soon as their last messages were read.

        empty: whether nothing is left to be read.
        """
        now = self._clock()
        waiting: list[tuple[Connection, float]] = []
        for connection, since in self._ended:
            if (empty and not connection.deferred) or now - since > LEFTOVER_SECONDS:
                self.end(connection)
            else:
                waiting.append((connection, since))
        self._ended = waiting
        gone, self._gone = self._gone, []
        for connection in gone:
            yield Disconnected(connection)

    def clear(self) -> None:
        """Forget all connections; nothing is told of them."""
        self._connections.clear()


def _shut_down(handle: int) -> None:
    """End the connection of this socket, which libzmq owns and closes as soon as it notices."""
    with contextlib.suppress(OSError):
        borrowed = socket.socket(fileno=handle)
        try:
            borrowed.shutdown(socket.SHUT_RDWR)
        finally:
            borrowed.detach()


def _property(frame: Any, name: str) -> str:
    """Return what libzmq knows of a message's connection; "" when it knows nothing."""
    try:
        return str(frame.get(name))
    except (zmq.ZMQError, ValueError):
        return ""


def _is_older(routing: bytes, other: bytes) -> bool:
    """Whether libzmq gave out the first of these routing ids before the second; its counter may wrap."""
    difference = int.from_bytes(routing[1:], "big") - int.from_bytes(other[1:], "big")
    return difference % (1 << 32) >= 1 << 31
