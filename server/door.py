"""Where the server can be reached: its ROUTER socket, bound to an ipc path and a TCP port.

Both lead to the same server. A client inside a sandbox sees the runtime file but
not always the ipc path, and then takes the TCP port, which is bound to the
loopback interface only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import shutil
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.wire import Problem

log = logging.getLogger("door")

ANY_PORT = "tcp://127.0.0.1:*"


class Door:
    """The bound socket and its endpoints, best first.

    listen: an endpoint in place of a TCP port that the system chooses.
    Raises `Problem`; nothing is left behind then.
    """

    def __init__(self, context: zmq.Context[Any], folder: Path, listen: str | None):
        check_listen(listen or ANY_PORT)
        self.socket: zmq.Socket[bytes] = _socket(context)
        self._path = runtime.ipc_path(folder)
        self._own_folder = self._path.parent if self._path and self._path.parent != folder else None
        try:
            self.endpoints = (*self._bind_path(), self._bind(listen or ANY_PORT))
        except Problem:
            self.close()
            raise

    def _bind_path(self) -> list[str]:
        """Some file systems hold no sockets; the TCP port is enough then."""
        if self._path is None:
            return []
        try:
            return [self._bind(f"ipc://{self._path}")]
        except Problem as problem:
            log.warning("%s", problem.message)
            self._path = None
            return []

    def _bind(self, endpoint: str) -> str:
        try:
            self.socket.ipv6 = "[" in endpoint
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise Problem(
                "no-server",
                f"The server cannot listen on {endpoint}: {error.strerror}.",
                "Choose another address with --listen, or end the program that uses it.",
            ) from error
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """What is already on its way to a client has half a second to get there."""
        self.socket.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


def _socket(context: zmq.Context[Any]) -> zmq.Socket[bytes]:
    """Bounded on every side; a message to a client that has gone is an error, not dropped."""
    socket = context.socket(zmq.ROUTER)
    socket.router_mandatory = True
    socket.maxmsgsize = wire.MAX_FRAME_BYTES
    socket.rcvhwm = 4
    socket.sndhwm = 32
    socket.handshake_ivl = 5000
    socket.linger = 500
    return socket


def check_listen(endpoint: str) -> None:
    """Refuses, as `Problem`, an address that other machines could reach or that is none."""
    scheme, _, address = endpoint.partition("://")
    host, _, port = address.rpartition(":")
    if scheme != "tcp" or not host or not (port == "*" or (port.isdecimal() and 0 < int(port) < 65536)):
        hint = "Write it as tcp://127.0.0.1:PORT, PORT being 1 to 65535."
        raise Problem("bad-setting", f"{endpoint} is not an address.", hint)
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return
    if host != "localhost":
        raise Problem(
            "bad-setting",
            f"{host} can be reached by other machines, and the connection is not encrypted.",
            "Use tcp://127.0.0.1:PORT.",
        )
