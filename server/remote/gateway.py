"""The server's door for other machines: a process of its own beside the front.

Whatever comes from the network meets libzmq's CURVE here and not in the process that holds the
pictures and the queue; the front sees one connection of this machine for each client. ``serve --listen``
starts it; it ends with the process that started it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

from ..service import logs
from . import reach
from .bridge import Bridge
from .dealer import Dealer
from .guard import Guard

log = logging.getLogger("gateway")


class GatewayDesk:
    """Clients are known by their keys; they may neither end the server nor see its paths."""

    lasting = False  # a network lies between

    def __init__(self, guard: Guard, folder: Path):
        self._guard = guard
        self._folder = folder
        self._users: dict[bytes, str] = {}

    def secret(self, peer: zmq.Frame) -> str:
        user = self._guard.user_of(peer)
        self._users[peer.bytes] = user
        return user

    def reach(self) -> tuple[Session, Dealer]:
        return reach.here(self._folder)

    def shutdown(self) -> None:
        raise Problem("bad-request", "A server is ended on its own machine only.", "Ask who runs it.")

    def status(self, status: dict[str, Any]) -> dict[str, Any]:
        return {**status, "endpoint": "", "endpoints": [], "remote": "", "log": ""}

    def beat(self, clients: Sequence[bytes]) -> Sequence[bytes]:
        self._guard.beat()
        self._users = {peer: user for peer, user in self._users.items() if peer in clients}
        return [peer for peer, user in self._users.items() if not self._guard.allows(user)]


def router(context: zmq.Context[Any]) -> zmq.Socket[bytes]:
    """The side on which clients come; a message to one that has gone is an error, not dropped."""
    socket = context.socket(zmq.ROUTER)
    socket.router_mandatory = True
    socket.maxmsgsize = wire.MAX_FRAME_BYTES
    socket.rcvhwm, socket.sndhwm = 2, 8
    socket.handshake_ivl = 5000
    socket.linger = 500
    return socket


def bind(socket: zmq.Socket[bytes], endpoint: str) -> str:
    """The endpoint as it was bound. Raises `Problem`."""
    try:
        socket.ipv6 = "[" in endpoint
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        sentence = f"Nothing can listen on {endpoint}: {error.strerror}."
        hint = "Choose another address with --listen, or end the program that uses it."
        raise Problem("no-server", sentence, hint) from None
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def serve(endpoint: str, folder: Path) -> None:
    """Runs until standard input ends. Tells one line first: the endpoint, or why there is none."""
    context = zmq.Context[Any]()
    near = router(context)
    near.heartbeat_ivl, near.heartbeat_timeout = 2000, 8000
    try:
        guard = Guard(context, near, folder)
        bound = bind(near, endpoint)
    except Problem as problem:
        _tell(code=problem.code, message=problem.message, hint=problem.hint)
        os._exit(1)  # libzmq's threads wait for nobody
    bridge = Bridge(near, GatewayDesk(guard, folder))
    threading.Thread(target=_wait_for_the_end, args=(bridge,), daemon=True).start()
    _tell(endpoint=bound)
    bridge.run()
    guard.close()
    near.close()


def _tell(**fields: str) -> None:
    print(json.dumps(fields), flush=True)


def _wait_for_the_end(bridge: Bridge) -> None:
    while os.read(0, 4096):  # not `sys.stdin`, whose lock this thread would hold at the interpreter's end
        pass
    bridge.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="server.remote.gateway")
    parser.add_argument("endpoint")
    logging.basicConfig(level=logging.INFO, format=logs.PLAIN, stream=sys.stderr)
    serve(parser.parse_args().endpoint, runtime.state_folder())
