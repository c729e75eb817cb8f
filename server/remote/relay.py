"""A server of another machine, as if it were here: what ``studio-portrait connect`` runs.

GIMP's own Python has no cryptography. It finds the relay as it would find a server, by the runtime file,
with a token of the relay's own, and the relay speaks CURVE outward.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

from . import reach
from .bridge import Bridge
from .dealer import Dealer
from .gateway import bind, router

log = logging.getLogger("relay")


class RelayDesk:
    """Clients are known by the token; the end that they may want is the relay's, not the server's."""

    lasting = True  # they are on this machine

    def __init__(self, where: str, folder: Path, lock: runtime.Lock, about: runtime.Runtime):
        self._where = where
        self._folder = folder
        self._lock = lock
        self._about = about

    def secret(self, peer: zmq.Frame) -> str:
        return self._about.token

    def reach(self) -> tuple[Session, Dealer]:
        return reach.there(self._where, self._folder)

    def shutdown(self) -> None:
        log.info("told to end")

    def status(self, status: dict[str, Any]) -> dict[str, Any]:
        own = {"endpoint": self._about.endpoints[0], "endpoints": list(self._about.endpoints)}
        return {**status, **own, "relay": self._where, "log": str(runtime.log_path(self._folder))}

    def beat(self, clients: Sequence[bytes]) -> Sequence[bytes]:
        """Writes a deleted runtime file anew."""
        if self._lock.holds() and not runtime.Runtime.exists(self._folder):
            with contextlib.suppress(OSError):
                self._about.write(self._folder)
        return ()


class Relay:
    """Listens as a server would, in the state folder whose lock the caller holds. Raises `Problem`."""

    def __init__(self, where: str, folder: Path, lock: runtime.Lock):
        self._folder = folder
        self._context = zmq.Context[Any]()
        self._near = router(self._context)
        self._path = runtime.ipc_path(folder)
        self.endpoints = (*self._bind_path(), bind(self._near, "tcp://127.0.0.1:*"))
        self._about = runtime.Runtime(self.endpoints, os.getpid(), secrets.token_hex(32), time.time())
        self._bridge = Bridge(self._near, RelayDesk(where, folder, lock, self._about))

    def _bind_path(self) -> list[str]:
        """Some file systems hold no sockets; the TCP port is enough then."""
        if self._path is None:
            return []
        with contextlib.suppress(Problem):
            return [bind(self._near, f"ipc://{self._path}")]
        return []

    def stop(self) -> None:
        """Makes `run` return soon. May be called from a signal handler."""
        self._bridge.stop()

    def run(self) -> None:
        """Carries messages until told to stop, then cleans up everything it made."""
        try:
            self._about.write(self._folder)
            self._bridge.run()
        finally:
            if runtime.Runtime.read(self._folder) == self._about:
                runtime.Runtime.remove(self._folder)
            self._near.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                if self._path.parent != self._folder:
                    shutil.rmtree(self._path.parent, ignore_errors=True)
            log.info("ended")
