"""The real server, started by the tests beside GIMP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem
from tests.sample import CHECKOUT

READY_SECONDS = 120.0


class Server:
    """``studio-portrait serve`` with its state in `home`."""

    def __init__(self, home: Path):
        self.home = home
        home.mkdir(mode=0o700, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            cwd=CHECKOUT,
            env={**os.environ, runtime.HOME_VARIABLE: str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def status(self) -> dict[str, Any] | None:
        """None while it does not answer."""
        before = os.environ.get(runtime.HOME_VARIABLE)
        os.environ[runtime.HOME_VARIABLE] = str(self.home)
        try:
            with Session.open(start=False) as session:
                return session.status()
        except Problem:
            return None
        finally:
            if before is None:
                del os.environ[runtime.HOME_VARIABLE]
            else:
                os.environ[runtime.HOME_VARIABLE] = before

    def wait_ready(self) -> None:
        """Until the network is loaded."""
        self.wait_for(lambda status: status["worker"]["state"] == "ready", READY_SECONDS)

    def wait_for(self, condition: Any, seconds: float) -> dict[str, Any]:
        """The first status for which `condition` holds; fails the test when none does in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the server ended"
            status = self.status()
            if status and condition(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"it did not happen in time; the status is {self.status()}")

    def kill(self) -> None:
        """As the kernel would: no chance to say anything."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
