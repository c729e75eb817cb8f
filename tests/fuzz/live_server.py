"""The fuzzing's fourth target: a real server process, spoken to over raw sockets."""

from __future__ import annotations

import contextlib
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from plugin.studio_portrait.link import runtime, wire, zmtp
from plugin.studio_portrait.link.zmtp import Connection
from server.service.listener import QUIET_SECONDS
from tests.sample import CHECKOUT

from . import messages as inputs

SERVE = (sys.executable, "-m", "server", "serve", "--device", "cpu")
CHECK_EVERY = 500  # inputs; then the server must answer a proper client
START_SECONDS = 60.0


class LiveServer:
    """Each call is one connection with one spoiled conversation."""

    def __init__(self, serve: Sequence[str] = SERVE):
        self._home = tempfile.TemporaryDirectory(prefix="fuzz-")
        environment = {**psutil.Process().environ(), runtime.HOME_VARIABLE: self._home.name}
        self._process = subprocess.Popen(
            serve, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while (found := runtime.Runtime.read(Path(self._home.name))) is None:
            if time.monotonic() > end or self._process.poll() is not None:
                raise SystemExit("The server does not start.")
            time.sleep(0.05)
        self._found = found
        self._calls = 0

    def __call__(self, dice: random.Random) -> None:
        start, data = inputs.spoiled_conversation(dice, self._found.token)
        connection = zmtp.connect_socket(self._found.endpoints[0], 5.0)
        with connection, contextlib.suppress(OSError):  # the server hung up, as it should
            connection.sendall(start)
            if dice.random() < 0.9:  # libzmq ends a connection that says much before its own READY
                connection.settimeout(0.05)
                connection.recv(4096)
                connection.settimeout(5.0)
            connection.sendall(data.replace(b'"SHUTDOWN"', b'"SHUTDOWM"'))
            # To half a message the server says nothing: it waits for the rest.
            if dice.random() < 0.05 and select.select([connection], [], [], 0.02)[0]:
                connection.recv(1 << 16)
        self._calls += 1
        if self._calls % CHECK_EVERY == 0:
            self._check()

    def _check(self) -> None:
        """A proper client is answered."""
        connection = Connection(self._found.endpoints[0], timeout=5.0)
        connection.send([wire.encode("PING")])
        answer = connection.receive(5.0)
        connection.close()
        if answer is None or wire.decode(answer[0])["cmd"] != "PONG":
            raise AssertionError("the server does not answer")

    def rss(self) -> int:
        """What it holds at rest: until then closed connections and freed messages count, too."""
        time.sleep(QUIET_SECONDS + 2)
        return psutil.Process(self._process.pid).memory_info().rss

    def close(self) -> None:
        """Ends the server; its log may tell of no fault."""
        self._process.terminate()
        self._process.wait(30)
        text = (Path(self._home.name) / "server.log").read_text(encoding="utf-8", errors="replace")
        self._home.cleanup()
        if "Traceback" in text:
            raise AssertionError(
                f"the server met a fault of its own:\n{text[text.index('Traceback') :][:2000]}"
            )
