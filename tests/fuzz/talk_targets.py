"""What the fuzzing attacks. Each target takes one input and raises when something unforeseen happens."""

from __future__ import annotations

import contextlib
import random
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import psutil
import zmq

from plugin.studio_portrait.link import runtime, wire, zmtp
from plugin.studio_portrait.link.retouching import Retouching
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem, Settings
from plugin.studio_portrait.link.zmtp import Bytes, TransportError
from server.remote.keys import SERVERS, KeyRing
from server.remote.relay import Relay
from server.remote.sending import retouch_file
from server.service.connections import Connection, Message
from server.service.job_queue import JobQueue
from server.service.job_service import JobService
from server.service.limits import Limits
from server.service.requests import RequestHandler
from server.service.worker_pool import WorkerPool

from . import messages as inputs

ROUTER_READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"
SMALL_FRAMES = 1 << 16
REST_EVERY, REST_SECONDS, MOST_HANDLES = 200, 60.0, 300  # calls; file descriptors of the whole process
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
    command, fields, _ = dice.choice(inputs.conversation("t" * 64, analyses=dice.random() < 0.5))
    data = inputs.spoiled_header(dice, command, fields)
    if dice.random() < 0.5:
        data = inputs.spoiled(dice, data)
    understand(data)


def understand(data: bytes) -> None:
    """One header's bytes, and what is built from them."""
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


def _connected(pipe: Pipe, most: int) -> zmtp.Connection:
    before = zmtp.connect_socket
    zmtp.connect_socket = lambda endpoint, timeout: cast(socket.socket, pipe)
    try:
        return zmtp.Connection("tcp://fuzz", timeout=0.0, max_frame_bytes=most)
    finally:
        zmtp.connect_socket = before


class Answers:
    """What a `Session` hears from a server that holds the token and talks nonsense, as a connection."""

    endpoint = "fuzz"

    def __init__(self, dice: random.Random, token: str):
        self._dice = dice
        self._token = token
        self._row_bytes = 2
        self._told: deque[list[memoryview]] = deque()

    def close(self) -> None: ...

    def send(self, frames: Sequence[Bytes], timeout: float = 0.0) -> None:
        header = wire.decode(frames[0])
        for command, fields, payload in self._answers(header["cmd"], header):
            data = wire.encode(command, **fields)
            if self._dice.random() < 0.1:
                data = inputs.spoiled_header(self._dice, command, fields)
            if payload is not None and self._dice.random() < 0.02:
                payload = inputs.spoiled(self._dice, payload)
            self._told.append([memoryview(frame) for frame in (data, payload) if frame is not None])

    def receive(self, timeout: float) -> list[memoryview] | None:
        if not self._told:
            raise zmtp.Closed("no more")
        return self._told.popleft()

    def _answers(self, command: str, asked: dict[str, Any]) -> list[tuple[str, dict[str, Any], bytes | None]]:
        job = {"job": asked.get("job")}
        result = {
            **job,
            "box": inputs.SELECTION,
            "bytes": 5,
            "faces": [{"used": True}],
            "notes": [],
            "ms": {},
        }
        progress = ("PROGRESS", {**job, "stage": "predict", "fraction": 0.5}, None)
        place = {name: asked.get(name) for name in ("plane", "row", "rows", "serial", "width", "height")}
        if command == "HELLO" and "nonce" in asked:
            nonces = f"{asked['nonce']}:x"
            told = {"nonce": "x", "proof": wire.proof(self._token, f"server:{nonces}")}
            self._told.append([memoryview(wire.encode("CHALLENGE", **told))])
            return []
        if command == "HELLO":
            return [("HELLO", {"server": "0", "device": "cpu", "networks": [{}], "resume": 0.0}, None)]
        if command in ("SUBMIT", "ANALYSE"):
            self._row_bytes = 1 if "file" in asked else 2
            return [("ACCEPT", {**job, "filled": 0}, None)]
        if command == "DATA":
            return [progress, ("RESULT" if self._dice.random() < 0.5 else "ANALYSED", result, None)]
        if command == "FETCH":
            return [("DATA", {**job, **place}, bytes(int(asked["rows"]) * self._row_bytes))]
        if command == "PREVIEW":
            size = int(asked["width"]) * int(asked["height"]) * 3
            return [progress, ("PREVIEW", {**job, **place, "ms": {}}, bytes(size))]
        if command == "RENDER":
            return [("RESULT", {**result, "serial": asked.get("serial")}, None)]
        return [("STATUS", {"status": {}}, None)] if command == "STATUS" else []


class _Session(Session):
    def again(self) -> Session | None:
        raise Problem("bad-token", "There is no other server.")


def answers(dice: random.Random) -> None:
    """The plug-in's whole conversation with a server that talks nonsense: its rows, or a `Problem`."""
    token, image = "t" * 64, wire.ImageSpec(**inputs.IMAGE)

    def write(plane: str, row: int, rows: int, data: Bytes, result: dict[str, Any]) -> None:
        box = Box(**result["box"])
        box.check_inside(image)
        if len(data) != rows * box.width or row + rows > box.height:
            raise AssertionError("other rows than those of the box")

    def read(plane: str, row: int, rows: int) -> bytes:
        return bytes(4 * rows)

    with contextlib.suppress(Problem, TransportError):
        session = _Session(cast(zmtp.Connection, Answers(dice, token)), token, Path(tempfile.gettempdir()))
        if dice.random() < 0.25:
            told, file = retouch_file(session, bytes(9), (2, 3), Settings())
            if len(file) != told["bytes"] or len(file) > image.nbytes + 9:
                raise AssertionError("another file than was told of")
            return
        if dice.random() < 0.5:
            session.retouch(image, read, write, settings=Settings(mask=dice.random() < 0.5))
            return
        work = Retouching(session, image, read)
        work.analyse()
        shown = work.preview(None, 2, 2, Settings())
        if len(shown) != 12:
            raise AssertionError("another preview than was asked for")
        work.render(Settings(), write)
        session.status()


class Server:
    """The server's whole conversation behind its listener, without sockets and without workers."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(32)
        limits, clock = Limits(), time.monotonic
        folder = Path(tempfile.gettempdir())
        self._jobs = JobQueue(folder, limits)
        pool = WorkerPool([], folder, limits, clock)
        pool.wake = lambda: None  # type: ignore[method-assign]
        self._service = JobService(self._jobs, pool, limits, clock)
        self._requests = RequestHandler(
            self.token, limits, self._service, list, dict, known=lambda: 0, device=str, grace=1.0
        )

    def __call__(self, dice: random.Random) -> None:
        self.talk(inputs.spoiled_messages(dice, self.token))
        for job in self._jobs.all():
            if not job.keep:
                raise AssertionError("a job outlived its connection")
            self._jobs.forget(job)
        if self._requests.errors["internal"]:
            raise AssertionError("the server met a fault of its own: see the log")

    def talk(self, messages: list[list[bytes]]) -> dict[str, Any]:
        """One connection that sends this; how far it came."""
        before = self._requests.errors.total()
        connection = Connection(1, b"1", -1, "", 0.0, 0.0)
        for message in messages:
            frames = [zmq.Frame(frame) for frame in message]
            if any(answer.dismiss for answer in self._requests.answers(Message(connection, frames))):
                break
        jobs = [job.state.value for job in self._jobs.all()]
        self._service.leave(connection)
        return {"known": connection.known, "jobs": jobs, "errors": self._requests.errors.total() - before}


class Relayed:
    """What the relay makes of clients' messages, and of those of a server that talks nonsense."""

    def __init__(self) -> None:
        home = Path(tempfile.mkdtemp(prefix="fuzz-"))
        ring = KeyRing(home)
        ring.new()
        ring.allow(SERVERS, "127.0.0.1", ring.own().public)
        lock = runtime.Lock(home)
        lock.acquire()
        self._relay = Relay("127.0.0.1:1", home, lock)  # nobody listens there
        self._home, self._lock = home, lock
        self._process = psutil.Process()
        self._calls = 0

    def __call__(self, dice: random.Random) -> None:
        relay = self._relay
        self._calls += 1
        if self._calls % REST_EVERY == 0:
            self._rest()
        connection = Connection(1, b"1", -1, "", 0.0, 0.0)
        try:
            for message in inputs.spoiled_messages(dice, relay._about.token):
                relay._hear(connection, [zmq.Frame(frame) for frame in message])
            for command in dice.choices(("HELLO", "RESULT", "STATUS", "ERROR", "DATA"), k=dice.randint(1, 4)):
                if (link := relay._links.get(connection)) is not None:
                    head = inputs.spoiled_header(dice, command, {"job": inputs.JOB, "status": {}})
                    relay._carry_back(connection, link, [zmq.Frame(inputs.spoiled(dice, head))])
        finally:
            relay._gone(connection)
            relay._ending = False

    def _rest(self) -> None:
        """Wait until libzmq's own thread has closed what the relay has: an hour's would be too many."""
        if sys.platform == "win32":
            return
        end = time.monotonic() + REST_SECONDS
        while self._process.num_fds() > MOST_HANDLES:
            if time.monotonic() > end:
                raise AssertionError("the relay's connections are not closed")
            time.sleep(0.01)

    def close(self) -> None:
        """Leave nothing behind."""
        self._relay._listener.close(0.0)
        self._lock.release()
        shutil.rmtree(self._home)
