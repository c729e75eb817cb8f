"""What the fuzzing attacks. Each target takes one input and raises when something unforeseen happens."""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from plugin.studio_portrait.link import wire, zmtp
from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem, Settings
from plugin.studio_portrait.link.zmtp import Bytes, Connection, Garbled, TransportError
from server.service.jobs import Jobs
from server.service.limits import Limits
from server.service.requests import Desk, Orders
from server.service.router import Peer, Router
from server.service.worker_pool import Crew

from . import fuzz_inputs as inputs

ROUTER_READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"
SMALL_FRAMES = 1 << 16
READ_CALLS = 20_000  # a parser that asks for more of so short an input goes round in circles


class Pipe:
    """A socket that gives out `data` in pieces of any size and takes everything."""

    family = socket.AF_UNIX

    def __init__(self, data: bytes, dice: random.Random, closes: bool):
        self._data = memoryview(data)
        self._dice = dice
        self._closes = closes
        self._calls = 0

    def recv_into(self, place: memoryview) -> int:
        self._calls += 1
        if self._calls > READ_CALLS:
            raise AssertionError("the parser does not come to an end")
        if not self._data:
            if self._closes:
                return 0
            raise BlockingIOError
        most = min(len(place), len(self._data))
        count = most if self._dice.random() < 0.7 else self._dice.randint(1, most)
        place[:count] = self._data[:count]
        self._data = self._data[count:]
        return count

    def sendmsg(self, parts: Sequence[Bytes]) -> int:
        return sum(len(part) for part in parts)

    def settimeout(self, seconds: float) -> None: ...

    def close(self) -> None: ...


def header(dice: random.Random) -> None:
    """The contract's headers, and what is built from them."""
    command, fields, _ = dice.choice(inputs.conversation("t" * 64))
    data = inputs.spoiled_header(dice, command, fields)
    if dice.random() < 0.5:
        data = inputs.spoiled(dice, data)
    with contextlib.suppress(Problem):
        found = wire.decode(data)
        wire.problem_from(found)
        for kind, name in ((ImageSpec, "image"), (Settings, "settings"), (Box, "selection")):
            if isinstance(found.get(name), dict):
                with contextlib.suppress(TypeError, Problem):
                    kind(**found[name])  # TypeError: the caller, `jobs`, makes a sentence of it


def client(dice: random.Random) -> None:
    """The plug-in's transport, with a server that talks nonsense."""
    told = [inputs.greeting(ROUTER_READY)]
    for command in dice.choices(("PROGRESS", "RESULT", "DATA", "ERROR", "HELLO"), k=dice.randint(1, 6)):
        head = inputs.spoiled_header(dice, command, {"job": inputs.JOB, "box": inputs.SELECTION})
        told.append(inputs.framed([head, bytes(dice.choice((0, 8, 300)))]))
    data = b"".join(told)
    if dice.random() < 0.8:
        data = inputs.spoiled(dice, data)
    pipe = Pipe(data, dice, closes=dice.random() < 0.5)
    most = wire.MAX_FRAME_BYTES if dice.random() < 0.01 else SMALL_FRAMES
    with contextlib.suppress(TransportError, TimeoutError, Problem):
        connection = _connected(pipe, most)
        while (message := connection.receive(0.0)) is not None:
            wire.decode(message[0])


def _connected(pipe: Pipe, most: int) -> Connection:
    before = zmtp.connect_socket
    zmtp.connect_socket = lambda endpoint, timeout: cast(socket.socket, pipe)
    try:
        return Connection("tcp://fuzz", timeout=0.0, max_frame_bytes=most)
    finally:
        zmtp.connect_socket = before


class _Crew:
    """Workers that never come to anything."""

    device = ""
    busy = False

    def has(self, job_id: object) -> bool:
        return False

    def wake(self) -> None: ...

    def dispatch(self) -> None: ...

    def cancel(self, job: object) -> None: ...


class _Router:
    """Lets the connections of `server` be answered without sockets that poll."""

    known = 0

    def send(self, peer: Peer, *frames: Sequence[Bytes]) -> None:
        peer.post(frames)

    def admit(self, peer: Peer) -> None:
        peer.known = True

    def dismiss(self, peer: Peer) -> None:
        peer.closing = True


class Server:
    """The server's transport and its whole conversation, without a process and without workers."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(32)
        limits = Limits()
        self._jobs = Jobs(Path(tempfile.gettempdir()), limits)
        orders = Orders(dict, lambda: None, 1.0)
        self._desk = Desk(self.token, limits, self._jobs, list, orders)
        self._desk.router = cast(Router, _Router())
        self._desk.crew = cast(Crew, _Crew())

    def __call__(self, dice: random.Random) -> None:
        self.talk(inputs.spoiled_conversation(dice, self.token), dice)
        for job in self._jobs.all():
            if not job.keep:
                raise AssertionError("a job outlived its connection")
            self._jobs.forget(job)
        if self._desk.errors["internal"]:
            raise AssertionError("the server met a fault of its own: see the log")

    def talk(self, data: bytes, dice: random.Random) -> dict[str, Any]:
        """One connection that sends this; how far it came."""
        before = self._desk.errors.total()
        pipe: Any = Pipe(data, dice, closes=dice.random() < 0.5)
        peer = Peer(pipe, 1, self._desk, wire.MAX_HEADER_BYTES)
        with contextlib.suppress(BlockingIOError, ConnectionError, Garbled):
            for _ in range(READ_CALLS):
                peer.read()
                peer.flush()
                if peer.closing:
                    break
        jobs = [job.state.value for job in self._jobs.all()]
        self._desk.gone(peer)
        peer.close()
        return {"known": peer.known, "jobs": jobs, "errors": self._desk.errors.total() - before}
