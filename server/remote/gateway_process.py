"""The gateway as the server's process sees it: started, logged, started again should it end.

Standard library only: a server that stays on its own machine loads nothing of CURVE.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from plugin.studio_portrait.link import hints
from plugin.studio_portrait.link.wire import Problem

from ..service import logs

ROOT = Path(__file__).resolve().parents[2]
AGAIN_SECONDS = 1.0
_OPEN = "This address can be reached by other machines, and without keys nothing is encrypted."

log = logging.getLogger("gateway")


class GatewayProcess:
    """Listens for other machines at `endpoint` from now until `stop`. Raises `Problem`."""

    def __init__(self, asked: str):
        self._ending = threading.Event()
        self.endpoint = self._start(asked)
        threading.Thread(target=self._keep, daemon=True).start()

    def _start(self, endpoint: str) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server.remote.gateway", endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=os.name == "posix",  # Ctrl-C in a terminal is the front's to handle
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        try:
            told = json.loads(line)
        except ValueError:
            told = {
                "code": "internal",
                "message": "The door for other machines cannot be opened.",
                "hint": None,
            }
        if "endpoint" not in told:
            self._close()
            raise _refused(told)
        logs.forward(self._process.stderr, "gateway", lambda: "")
        log.info("other machines reach this server at %s", told["endpoint"])
        return str(told["endpoint"])

    def _keep(self) -> None:
        """Whatever ends the gateway ends neither the server nor its being reached."""
        while not self._ending.is_set():
            status = self._process.wait()
            if self._ending.wait(AGAIN_SECONDS):
                return
            log.error("the gateway ended with status %s and is started again", status)
            try:
                self._start(self.endpoint)
            except (Problem, OSError) as error:
                log.error("%s", error)

    def stop(self) -> None:
        self._ending.set()
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _refused(told: dict[str, str]) -> Problem:
    if told["code"] != "bad-key":
        return Problem(told["code"], told["message"], told["hint"])
    reason = f"{_OPEN} {told['message']}"
    return Problem("bad-setting", reason, told["hint"] or hints.fill("Make a key pair: {keys new}"))
