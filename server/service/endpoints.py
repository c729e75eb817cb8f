"""Addresses that the server listens on: a path of this user's, a port of this machine's or a network's."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
from pathlib import Path

import zmq

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Problem

LOOPBACK = "tcp://127.0.0.1:*"
BACKLOG = 128


def bind(own: zmq.Socket[bytes], endpoint: str) -> str:
    """Return the endpoint as it was bound. Raises `Problem`."""
    try:
        own.ipv6 = "[" in endpoint
        own.bind(endpoint)
    except zmq.ZMQError as error:
        raise Problem(
            "no-server",
            f"The server cannot listen on {endpoint}: {error.strerror}.",
            "Choose another address with --listen, or end the program that uses it.",
        ) from None
    return own.getsockopt_string(zmq.LAST_ENDPOINT)


def leaves_the_machine(endpoint: str) -> bool:
    """Whether other machines can reach this address. Raises `Problem` when it is none."""
    scheme, _, address = endpoint.partition("://")
    host, _, port = address.rpartition(":")
    if scheme != "tcp" or not host or not (port == "*" or (port.isdecimal() and 0 < int(port) < 65536)):
        hint = "Write it as tcp://127.0.0.1:PORT, PORT being 1 to 65535."
        raise Problem("bad-setting", f"{endpoint} is not an address.", hint)
    with contextlib.suppress(ValueError):
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    return host != "localhost"


def listen_on_path(path: Path) -> int:
    """Make the listening socket: libzmq would remove whatever has its name when it closes its own."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        own.bind(os.fspath(path))
        own.listen(BACKLOG)
        own.setblocking(False)
    except OSError:
        own.close()
        raise
    return own.detach()


def remove_path(path: Path, inode: int | None) -> None:
    """Remove a socket, unless it is another server's by now, and the folder that was made for it."""
    with contextlib.suppress(OSError):
        if inode is not None and path.is_socket() and path.stat().st_ino == inode:
            path.unlink()
    if runtime.is_own_folder(path.parent):
        shutil.rmtree(path.parent, ignore_errors=True)
