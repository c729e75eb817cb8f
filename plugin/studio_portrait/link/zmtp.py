"""A ZeroMQ DEALER socket in the standard library: one connection, ZMTP 3.0, NULL mechanism.

GIMP's own Python cannot load pyzmq on Windows, macOS and flatpak, so the client's
half of the transport is written here (https://rfc.zeromq.org/spec/23/). It speaks to
libzmq's ROUTER over ``tcp://`` and ``ipc://``. Frames are received into a buffer of
their own size and sent from the caller's memory: no copy is made on either way.

A time-out in the middle of a frame loses nothing: the next `Connection.receive`
goes on where the last one stopped.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence

Bytes = bytes | bytearray | memoryview

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + bytes(4)
PEERS = {b"ROUTER", b"DEALER", b"REP"}  # what a DEALER may talk to

MORE, LONG, COMMAND = 1, 2, 4
MAX_COMMAND_BYTES = 4096
MAX_FRAMES = 8


class TransportError(Exception):
    """Nobody listens there, the peer went away, or it does not speak ZMTP."""


class Unreachable(TransportError):
    """No connection could be made."""


class Closed(TransportError):
    """The peer closed the connection."""


class Garbled(TransportError):
    """What came is not ZMTP 3, or larger than was agreed."""


def connect_socket(endpoint: str, timeout: float) -> socket.socket:
    """Return a connected stream socket for ``tcp://HOST:PORT`` or ``ipc://PATH``; raises `Unreachable`."""
    scheme, _, address = endpoint.partition("://")
    connect = {"tcp": _connect_tcp, "ipc": _connect_ipc}.get(scheme)
    if connect is None or (scheme == "ipc" and not hasattr(socket, "AF_UNIX")):
        raise Unreachable(f"{endpoint}: this system cannot use such an address")
    try:
        return connect(address, timeout)
    except (OSError, ValueError, OverflowError) as error:
        raise Unreachable(f"{endpoint}: {error}") from error


def _connect_tcp(address: str, timeout: float) -> socket.socket:
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect_ipc(path: str, timeout: float) -> socket.socket:
    """Wait while more clients come at once than the server has accepted: the system itself would not."""
    deadline = time.monotonic() + timeout
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    while True:
        try:
            sock.connect(path)
            return sock
        except BaseException as fault:
            if not isinstance(fault, BlockingIOError) or time.monotonic() > deadline:
                sock.close()
                raise
            time.sleep(0.01)


class Connection:
    """One DEALER connection. Not for several threads at once.

    timeout: seconds for the connection and the handshake together.
    max_frame_bytes: a larger frame from the peer ends the connection before
    anything is allocated for it.
    Raises `Unreachable`, `Closed` or `Garbled`; `TimeoutError` when the handshake
    or a `send` makes no progress.
    """

    def __init__(self, endpoint: str, *, timeout: float = 5.0, max_frame_bytes: int = 16 << 20):
        self.endpoint = endpoint
        self._max_frame_bytes = max_frame_bytes
        self._message: list[memoryview] = []
        self._deadline = time.monotonic() + timeout
        self._socket = connect_socket(endpoint, timeout)
        try:
            self._expect(10)
            self._handshake(timeout)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def send(self, frames: Sequence[Bytes], timeout: float = 10.0) -> None:
        """Send one message. `TimeoutError` when the peer takes nothing for `timeout` seconds."""
        parts: list[memoryview] = []
        for index, frame in enumerate(frames):
            body = memoryview(frame).cast("B")
            parts += [memoryview(head(len(body), MORE if index < len(frames) - 1 else 0)), body]
        self._send_parts(parts, timeout)

    def receive(self, timeout: float) -> list[memoryview] | None:
        """Return the next message's frames, or None when none is complete after `timeout` seconds."""
        self._deadline = time.monotonic() + timeout
        try:
            while True:
                flags, body = self._read_frame()
                if flags & COMMAND:
                    self._answer_command(bytes(body))
                    continue
                self._message.append(body)
                if len(self._message) > MAX_FRAMES:
                    raise Garbled(f"{self.endpoint}: a message of more than {MAX_FRAMES} frames")
                if not flags & MORE:
                    message, self._message = self._message, []
                    return message
        except TimeoutError:
            return None

    # Reading: `_expect` sets the next part's size, `_fill` reads it across any number of time-outs.

    def _expect(self, size: int, flags: int | None = None) -> None:
        self._part = memoryview(bytearray(size))
        self._filled = 0
        self._flags = flags

    def _fill(self) -> memoryview:
        while self._filled < len(self._part):
            remaining = self._deadline - time.monotonic()
            try:
                self._socket.settimeout(max(remaining, 0.0))
                count = self._socket.recv_into(self._part[self._filled :])
            except (BlockingIOError, InterruptedError):
                raise TimeoutError from None
            except TimeoutError:
                raise
            except OSError as error:
                raise Closed(f"{self.endpoint}: {error}") from error
            if count == 0:
                raise Closed(f"{self.endpoint}: the peer closed the connection")
            self._filled += count
        return self._part

    def _read_frame(self) -> tuple[int, memoryview]:
        if self._flags is None:
            head = self._fill()
            flags = head[0]
            if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
                raise Garbled(f"{self.endpoint}: not a ZMTP frame")
            if flags & LONG and len(head) == 2:
                self._expect(9)
                self._part[:2] = head
                self._filled = 2
                head = self._fill()
            size = struct.unpack(">Q", head[1:])[0] if flags & LONG else head[1]
            if size > (MAX_COMMAND_BYTES if flags & COMMAND else self._max_frame_bytes):
                raise Garbled(f"{self.endpoint}: a frame of {size} bytes is more than was agreed")
            self._expect(size, flags)
        flags, body = self._flags or 0, self._fill()
        self._expect(2)
        return flags, body

    def _handshake(self, timeout: float) -> None:
        self._send_parts([memoryview(GREETING)], timeout)
        if self._fill()[0] != 0xFF or not self._part[9] & 1:
            raise Garbled(f"{self.endpoint}: who listens there is not ZeroMQ")
        self._expect(54)
        rest = bytes(self._fill())
        if rest[0] < 3 or rest[2:22].rstrip(b"\0") != b"NULL":
            raise Garbled(f"{self.endpoint}: the peer wants another ZeroMQ version or encryption")
        self._send_parts([memoryview(head(len(READY), COMMAND)), memoryview(READY)], timeout)
        self._expect(2)
        flags, body = self._read_frame()
        if not flags & COMMAND or _command(bytes(body)) != b"READY":
            raise Garbled(f"{self.endpoint}: the peer refused the connection: {bytes(body[:80])!r}")
        kind = _properties(bytes(body)[6:]).get(b"socket-type", b"")
        if kind not in PEERS:
            raise Garbled(f"{self.endpoint}: a {kind.decode('latin-1')} socket listens there")

    def _answer_command(self, body: bytes) -> None:
        """PING (ZMTP 3.1: two bytes time to live, then a context) wants its context back."""
        if _command(body) == b"PING" and len(body) >= 7:
            pong = b"\x04PONG" + body[7:23]
            self._send_parts([memoryview(head(len(pong), COMMAND)), memoryview(pong)], 5.0)

    def _send_parts(self, parts: list[memoryview], timeout: float) -> None:
        parts = [part for part in parts if len(part)]
        while parts:
            try:
                self._socket.settimeout(timeout)
                sent = self._send_some(parts)
            except TimeoutError:
                raise TimeoutError(f"{self.endpoint}: the peer takes nothing") from None
            except OSError as error:
                raise Closed(f"{self.endpoint}: {error}") from error
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if sent:
                parts[0] = parts[0][sent:]

    def _send_some(self, parts: list[memoryview]) -> int:
        if hasattr(self._socket, "sendmsg"):
            return self._socket.sendmsg(parts)
        return self._socket.send(parts[0])  # Windows


def head(size: int, flags: int) -> bytes:
    """Return what stands before a frame of this size."""
    if size < 256:
        return bytes((flags, size))
    return struct.pack(">BQ", flags | LONG, size)


def _command(body: bytes) -> bytes:
    return body[1 : 1 + body[0]] if body else b""


def _properties(data: bytes) -> dict[bytes, bytes]:
    """READY's metadata: name length (1 byte), name, value length (4 bytes), value, and so on."""
    found = {}
    while data:
        name_end = 1 + data[0]
        if len(data) < name_end + 4:
            break
        value_end = name_end + 4 + struct.unpack_from(">I", data, name_end)[0]
        found[data[1:name_end].lower()] = data[name_end + 4 : value_end]
        data = data[value_end:]
    return found
