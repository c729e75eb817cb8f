"""One connection of a client: ZMTP 3.0 in both directions, without waiting and without copying.

A payload's first byte is not read before its header was judged, and it is read straight to where it
belongs; a client that does not read is not read from either (https://rfc.zeromq.org/spec/23/).
"""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.zmtp import COMMAND, LONG, MAX_COMMAND_BYTES, MORE, Garbled, head

from .handshake import Welcome

Bytes = bytes | bytearray | memoryview

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"
TURN_BYTES = 1 << 20  # read from one connection before the others have their turn
MAX_WAITING = 64  # parts that wait for a client that does not read; more are not made for it
MAX_FRAMES = 8  # of a message; two are right, a few more are answered, then the connection ends
PARTS = 256  # in one system call


@dataclass(frozen=True)
class Delivery:
    """Where a message's payload goes (None: nowhere), and what is done when it is there."""

    place: memoryview | None
    done: Callable[[], None]


class Host(Protocol):
    """Who answers the messages."""

    def announce(self, peer: Peer, header: bytes, size: int | None) -> Delivery:
        """A header has come; a payload of `size` bytes follows, or none."""
        ...

    def malformed(self, peer: Peer) -> None:
        """A message had more frames than two."""
        ...

    def gone(self, peer: Peer) -> None: ...


class Peer:
    """One connection. known: HELLO was said. heard, moved: when it last sent or took something."""

    def __init__(self, connection: socket.socket, number: int, host: Host, header_bytes: int):
        self.socket = connection
        self.number = number
        self.known = False
        self.closing = False  # as soon as everything is sent
        self.strikes = 0
        self.welcome: Welcome | None = None  # once it began with HELLO
        self.opened = self.heard = self.moved = time.monotonic()
        self._host = host
        self._header_bytes = header_bytes
        self._outbox: deque[memoryview] = deque([memoryview(GREETING)])
        self._talk = self._conversation()
        self._wanted = next(self._talk)

    def __repr__(self) -> str:
        return f"client {self.number}"

    @property
    def waiting(self) -> int:
        """How many parts wait for the client to read."""
        return len(self._outbox)

    @property
    def choked(self) -> bool:
        """Nothing is read from a client that does not read."""
        return len(self._outbox) > MAX_WAITING

    def post(self, frames: Sequence[Sequence[Bytes]]) -> None:
        """One message to send; each frame is a list of its parts."""
        if not self._outbox:
            self.moved = time.monotonic()
        for index, parts in enumerate(frames):
            size = sum(len(part) for part in parts)
            more = MORE if index < len(frames) - 1 else 0
            self._outbox.extend(memoryview(part) for part in (head(size, more), *parts) if len(part))

    def read(self) -> None:
        """Reads what is there, as much as one turn allows. Raises OSError or `Garbled` when it is over."""
        budget = TURN_BYTES
        while budget > 0 and not self.choked and not self.closing:
            if self._wanted:
                count = self.socket.recv_into(self._wanted[:budget])
                if count == 0:
                    raise ConnectionError("closed")
                self.heard = time.monotonic()
                self._wanted = self._wanted[count:]
                budget -= count
            if not self._wanted:
                self._wanted = next(self._talk)

    def flush(self) -> None:
        """Sends what the client takes. Raises OSError."""
        while self._outbox:
            sent = self._send()
            self.moved = time.monotonic()
            while self._outbox and sent >= len(self._outbox[0]):
                sent -= len(self._outbox.popleft())
            if sent:
                self._outbox[0] = self._outbox[0][sent:]

    def _send(self) -> int:
        if hasattr(self.socket, "sendmsg"):
            return self.socket.sendmsg(list(islice(self._outbox, PARTS)))
        return self.socket.send(self._outbox[0])  # Windows

    def close(self) -> None:
        self._talk.close()
        self._outbox.clear()
        self._wanted = memoryview(b"")
        self.socket.close()

    # What comes in: each `yield` asks for a piece of memory to be filled.

    def _conversation(self) -> Generator[memoryview, None, None]:
        greeting = bytearray(64)
        yield memoryview(greeting)[:1]
        if greeting[0] != 0xFF:
            raise Garbled("no greeting")
        yield memoryview(greeting)[1:11]
        if not greeting[9] & 1 or greeting[10] < 3:
            raise Garbled("another ZeroMQ version")
        yield memoryview(greeting)[11:]
        if greeting[12:32].rstrip(b"\0") != b"NULL":
            raise Garbled("another mechanism")
        self._outbox.extend((memoryview(head(len(READY), COMMAND)), memoryview(READY)))
        flags, size = yield from self._head()
        if not flags & COMMAND:
            raise Garbled("no READY")
        yield from self._command(size)
        while True:
            flags, size = yield from self._head()
            if flags & COMMAND:
                yield from self._command(size)
            else:
                yield from self._message(flags, size)

    def _head(self) -> Generator[memoryview, None, tuple[int, int]]:
        first = bytearray(9)
        yield memoryview(first)[:2]
        flags = first[0]
        if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
            raise Garbled("not a frame")
        if not flags & LONG:
            return flags, first[1]
        yield memoryview(first)[2:]
        size = struct.unpack(">Q", first[1:])[0]
        if size > wire.MAX_FRAME_BYTES:
            raise Garbled(f"a frame of {size} bytes")
        return flags, size

    def _command(self, size: int) -> Generator[memoryview, None, None]:
        """READY, or ZMTP 3.1's PING, which wants its context back."""
        if size > MAX_COMMAND_BYTES:
            raise Garbled("an endless command")
        body = bytearray(size)
        yield memoryview(body)
        if body.startswith(b"\x04PING"):
            pong = b"\x04PONG" + bytes(body[7:23])
            self._outbox.extend((memoryview(head(len(pong), COMMAND)), memoryview(pong)))

    def _message(self, flags: int, size: int) -> Generator[memoryview, None, None]:
        """One header and at most one payload; what is too much is read into nowhere."""
        if size > self._header_bytes:  # refused by the host, which sees one byte too many
            yield from _nowhere(size)
            header, size = bytes(wire.MAX_HEADER_BYTES + 1), 0
        else:
            body = bytearray(size)
            yield memoryview(body)
            header = bytes(body)
        if not flags & MORE:
            self._host.announce(self, header, None).done()
            return
        flags, size = yield from self._head()
        if flags & MORE:
            yield from self._surplus(flags, size)
            return
        delivery = self._host.announce(self, header, size)
        if delivery.place is None:
            yield from _nowhere(size)
        else:
            yield delivery.place
        delivery.done()

    def _surplus(self, flags: int, size: int) -> Generator[memoryview, None, None]:
        for _ in range(MAX_FRAMES):
            yield from _nowhere(size)
            if not flags & MORE:
                self._host.malformed(self)
                return
            flags, size = yield from self._head()
        raise Garbled("a message without an end")


_SCRATCH = memoryview(bytearray(1 << 16))


def _nowhere(size: int) -> Generator[memoryview, None, None]:
    while size > 0:
        count = min(size, len(_SCRATCH))
        yield _SCRATCH[:count]
        size -= count
