"""The front's end of the worker: starts the process, talks to it, notices its death.

JSON lines over the worker's own stdin and stdout; pixels never come this way. A
thread reads stdout and hands the events to the front's poll loop, which therefore
never waits for the worker; another waits for the process's end. When the front ends,
however it ends, the operating system closes the pipe, and the worker ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import zmq

ROOT = Path(__file__).resolve().parents[1]
EVENTS = "inproc://worker-events"

# glibc gives every strip's megabyte back to the system and asks for it again a millisecond later;
# keeping up to this much takes a fifth off the reconstruction (elsewhere the names mean nothing).
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "134217728"}


def default_command(device: str, engine: str) -> list[str]:
    return [sys.executable, "-m", "server.worker", "--device", device, "--engine", engine]


class WorkerProcess:
    """One run of the worker. `number` tells its events from those of its predecessors.

    Events arrive on the front's PULL socket, bound to `EVENTS`, as ``[number, JSON]``;
    the last is always ``{"event": "died", "status": exit status}``.
    Raises OSError when the process cannot be started.
    """

    def __init__(self, command: Sequence[str], log: Path, context: zmq.Context[Any], number: int):
        self.number = number
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **KEEP_MEMORY},
                start_new_session=os.name == "posix",  # Ctrl-C in a terminal is the front's to handle
            )
        self._reader = threading.Thread(target=self._forward, args=(context,), daemon=True)
        self._reader.start()
        self._waiter = threading.Thread(target=self._wait, args=(context,), daemon=True)
        self._waiter.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: dict[str, Any]) -> None:
        """A dead worker is noticed by its ``died`` event, not here."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()

    def stop(self, grace: float) -> None:
        """Closes the pipe, which ends the worker, and makes sure after `grace` seconds."""
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
        try:
            return psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return 0

    def _forward(self, context: zmq.Context[Any]) -> None:
        assert self._process.stdout is not None
        with self._to_front(context) as socket:
            for line in self._process.stdout:
                socket.send_multipart([str(self.number).encode(), line])

    def _wait(self, context: zmq.Context[Any]) -> None:
        """Tells of the worker's death, after its last words, and ends what it may have left running."""
        status = self._process.wait()
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join()
        with self._to_front(context) as socket:
            died = json.dumps({"event": "died", "status": status}).encode()
            socket.send_multipart([str(self.number).encode(), died])

    @staticmethod
    def _to_front(context: zmq.Context[Any]) -> zmq.Socket[bytes]:
        socket = context.socket(zmq.PUSH)
        socket.connect(EVENTS)
        return socket
