"""The server's half of ZeroMQ's transport: a ROUTER in the standard library, bounded on every side.

libzmq gathers a whole message before anybody may look at it, accepts as many connections as there
are file descriptors and knows no idle ones. Here (and in `peer`) the memory that clients can claim
is one header each, and who does not say HELLO, does not read or says nothing for long is sent away.

One thread, no waiting: the front's selector says who is ready.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from plugin.studio_portrait.link.zmtp import Garbled

from .limits import Limits
from .peer import Bytes, Host, Peer

log = logging.getLogger("router")


class Router:
    """All connections of the listening sockets that it was given."""

    def __init__(self, selector: selectors.BaseSelector, limits: Limits, host: Host):
        self._selector = selector
        self._limits = limits
        self._host = host
        self._number = 0
        self._peers: OrderedDict[Peer, None] = OrderedDict()
        self._strangers: OrderedDict[Peer, None] = OrderedDict()  # those of them without HELLO, oldest first
        self._failed: list[Peer] = []

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def known(self) -> int:
        """How many connections have said HELLO."""
        return len(self._peers) - len(self._strangers)

    def peers(self) -> list[Peer]:
        return list(self._peers)

    def listen(self, door: socket.socket) -> None:
        self._selector.register(door, selectors.EVENT_READ, lambda events: self._accept(door))

    def _accept(self, door: socket.socket) -> None:
        try:
            connection, _ = door.accept()
        except OSError:  # it has gone again, or there are no file descriptors left
            self._make_room(0)
            return
        self._make_room(int(self._limits.greetings) - 1)
        connection.setblocking(False)
        if connection.family != getattr(socket, "AF_UNIX", None):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._number += 1
        peer = Peer(connection, self._number, self._host, int(self._limits.header_bytes))
        self._peers[peer] = self._strangers[peer] = None
        self._selector.register(connection, selectors.EVENT_READ, lambda events: self._serve(peer, events))
        self._write(peer)

    def _make_room(self, most: int) -> None:
        """The stranger that has waited longest gives way, so that a crowd of them locks nobody out."""
        if len(self._strangers) > most:
            self._drop(next(iter(self._strangers)), "others wait to say HELLO")

    def admit(self, peer: Peer) -> None:
        """It has said HELLO."""
        peer.known = True
        self._strangers.pop(peer, None)

    def send(self, peer: Peer, *frames: Sequence[Bytes]) -> None:
        """Everything is sent, in order, as fast as the client reads."""
        if peer in self._peers:
            peer.post(frames)
            self._write(peer)

    def dismiss(self, peer: Peer) -> None:
        """Ends a connection when it has got what was sent to it."""
        peer.closing = True
        self._write(peer)

    def _serve(self, peer: Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                peer.flush()
            if events & selectors.EVENT_READ:
                peer.read()
        except BlockingIOError:
            pass
        except (OSError, Garbled) as error:
            self._drop(peer, str(error))
            return
        except Exception:
            log.exception("%s: a fault of our own", peer)
            self._drop(peer, "a fault of our own")
            return
        self._write(peer)

    def _write(self, peer: Peer) -> None:
        """Sends what can be sent, watches for what is to come. `tidy` drops a broken connection."""
        try:
            peer.flush()
        except BlockingIOError:
            pass
        except OSError:
            self._failed.append(peer)
            return
        if peer.closing and not peer.waiting:
            self._failed.append(peer)
        elif peer in self._peers:
            events = 0 if peer.choked or peer.closing else selectors.EVENT_READ
            events |= selectors.EVENT_WRITE if peer.waiting else 0
            key = self._selector.get_key(peer.socket)
            if key.events != events:
                self._selector.modify(peer.socket, events, key.data)

    def tidy(self) -> None:
        """Drops the connections that broke while something was sent to them."""
        while self._failed:
            self._drop(self._failed.pop(), "closed")

    def beat(self, now: float, has_job: Callable[[Peer], bool]) -> None:
        """Drops who is too slow to say HELLO, to read, or to say anything at all."""
        limits = self._limits
        for peer in self.peers():
            if not peer.known and now - peer.opened > limits.greeting_seconds:
                self._drop(peer, "no HELLO")
            elif peer.waiting and now - peer.moved > limits.stall_seconds:
                self._drop(peer, "it does not read")
            elif now - peer.heard > limits.idle_seconds and not has_job(peer):
                self._drop(peer, "idle")
        self.tidy()

    def _drop(self, peer: Peer, why: str) -> None:
        if peer not in self._peers:
            return
        log.debug("%s: %s", peer, why)
        del self._peers[peer]
        self._strangers.pop(peer, None)
        self._selector.unregister(peer.socket)
        peer.close()
        self._host.gone(peer)

    def close(self, seconds: float) -> None:
        """Ends all connections; what is on its way has so many seconds to get there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(peer.waiting for peer in self._peers):
            for key, events in self._selector.select(0.05):
                if events & selectors.EVENT_WRITE:
                    key.data(selectors.EVENT_WRITE)
            self.tidy()
        for peer in self.peers():
            self._drop(peer, "the server ends")
