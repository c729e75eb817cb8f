"""The client's end of a connection as libzmq makes it, with the interface of `zmtp.Connection`.

It differs from that in two ways that matter here: it can speak CURVE, and it sends without waiting.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zmq

from plugin.studio_portrait.link import hints, wire
from plugin.studio_portrait.link.wire import Problem
from plugin.studio_portrait.link.zmtp import Bytes, Closed

from ..service import resources, socket_events
from .keys import KeyPair, shown

_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
)
# What a connection is when it ends, by how far it had come.
_ENDED = {"sought": "unreachable", "connected": "garbled", "open": "closed"}


@dataclass(frozen=True)
class Keys:
    """With which a connection is encrypted: our pair, and the key that the server must prove."""

    own: KeyPair
    server: bytes


class Dealer:
    """One DEALER connection. Not for several threads at once.

    timeout: seconds for connection and handshake. Raises `Problem` when not even an attempt can be made.
    `socket` and `monitor` are for a poll loop, which asks `lost` when `monitor` has something.
    """

    def __init__(self, endpoint: str, keys: Keys, *, timeout: float = 10.0):
        self.endpoint = endpoint
        self._keys = keys
        self._timeout = timeout
        self._state = "sought"
        try:
            self._connect()
        except zmq.ZMQError as error:
            raise _unmade(endpoint, error) from error

    def _connect(self) -> None:
        """Make both sockets; one without the other is closed at once, and not when Python finds it."""
        context: zmq.Context[Any] = zmq.Context.instance()
        with contextlib.ExitStack() as made:
            self.socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
            made.callback(self.socket.close, linger=0)
            self.socket.curve_publickey = self._keys.own.public
            self.socket.curve_secretkey = self._keys.own.secret
            self.socket.curve_serverkey = self._keys.server
            _bound(self.socket, self._timeout)
            self.monitor = self.socket.get_monitor_socket(_EVENTS)
            made.callback(self.monitor.close, linger=0)
            made.callback(self.socket.disable_monitor)
            self.socket.connect(self.endpoint)
            made.pop_all()

    @property
    def is_open(self) -> bool:
        """Whether the handshake is done, as far as `lost` was told."""
        return self._state == "open"

    def wait_until_open(self) -> None:
        """Return when the handshake is done. Raises `Problem`."""
        deadline = time.monotonic() + self._timeout
        while self._state != "open":
            remaining = max(0.0, deadline - time.monotonic())
            if not self.monitor.poll(int(1000 * remaining)) or self.lost():
                raise self.why_lost()

    def lost(self) -> bool:
        """Take what libzmq told about the connection; returns whether it has ended."""
        for event, _, _ in socket_events.waiting(self.monitor):
            if event == zmq.EVENT_CONNECTED:
                self._state = "connected"
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._state = "open"
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._state = "refused"
            else:
                self._state = _ENDED.get(self._state, self._state)
        return self._state not in _ENDED

    def why_lost(self) -> Problem:
        """Return what a user reads about a connection that did not come about or has ended."""
        if self._state == "refused":
            hint = f"There: studio-portrait keys allow NAME {shown(self._keys.own.public)}"
            return Problem("bad-key", f"The server {self.endpoint} does not allow this machine's key.", hint)
        if self._state in ("garbled", "connected"):
            sentence = f"The server {self.endpoint} does not allow this machine's key, or has another"
            hint = hints.fill("Compare {keys list} here and there.")
            return Problem("bad-key", f"{sentence} of its own than is known here.", hint)
        if self._state in ("open", "closed"):
            return Problem("lost-server", f"The connection to {self.endpoint} was lost.", "Try again.")
        hint = "See that it runs there with --listen, and that no firewall is between."
        return Problem("no-server", f"No server answers at {self.endpoint}.", hint)

    def close(self) -> None:
        """End the connection."""
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close()

    def send(self, frames: Sequence[Bytes], timeout: float = 10.0) -> None:
        """As `zmtp.Connection.send`; the frames are copied, for the caller may change them afterwards."""
        self._wait(zmq.POLLOUT, timeout)
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            raise TimeoutError(f"{self.endpoint}: the peer takes nothing") from None

    def receive(self, timeout: float) -> list[memoryview] | None:
        """As `zmtp.Connection.receive`."""
        if not self._wait(zmq.POLLIN, timeout):
            return None
        return [frame.buffer for frame in self.socket.recv_multipart(copy=False)]

    def _wait(self, what: int, timeout: float) -> bool:
        """Whether the socket can do it now. Raises `Closed` when it never can again."""
        poller = zmq.Poller()
        poller.register(self.socket, what)
        poller.register(self.monitor, zmq.POLLIN)
        deadline = time.monotonic() + timeout
        while True:
            ready = dict(poller.poll(max(0, int(1000 * (deadline - time.monotonic())))))
            if self.socket in ready:
                return True
            if self.monitor in ready and self.lost():
                raise Closed(self.why_lost().message)
            if not ready:
                return False


def _unmade(endpoint: str, error: zmq.ZMQError) -> Problem:
    """Return what a user reads where libzmq makes no connection, before anybody was asked."""
    if resources.is_out_of_handles(error):
        return Problem("busy", f"No file descriptor is left for {endpoint}.", "Try again soon.")
    hint = "See that the address is right."
    return Problem("no-server", f"{endpoint} cannot be reached from here: {error.strerror}.", hint)


def _bound(socket: zmq.Socket[bytes], timeout: float) -> None:
    """Limits as on the server's side; one connection, which is not made anew behind our back."""
    socket.ipv6 = True
    socket.reconnect_ivl = -1
    socket.connect_timeout = socket.handshake_ivl = int(1000 * timeout)
    socket.heartbeat_ivl, socket.heartbeat_timeout = 2000, 8000
    socket.sndhwm, socket.rcvhwm = 4, 8
    socket.maxmsgsize = wire.MAX_FRAME_BYTES
    socket.linger = 1000
