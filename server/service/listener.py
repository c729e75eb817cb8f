"""The server's listening socket: one ROUTER of libzmq, what comes in and what goes out.

On Linux and macOS it listens on an ``ipc://`` path that only this user can reach, on Windows on the
loopback interface. ``--listen`` adds a TCP address: plain for this machine, CURVE for others (see
`server.remote.guard`).
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.wire import Problem

from . import endpoints, resources, socket_events
from .connections import MEASURE_SECONDS, Connection, Connections, Disconnected, Frames, Guard, Message
from .limits import Limits

BATCH = 64  # messages that are taken before anything else has its turn
RECEIVE_MESSAGES, SEND_MESSAGES = 2, 8  # libzmq's high-water marks, for each connection
MAX_DEFERRED = (
    1024,
    32 << 20,
)  # messages, and bytes of them, of a client that does not read; then it is closed
FAREWELL_SECONDS = 0.25  # in which the last answer reaches a client that is sent away
ZERO_COPY_BYTES = 1 << 16
QUIET_SECONDS = 10.0  # without a message, after which the memory of messages is given back


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
        self._heard: float | None = None  # when the last message came, until its memory is given back
        resources.keep_freed_memory()
        zmq.Frame(bytes(ZERO_COPY_BYTES), copy=False)  # pyzmq's sockets for that, while there are handles
        self._ipc: Path | None = None
        self._ipc_inode = 0
        plain_tcp = os.name != "posix" or bool(listen and guard is None)
        self.connections = Connections(self._events, limits, clock, guard, plain_tcp)
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
        self.monitor = own.get_monitor_socket(socket_events.WATCHED)
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

    def _events(self) -> Iterable[socket_events.SocketEvent]:
        assert self.monitor is not None
        return socket_events.waiting(self.monitor)

    @property
    def patience(self) -> float:
        """Seconds until `take` is to be called again although libzmq tells of nothing."""
        if self.connections.parting or any(c.outbox or c.deferred for c in self.connections):
            return 0.005
        return MEASURE_SECONDS if self.connections.strangers() else 1.0

    # In.

    def take(self, receive: bool = True) -> Iterator[Message | Disconnected]:
        """Yield what has come, at most a turn's worth of it, in order for each connection.

        receive: whether new messages are read; without it they wait at their senders'.
        """
        self.connections.watch()
        self.connections.bound_memory()
        for connection in self.connections:
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
        yield from self.connections.farewells(empty)

    def _message(self, frames: Frames) -> Message | None:
        connection = self.connections.of(frames)
        if connection is None or connection.closing is not None:
            return None
        connection.heard = self._heard = self._clock()
        if connection.reads and not connection.deferred:
            return Message(connection, frames[1:])
        connection.deferred.append(frames[1:])
        count, size = MAX_DEFERRED
        if len(connection.deferred) > count or _size(connection.deferred) > size:
            self.connections.shut(connection, "it asks and does not read")
        return None

    # Out.

    def send(self, connection: Connection, frames: list[Any], optional: bool = False) -> None:
        """Send in order, as fast as the client reads. optional: left out when something waits already."""
        if connection not in self.connections:
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
            self.connections.end(connection)
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
        self.connections.end_late()
        for connection in self.connections:
            self._flush(connection)
            if connection.closing is not None and now >= connection.closing:
                self.connections.shut(connection, "dismissed")
            elif connection.blocked is not None and now - connection.blocked > limits.stall_seconds:
                self.connections.shut(connection, "it does not read")
            elif now - connection.heard > limits.idle_seconds and not has_job(connection):
                self.connections.shut(connection, "idle")

    def close(self, seconds: float) -> None:
        """End all connections; what is on its way has so many seconds to get there."""
        self.connections.clear()
        if self.monitor is not None:
            self.socket.disable_monitor()
            self.monitor.close(linger=0)
        self.socket.close(linger=int(1000 * seconds))
        if self._guard is not None:
            self._guard.close()
        self._context.term()
        if self._ipc is not None:
            endpoints.remove_path(self._ipc, self._ipc_inode)


def _size(messages: deque[Frames]) -> int:
    return sum(len(frame) for frames in messages for frame in frames)
