"""The server's listening socket: one ROUTER of libzmq, and what has to be known of its connections.

On Linux and macOS it listens on an ``ipc://`` path that only this user can reach, on Windows on the
loopback interface. ``--listen`` adds a TCP address: plain for this machine, CURVE for others (see
`server.remote.guard`).

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.wire import Problem

from . import endpoints, resources, socket_events
from .handshake import Handshake
from .limits import Limits

BATCH = 64  # messages that are taken before anything else has its turn
RECEIVE_MESSAGES, SEND_MESSAGES = 2, 8  # libzmq's high-water marks, for each connection
MAX_UNSENT_BYTES = 32 << 20  # rows on their way to one client; its next messages wait until they are fewer
MAX_DEFERRED = (
    1024,
    32 << 20,
)  # messages, and bytes of them, of a client that does not read; then it is closed
FAREWELL_SECONDS = 0.25  # in which the last answer reaches a client that is sent away
LEFTOVER_SECONDS = 1.0  # in which the last messages of a connection that has ended are read
ZERO_COPY_BYTES = 1 << 16
MEASURE_SECONDS = 0.02  # between two looks at the memory
MAX_UNFINISHED_BYTES, CLIENT_BYTES = (
    128 << 20,
    64 << 20,
)  # of messages on their way: of strangers, of each client
QUIET_SECONDS = 10.0  # without a message, after which the memory of messages is given back
SPARE_HANDLES = 8  # file descriptors that connections may not take

_REFUSED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | _REFUSED
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


class Listener:
    """The socket from `__init__` to `close`. Raises `Problem`; nothing is left behind then.

    folder: the state folder. listen: an address besides the private one, encrypted when a guard is given.
    `socket` and `monitor` are for a poll loop, which calls `take` when one of them has something, and after
    `patience` seconds at the latest.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        clock: Callable[[], float],
        listen: str | None = None,
        guard: Guard | None = None,
    ):
        self._limits = limits
        self._clock = clock
        self._guard = guard
        self._context = zmq.Context[Any]()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self.monitor: zmq.Socket[bytes] | None = None
        self.endpoints: list[str] = []
        self.remote = ""
        self._number = 0
        self._connections: dict[bytes, Connection] = {}
        self._sockets: dict[int, float] = {}  # of open connections, silent ones too: since when
        self._owners: dict[int, Connection] = {}
        self._ended: list[tuple[Connection, float]] = []
        self._gone: list[Connection] = []
        self._usual_memory = resources.private_memory() or 0
        self._measured = clock()
        self._heard: float | None = None  # when the last message came, until its memory is given back
        resources.keep_freed_memory()
        zmq.Frame(bytes(ZERO_COPY_BYTES), copy=False)  # pyzmq's sockets for that, while there are handles
        self._ipc: Path | None = None
        self._ipc_inode = 0
        self._plain_tcp = os.name != "posix" or bool(listen and guard is None)
        try:
            self._bind(folder, listen)
        except BaseException:
            self.close(0.0)
            raise

    def _bind(self, folder: Path, listen: str | None) -> None:
        own = self.socket
        own.router_mandatory = True  # a message to one that has gone is an error
        own.maxmsgsize = wire.MAX_FRAME_BYTES
        own.rcvhwm, own.sndhwm = RECEIVE_MESSAGES, SEND_MESSAGES
        # For good, in what is bound: with libzmq's own (without an end) a connection that vanishes while we
        # close would wait for ever for somebody to read what it was sent, and we for it.
        own.linger = 0
        own.handshake_ivl = int(1000 * min(self._limits.greeting_seconds, 2e6))
        own.backlog = endpoints.BACKLOG
        self.monitor = own.get_monitor_socket(_EVENTS)
        self.monitor.rcvhwm = 0  # libzmq's own thread would wait for us to read
        if os.name == "posix":
            self._bind_path(folder)
        if listen is None and not self.endpoints:
            listen = endpoints.LOOPBACK
        if listen is None:
            return
        if self._guard is not None:
            self._guard.protect(own)
            own.heartbeat_ivl, own.heartbeat_timeout = 2000, 8000  # a machine may go without a word
            self.remote = endpoints.bind(own, listen)
        else:
            self.endpoints.append(endpoints.bind(own, listen))

    def _bind_path(self, folder: Path) -> None:
        """Where the state folder's name is too long or its file system holds no sockets, a folder of our own.

        A socket that a killed server left there is in the way; nothing else is removed.
        """
        for path in runtime.ipc_paths(folder):
            if path.is_socket() or not path.exists():
                with contextlib.suppress(OSError, zmq.ZMQError):
                    self.socket.use_fd = endpoints.listen_on_path(path)
                    self.socket.bind(f"ipc://{path}")
                    self.socket.use_fd = -1
                    self._ipc, self._ipc_inode = path, path.stat().st_ino
                    self.endpoints.append(f"ipc://{path}")
                    return
            endpoints.remove_path(path, None)
        raise Problem("no-server", f"No socket can be made in {folder}.", f"Set {runtime.HOME_VARIABLE}.")

    @property
    def known(self) -> int:
        """How many of the open connections have said HELLO."""
        return sum(owner.known for owner in self._owners.values())

    def count_known(self) -> int:
        """`known`, without those that ended a moment ago."""
        self._watch()
        return self.known

    @property
    def patience(self) -> float:
        """Seconds until `take` is to be called again although libzmq tells of nothing."""
        if self._gone or self._ended or any(c.outbox or c.deferred for c in self._connections.values()):
            return 0.005
        return MEASURE_SECONDS if len(self._sockets) > self.known else 1.0  # of a stranger

    def all(self) -> list[Connection]:
        """List the connections."""
        return list(self._connections.values())

    # In.

    def take(self, receive: bool = True) -> Iterator[Message | Disconnected]:
        """Yield what has come, at most a turn's worth of it, in order for each connection.

        receive: whether new messages are read; without it they wait at their senders'.
        """
        self._watch()
        self._bound_memory()
        for connection in self.all():
            self._flush(connection)
            while connection.deferred and connection.reads and connection.closing is None:
                yield Message(connection, connection.deferred.popleft())
        empty = False
        for _ in range(BATCH if receive else 0):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                empty = True
                break
            message = self._message(frames)
            if message is not None:
                yield message
        yield from self._farewells(empty)

    def _message(self, frames: Frames) -> Message | None:
        connection = self._connection(frames)
        if connection is None or connection.closing is not None:
            return None
        connection.heard = self._heard = self._clock()
        if connection.reads and not connection.deferred:
            return Message(connection, frames[1:])
        connection.deferred.append(frames[1:])
        count, size = MAX_DEFERRED
        if len(connection.deferred) > count or _size(connection.deferred) > size:
            self._shut(connection, "it asks and does not read")
        return None

    def _connection(self, frames: Frames) -> Connection | None:
        """Whose message this is; None for one that may not be here or has gone already."""
        routing = frames[0].bytes
        if (known := self._connections.get(routing)) is not None:
            return known
        handle = int(_property(frames[0], "__fd") or -1)
        self._watch()  # its socket's number may have been another connection's until a moment ago
        if handle not in self._sockets or len(routing) != 5 or routing[0]:
            return None  # no client of ours chooses its routing id: libzmq counts them
        before = self._owners.get(handle)
        if before is not None and _is_older(routing, before.routing):
            return None  # the last words of a connection whose socket's number was given away again
        user = _property(frames[0], "User-Id")
        if not user and not self._is_own(_property(frames[0], "Peer-Address")):
            log.warning("a connection of another user is closed")
            shut(handle)
            return None
        if before is not None:
            self._end(before)
        self._number += 1
        now = self._clock()
        connection = Connection(self._number, routing, handle, user, self._sockets[handle], now)
        self._connections[routing] = self._owners[handle] = connection
        return connection

    def _is_own(self, address: str) -> bool:
        """Whether a connection of this machine is this user's (or root's), as far as the system tells."""
        found = _IPC_PEER.fullmatch(address)
        return int(found[1]) in (os.getuid(), 0) if found else self._plain_tcp

    def _watch(self) -> None:
        """Take what libzmq's monitor tells: who came, who went."""
        assert self.monitor is not None
        more = False
        while True:
            try:
                event = socket_events.parse(self.monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
            handle = event.value
            if event.kind & _REFUSED:
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
        known = self.known
        excess = len(self._sockets) - known - int(self._limits.greetings)
        if (spare := resources.spare_handles()) is not None:
            excess = max(excess, SPARE_HANDLES - spare)
        for handle, owner in self._everyone():
            if excess > 0 and (owner is None or not owner.known):
                excess -= 1
                self._expel(handle)

    def _bound_memory(self) -> None:
        """End the strangers, else the other machines' clients, when messages without an end fill the memory.

        libzmq gathers a message's frames, however many, before anybody may look at it, and tells of none.
        """
        if self._clock() < self._measured + MEASURE_SECONDS:
            return
        self._measured = self._clock()
        strangers = [handle for handle, owner in self._everyone() if owner is None or not owner.known]
        suspects = strangers or [handle for handle, owner in self._everyone() if owner and owner.user]
        used = resources.private_memory()
        if used is None:
            return
        if not suspects:
            self._usual_memory = used
        elif used > self._usual_memory + MAX_UNFINISHED_BYTES + CLIENT_BYTES * self.known:
            log.warning("%d connections are closed: unfinished messages fill the memory", len(suspects))
            for handle in suspects:
                self._expel(handle)

    def _everyone(self) -> list[tuple[int, Connection | None]]:
        return [(handle, self._owners.get(handle)) for handle in self._sockets]

    def _expel(self, handle: int) -> None:
        self._sockets.pop(handle, None)
        shut(handle)
        if (owner := self._owners.get(handle)) is not None:
            self._end(owner)

    # Out.

    def send(self, connection: Connection, frames: list[Any], optional: bool = False) -> None:
        """Send in order, as fast as the client reads. optional: left out when something waits already."""
        if self._connections.get(connection.routing) is not connection:
            return
        if (connection.outbox or not self._sent(connection, frames)) and not optional:
            connection.outbox.append(frames)

    def _sent(self, connection: Connection, frames: list[Any]) -> bool:
        """Send; False when libzmq takes nothing for this client now. One that has gone is ended."""
        *rest, last = [getattr(frame, "buffer", frame) for frame in frames]
        large = len(last) >= ZERO_COPY_BYTES
        # Made before anything is sent: half a message would spoil the next one.
        body = zmq.Frame(last, track=large, copy=not large)
        try:
            self.socket.send_multipart([connection.routing, *rest, body], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._end(connection)
            return True
        if large:
            connection.unsent.append((body.tracker, len(last)))
        return True

    def _flush(self, connection: Connection) -> None:
        """Send what the client takes now, and note since when it has taken nothing."""
        moved = False
        while connection.unsent and connection.unsent[0][0].done:
            connection.unsent.popleft()
            moved = True
        while connection.outbox and self._sent(connection, connection.outbox[0]):
            if connection.outbox:  # still there: the connection may just have been ended
                connection.outbox.popleft()
            moved = True
        if not connection.unsent and not connection.outbox:
            connection.blocked = None
        elif moved or connection.blocked is None:
            connection.blocked = self._clock()

    # The end of connections.

    def dismiss(self, connection: Connection) -> None:
        """End a connection soon; what was sent to it before reaches it."""
        if connection.closing is None:
            connection.closing = self._clock() + FAREWELL_SECONDS

    def beat(self, has_job: Callable[[Connection], bool]) -> None:
        """End who is too slow to say HELLO, to read, or to say anything at all. Four times a second."""
        now, limits = self._clock(), self._limits
        if self._heard is not None and now - self._heard > QUIET_SECONDS:
            self._heard = None
            resources.give_back_memory()
        for handle, owner in self._everyone():
            late = now - self._sockets[handle] > limits.greeting_seconds
            if late and (owner is None or not owner.known):
                self._expel(handle)
        for connection in self.all():
            self._flush(connection)
            if connection.closing is not None and now >= connection.closing:
                self._shut(connection, "dismissed")
            elif connection.blocked is not None and now - connection.blocked > limits.stall_seconds:
                self._shut(connection, "it does not read")
            elif now - connection.heard > limits.idle_seconds and not has_job(connection):
                self._shut(connection, "idle")

    def _shut(self, connection: Connection, why: str) -> None:
        log.debug("%s: %s", connection, why)
        self._watch()
        if self._owners.get(connection.handle) is connection:
            shut(connection.handle)
        self._end(connection)

    def _end(self, connection: Connection) -> None:
        """Forgets a connection; `take` tells of it."""
        if self._connections.get(connection.routing) is not connection:
            return
        del self._connections[connection.routing]
        if self._owners.get(connection.handle) is connection:
            del self._owners[connection.handle]
        connection.deferred.clear()
        connection.outbox.clear()
        connection.unsent.clear()
        self._gone.append(connection)

    def _farewells(self, empty: bool) -> Iterator[Disconnected]:
        """Those that have ended, as soon as their last messages were read."""
        now = self._clock()
        waiting: list[tuple[Connection, float]] = []
        for connection, since in self._ended:
            if (empty and not connection.deferred) or now - since > LEFTOVER_SECONDS:
                self._end(connection)
            else:
                waiting.append((connection, since))
        self._ended = waiting
        gone, self._gone = self._gone, []
        for connection in gone:
            yield Disconnected(connection)

    def close(self, seconds: float) -> None:
        """End all connections; what is on its way has so many seconds to get there."""
        self._connections.clear()
        if self.monitor is not None:
            self.socket.disable_monitor()
            self.monitor.close(linger=0)
        self.socket.close(linger=int(1000 * seconds))
        if self._guard is not None:
            self._guard.close()
        self._context.term()
        if self._ipc is not None:
            endpoints.remove_path(self._ipc, self._ipc_inode)


def shut(handle: int) -> None:
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


def _size(messages: deque[Frames]) -> int:
    return sum(len(frame) for frames in messages for frame in frames)
