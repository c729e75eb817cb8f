"""A real server in a process of its own, and a bare libzmq client for what no proper client would send."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import zmq

from plugin.studio_portrait.link import runtime, wire, zmtp

PLAIN_SERVER = Path(__file__).parent / "plain_server.py"
COMMAND = [sys.executable, str(PLAIN_SERVER)]
TELLING = {"PYTHONFAULTHANDLER": "1"}  # for `stacks`
PATIENCE = 120.0  # seconds for what comes soon on a machine that has nothing else to do


def wait_for(what: Callable[[], object], seconds: float = PATIENCE) -> Any:
    """The first true value of `what()`; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


@contextmanager
def started(
    words: Sequence[str | Path], seconds: float = 30.0, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends with the block, whatever happens in it; `Popen`'s own block would wait for ever."""
    environment = {**(options.pop("env", None) or os.environ), **TELLING}
    with subprocess.Popen(words, env=environment, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired as late:
                told = stacks(process)
                late.add_note(str(told or _written(options.get("stderr"))))
                raise
            finally:
                process.kill()


def stacks(process: subprocess.Popen[Any]) -> Any:
    """End a process that does not end by itself; on its stderr it says where each of its threads stands.

    Returns that if stderr is a pipe.
    """
    process.send_signal(signal.SIGABRT)
    try:
        return process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        return None


def _written(file: Any) -> str:
    if not hasattr(file, "read"):
        return "its stderr went elsewhere"
    file.seek(0)
    return str(file.read())


def raw(endpoint: str) -> socket.socket:
    """A connection that has said nothing but ZeroMQ's own greetings, and heard the server's.

    libzmq hangs up on who sends much before it has answered.
    """
    connection = zmtp.connect_socket(endpoint, 10.0)
    connection.sendall(zmtp.GREETING + zmtp.head(len(zmtp.READY), zmtp.COMMAND) + zmtp.READY)
    heard = b""
    while b"READY" not in heard or len(heard) < 64 + 2 + heard[65]:
        told = connection.recv(4096)
        assert told, "the server hung up"
        heard += told
    return connection


class Server:
    """``plain_server.py serve`` with its state in `home`."""

    def __init__(self, home: Path, *options: str):
        self.home = home
        environment = {**os.environ, **TELLING, runtime.HOME_VARIABLE: str(home)}
        # A pipe that nobody reads would stop the server.
        self._told = tempfile.TemporaryFile("a+")  # noqa: SIM115 - as long as the server
        self.process = subprocess.Popen(
            [*COMMAND, "serve", *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._told,
            stderr=subprocess.STDOUT,
        )
        try:
            self.runtime: runtime.Runtime = wait_for(self._listening)
        except BaseException:
            self.process.kill()
            raise

    @property
    def output(self) -> str:
        """What it has printed."""
        self._told.seek(0)
        return self._told.read()

    def _listening(self) -> runtime.Runtime | None:
        assert self.process.poll() is None, self.output
        found = runtime.Runtime.read(self.home)
        return found if found and found.pid == self.process.pid else None

    def worker_pid(self) -> int:
        with Client(self) as client:
            return int(wait_for(lambda: client.status()["worker"]["pid"]))

    def wait_ready(self) -> None:
        with Client(self) as client:
            wait_for(lambda: client.status()["worker"]["state"] == "ready")

    def end(self) -> int:
        """SIGTERM, then the exit status; what was printed is in `output`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            stacks(self.process)
            late.add_note(self.output)
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


class Client:
    """A pyzmq DEALER that says HELLO and then whatever it is told to."""

    def __init__(self, server: Server, endpoint: int = 0, hello: bool = True, unread: int = 1000):
        self._token = server.runtime.token
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.rcvhwm = unread
        self._socket.connect(server.runtime.endpoints[endpoint])
        if hello:
            self.send("HELLO", token=self._token, client="test")
            assert (answer := self.receive())["cmd"] == "HELLO", answer

    def send(self, cmd: str, *payload: bytes, **fields: Any) -> None:
        self._socket.send_multipart([wire.encode(cmd, **fields), *payload])

    def send_raw(self, *frames: bytes) -> None:
        self._socket.send_multipart(frames)

    def receive(self, skip: str = "PROGRESS", timeout: float = PATIENCE) -> dict[str, Any]:
        """The next header that is not a `skip`; its payload under "payload"."""
        deadline = time.monotonic() + timeout
        while self._socket.poll(max(0, int(1000 * (deadline - time.monotonic())))):
            header, *payload = self._socket.recv_multipart()
            fields = wire.decode(header)
            if fields["cmd"] != skip:
                return {**fields, "payload": payload[0] if payload else None}
        raise AssertionError("the server said nothing")

    def refused(self, code: str) -> dict[str, Any]:
        """The next message, which must be an ERROR of this code with sentence and hint."""
        answer = self.receive()
        assert (answer["cmd"], answer["code"]) == ("ERROR", code), answer
        assert answer["message"] and answer["hint"]
        return answer

    def status(self) -> dict[str, Any]:
        self.send("STATUS", token=self._token)
        return dict(self.receive()["status"])

    def submit(self, job: str, width: int = 4, height: int = 4, fault: str = "", **more: Any) -> None:
        image = {"width": width, "height": height, "channels": 1, "sample": "u8"}
        fields = {"image": image, "settings": {"network": fault}, "selection": None, **more}
        self.send("SUBMIT", job=job, **fields)
        assert (answer := self.receive())["cmd"] == "ACCEPT", answer

    def upload(self, job: str, width: int = 4, height: int = 4, fault: str = "", **more: Any) -> None:
        """SUBMIT and all rows, so that the job is queued."""
        self.submit(job, width, height, fault, **more)
        self.send("DATA", bytes(width * height), job=job, plane="pixels", row=0, rows=height)

    def running(self, job: str) -> None:
        """Returns when the worker has told of its work on the job."""
        wait_for(lambda: self._tells_of_work(job), 60.0)

    def _tells_of_work(self, job: str) -> bool:
        answer = self.receive(skip="")
        return answer["cmd"] == "PROGRESS" and answer["job"] == job and answer["stage"] == "predict"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()


def gone(pid: int) -> bool:
    """Whether this process has ended (a zombie counts)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
