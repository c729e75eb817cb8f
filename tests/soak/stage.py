"""The server of the soak: started, killed, stopped, looked at, and searched for what it leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0


class Stage:
    """A server with its state in `home`, which nobody else uses."""

    def __init__(self, home: Path, serve: Sequence[str]):
        home.mkdir(mode=0o700, parents=True)
        self._home = home
        self._serve = list(serve)
        self._temporary = home.with_name("tmp")
        self._temporary.mkdir()
        own = {runtime.HOME_VARIABLE: str(home), "TMPDIR": str(self._temporary)}
        self.environment = {**os.environ, **own}
        os.environ[runtime.HOME_VARIABLE] = str(home)
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._serve,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_SECONDS
        while self.status() is None:
            if time.monotonic() > end or self._process.poll() is not None:
                raise SystemExit(f"The server does not start: {runtime.last_line(self._home / 'server.log')}")
            time.sleep(0.1)

    def status(self) -> dict[str, Any] | None:
        """The server's own account; None while it does not answer."""
        try:
            with Session.open(start=False) as session:
                return session.status()
        except Problem:
            return None

    def _worker(self) -> psutil.Process | None:
        """Once it has loaded its network: one that never gets there retouches nothing."""
        status = self.status()
        pid = status["worker"]["pid"] if status and status["worker"]["state"] == "ready" else None
        with contextlib.suppress(psutil.Error):
            return psutil.Process(pid) if pid else None
        return None

    def kill_worker(self) -> None:
        if (worker := self._worker()) is not None:
            with contextlib.suppress(psutil.Error):
                worker.kill()

    def stop_worker(self, seconds: float) -> None:
        if (worker := self._worker()) is not None:
            self.pause(worker, seconds)

    @staticmethod
    def pause(process: psutil.Process | subprocess.Popen[str], seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(signal.SIGSTOP)

        def go_on() -> None:
            with contextlib.suppress(psutil.Error, OSError):
                process.send_signal(signal.SIGCONT)

        threading.Timer(seconds, go_on).start()

    def restart(self, full_disk: bool) -> None:
        """Kills the server and starts it again, its log perhaps on a disk without room."""
        self._process.kill()
        self._process.wait()
        log = self._home / "server.log"
        log.unlink(missing_ok=True)
        if full_disk:
            log.symlink_to("/dev/full")
        self._start()

    def at_rest(self, seconds: float) -> dict[str, int]:
        """Memory, file descriptors and processes after so long with nothing to do."""
        end = time.monotonic() + 60.0
        while (status := self.status()) is None or status["worker"]["state"] != "ready":
            if time.monotonic() > end:
                raise SystemExit("The server did not come to rest.")
            time.sleep(0.2)
        time.sleep(seconds)
        front = psutil.Process(self._process.pid)
        tree = [front, *front.children(recursive=True)]
        return {
            "rss": sum(process.memory_info().rss for process in tree),
            "fds": front.num_fds(),
            "processes": len(tree),
            "pictures": int((self.status() or status)["memory"]["pictures"]),
        }

    def leaks(self, before: dict[str, int], after: dict[str, int]) -> list[str]:
        """Ends the server; what it left, in words."""
        found = [
            f"{name}: {before[name]} became {after[name]}"
            for name in ("fds", "processes")
            if after[name] > before[name]
        ]
        if after["pictures"]:
            found.append(f"{after['pictures']} bytes of pictures")
        self.close()
        allowed = {"server.lock", "server.log", "server.log.1", "server.log.2"}
        found += [f"file {path.name}" for path in self._home.iterdir() if path.name not in allowed]
        found += [f"temporary file {path.name}" for path in self._temporary.iterdir()]
        return found + [f"process {process.pid}" for process in self._left()]

    def _left(self) -> list[psutil.Process]:
        """Processes that have this state folder in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.environ().get(runtime.HOME_VARIABLE) == str(self._home)
                if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
