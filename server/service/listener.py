"""Where the server can be reached: listening sockets, an ipc path and a TCP port.

Both lead to the same server. A client inside a sandbox sees the runtime file but
not always the ipc path, and then takes the TCP port, which is bound to the
loopback interface only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Problem

log = logging.getLogger("door")

ANY_PORT = "tcp://127.0.0.1:*"
BACKLOG = 128


class Door:
    """The listening sockets and their endpoints, best first.

    listen: an endpoint of this machine in place of a TCP port that the system chooses.
    Raises `Problem`; nothing is left behind then.
    """

    def __init__(self, folder: Path, listen: str | None):
        self.sockets: list[socket.socket] = []
        self.endpoints: list[str] = []
        self._path = runtime.ipc_path(folder)
        self._own_folder = self._path.parent if self._path and self._path.parent != folder else None
        try:
            self._listen_on_path()
            self._listen(listen or ANY_PORT, lambda: _tcp(listen or ANY_PORT))
        except Problem:
            self.close()
            raise

    def _listen_on_path(self) -> None:
        """Some file systems hold no sockets; the TCP port is enough then."""
        path = self._path
        if path is None:
            return
        try:
            self._listen(f"ipc://{path}", lambda: _unix(path))
        except Problem as problem:
            log.warning("%s", problem.message)
            self._path = None

    def _listen(self, endpoint: str, bind: Callable[[], socket.socket]) -> None:
        try:
            door = bind()
        except OSError as error:
            raise Problem(
                "no-server",
                f"The server cannot listen on {endpoint}: {error.strerror}.",
                "Choose another address with --listen, or end the program that uses it.",
            ) from error
        door.setblocking(False)
        self.sockets.append(door)
        scheme, _, address = endpoint.partition("://")
        if scheme == "tcp":
            endpoint = f"tcp://{address.rpartition(':')[0]}:{door.getsockname()[1]}"
        self.endpoints.append(endpoint)

    def close(self) -> None:
        for door in self.sockets:
            door.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


def _unix(path: Path) -> socket.socket:
    """A socket that a killed server left there is in the way; nothing else is removed."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(os.fspath(path))
        door.listen(BACKLOG)
    except OSError:
        door.close()
        raise
    return door


def _tcp(endpoint: str) -> socket.socket:
    host, _, port = endpoint.partition("://")[2].rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    address = (host.strip("[]"), 0 if port == "*" else int(port))
    return socket.create_server(address, family=family, backlog=BACKLOG)


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
