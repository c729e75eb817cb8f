"""What libzmq's monitor of a socket tells.

`zmq.utils.monitor` reads it too, but brings asyncio with it: a tenth of a server's start, and 5 MB.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

import zmq

REFUSED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
WATCHED = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | REFUSED


class SocketEvent(NamedTuple):
    """kind: one of `zmq.EVENT_...`. value: mostly the file descriptor. endpoint: as libzmq spells it."""

    kind: int
    value: int
    endpoint: bytes


def waiting(monitor: zmq.Socket[bytes]) -> Iterator[SocketEvent]:
    """Yield what the monitor has to tell, without waiting for more."""
    with contextlib.suppress(zmq.Again):
        while True:
            frames = monitor.recv_multipart(zmq.NOBLOCK)
            kind, value = struct.unpack("=Hi", frames[0])
            yield SocketEvent(kind, value, frames[1])
