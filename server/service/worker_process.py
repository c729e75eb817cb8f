"""The server's end of the worker: starts the process, talks to it, notices its death.

JSON lines over the worker's own stdin and stdout; pixels never come this way. A
thread reads stdout and hands the events to the server's poll loop, which therefore
never waits for the worker; another waits for the process's end. When the server ends,
however it ends, the operating system closes the pipe, and the worker ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from server import child

from . import logs, resources


def default_command(device: str, engine: str) -> list[str]:
    """Return the command that starts a worker."""
    return [sys.executable, "-m", "server.service.worker", "--device", device, "--engine", engine]


class Mailbox:
    """Events from threads to the server's loop, which watches `bell`."""

    def __init__(self) -> None:
        self.bell, self._ringer = socket.socketpair()
        self.bell.setblocking(False)
        self._ringer.setblocking(False)
        self._events: SimpleQueue[tuple[int, bytes]] = SimpleQueue()

    def put(self, number: int, line: bytes) -> None:
        """Add a worker's line and ring the bell."""
        self._events.put((number, line))
        with contextlib.suppress(OSError):  # full: it rings already
            self._ringer.send(b"\0")

    def take(self) -> Iterator[tuple[int, bytes]]:
        """All that is there."""
        with contextlib.suppress(OSError):
            self.bell.recv(4096)
        with contextlib.suppress(Empty):
            while True:
                yield self._events.get_nowait()

    def close(self) -> None:
        """Close the bell's sockets."""
        self.bell.close()
        self._ringer.close()


class WorkerProcess:
    """One run of the worker. `number` tells its events from those of its predecessors.

    Events arrive in `mailbox` as a number and a line of JSON; the last is always
    ``{"event": "died", "status": exit status}``. What it writes to standard error goes to the log,
    each line after what `about()` says.
    Raises OSError when the process cannot be started.
    """

    def __init__(self, command: Sequence[str], mailbox: Mailbox, number: int, about: Callable[[], str]):
        self.number = number
        self._mailbox = mailbox
        self._process = child.start(command)
        assert self._process.stderr is not None
        logs.forward(self._process.stderr, "worker", about)
        self._reader = threading.Thread(target=self._forward, daemon=True)
        self._reader.start()
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; a dead worker is noticed by its ``died`` event, not here."""
        child.tell(self._process, message)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def stop(self, grace: float) -> None:
        """Close the pipe, which ends the worker, and make sure after `grace` seconds."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._waiter.join()

    def rss(self) -> int:
        """Resident bytes, shared pixels included; 0 when it is gone."""
        return resources.resident_memory(self.pid)

    def processor_seconds(self) -> float:
        """Return the seconds of a processor that it has used; 0 when it is gone."""
        return resources.processor_seconds(self.pid)

    def _forward(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._mailbox.put(self.number, line)

    def _wait(self) -> None:
        """Tells of the worker's death, after its last words, and ends what it may have left running."""
        status = self._process.wait()
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._mailbox.put(self.number, json.dumps({"event": "died", "status": status}).encode())
