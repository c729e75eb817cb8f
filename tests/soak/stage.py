"""The server of the soak: started, killed, stopped, looked at, and searched for what it leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link import runtime, stopping, zmtp
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import ImageSpec, Problem
from server.remote.keys import CLIENTS, SERVERS, KeyRing
from tests.sample import CHECKOUT

START_TRIES = 1200  # of a tenth of a second; not by the clock: the whole soak may be stopped for a while


class Stage:
    """A server with its state in `home`, which nobody else uses. environments: of its clients, in turn."""

    def __init__(self, home: Path, serve: Sequence[str], memory: int = 0, relay: bool = False):
        """memory: bytes that server and workers may have together (a cgroup, as root); 0: no limit.

        relay: every other client comes through one, as from another machine.
        """
        home.mkdir(mode=0o700, parents=True)
        self._home = home
        self._serve = list(serve)
        self._relay: Relay | None = None
        self._temporary = home.with_name("tmp")
        self._temporary.mkdir()
        own = {runtime.HOME_VARIABLE: str(home), "TMPDIR": str(self._temporary)}
        self.environments = [{**os.environ, **own}]
        os.environ[runtime.HOME_VARIABLE] = str(home)
        self._group = MemoryGroup(memory) if memory else None
        relayed = Relay(home, self.environments[0]) if relay else None
        if relayed is not None:
            self._serve += ["--listen", f"tcp://0.0.0.0:{relayed.port}"]
        self._start()
        if relayed is not None:
            relayed.start()
            self._relay = relayed
            self.environments.append(relayed.environment)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._serve,
            cwd=CHECKOUT,
            env=self.environments[0],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self._group is not None:
            self._group.take(self._process.pid)
        for _ in range(START_TRIES):
            if self.status() is not None:
                return
            if (status := self._process.poll()) is not None:
                last = runtime.last_line(self._home / "server.log")
                raise SystemExit(f"The server ended with {status} at its start: {last}")
            time.sleep(0.1)
        raise SystemExit("The server does not start.")

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

    def stop(self) -> None:
        """What the user's `stop` does, in the middle of everything; then another server."""
        stopping.stop(self._home)
        self._process.wait(600)
        self._start()

    def kill_relay(self) -> None:
        """Ends the relay, and starts another one."""
        if self._relay is not None:
            self._relay.process.kill()
            self._relay.process.wait()
            self._relay.start()

    def flood(self, connections: int = 300) -> None:
        """A stranger's: connections that say nothing, say half a greeting, or speak garbage, all at once."""
        homes = [self._home, *([self._relay.home] if self._relay else [])]
        told = [runtime.Runtime.read(home) for home in homes]
        endpoints = [found.endpoints[0] for found in told if found is not None]
        kept = []
        for number in range(connections if endpoints else 0):
            with contextlib.suppress(OSError, zmtp.TransportError, TimeoutError):
                connection = zmtp.connect_socket(endpoints[number % len(endpoints)], 0.5)
                kept.append(connection)
                connection.send((b"", zmtp.GREETING[: number % 64], os.urandom(200))[number % 3])
        time.sleep(0.5)
        for connection in kept:
            connection.close()

    def starve(self, seconds: float) -> None:
        """The server gets no further file descriptor for so long."""
        process = psutil.Process(self._process.pid)
        with contextlib.suppress(psutil.Error, OSError):
            before = process.rlimit(psutil.RLIMIT_NOFILE)
            process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), before[1]))

            def give_back() -> None:
                with contextlib.suppress(psutil.Error, OSError):
                    process.rlimit(psutil.RLIMIT_NOFILE, before)

            threading.Timer(seconds, give_back).start()

    @staticmethod
    def _nudge() -> None:
        """A tiny job: a worker that could not be started is tried again with the next one, and not before."""
        with contextlib.suppress(Problem), Session.open(start=False) as session:
            image = ImageSpec(8, 8, 1, "u8")
            session.retouch(image, lambda plane, row, rows: bytes(8 * rows), lambda *_: None)

    def at_rest(self, seconds: float) -> dict[str, int]:
        """Memory, file descriptors and processes after so long with nothing to do."""
        status = self._ready()
        time.sleep(seconds)
        front = psutil.Process(self._process.pid)
        tree = [front, *front.children(recursive=True)]
        if self._relay is not None:
            tree.append(psutil.Process(self._relay.process.pid))
        return {
            "rss": sum(process.memory_info().rss for process in tree),
            "fds": front.num_fds(),
            "processes": len(tree),
            "pictures": int((self.status() or status)["memory"]["pictures"]),
        }

    def _ready(self) -> dict[str, Any]:
        for _ in range(600):
            status = self.status()
            if status is not None and status["worker"]["state"] == "ready":
                return status
            if status is not None and status["worker"]["state"] == "dead":
                self._nudge()
            time.sleep(0.2)
        raise SystemExit("The server did not come to rest.")

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
        if self._relay is not None:
            allowed |= {"keys"}
        for home in (self._home, *([self._relay.home] if self._relay else [])):
            found += [f"file {path.name}" for path in home.iterdir() if path.name not in allowed]
        found += [f"temporary file {path.name}" for path in self._temporary.iterdir()]
        return found + [f"process {process.pid}" for process in self._left()]

    def _left(self) -> list[psutil.Process]:
        """Processes that have this state folder in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                home = process.environ().get(runtime.HOME_VARIABLE)
                ours = home in {environment[runtime.HOME_VARIABLE] for environment in self.environments}
                if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        if self._relay is not None and self._relay.process.poll() is None:
            self._relay.process.terminate()
            self._relay.process.wait(30)
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        if self._group is not None:
            self._group.close()
            self._group = None


class Relay:
    """``connect`` with a state of its own beside `server`'s, whose keys it has. port: of the server."""

    def __init__(self, server: Path, environment: dict[str, str]):
        self.home = server.with_name("relay")
        self.home.mkdir(mode=0o700)
        self.environment = {**environment, runtime.HOME_VARIABLE: str(self.home)}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        there, here = KeyRing(server), KeyRing(self.home)
        there.new()
        here.new()
        there.allow(CLIENTS, "here", here.own().public)
        here.allow(SERVERS, "127.0.0.1", there.own().public)

    def start(self) -> None:
        """Returns when it serves."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "connect", f"127.0.0.1:{self.port}"],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(START_TRIES):
            if (found := runtime.Runtime.read(self.home)) is not None and found.pid == self.process.pid:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"The relay does not start: {runtime.last_line(self.home / 'server.log')}")


class MemoryGroup:
    """A memory cgroup, of version 2 or 1. Raises `SystemExit` where none can be made."""

    def __init__(self, size: int):
        for root, name in (
            (Path("/sys/fs/cgroup"), "memory.max"),
            (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        ):
            self._folder = root / f"soak-{os.getpid()}"
            with contextlib.suppress(OSError):
                self._folder.mkdir()
                if self._tell(name, size):
                    return
                self._folder.rmdir()
        raise SystemExit("No memory cgroup can be made here (are you root?): leave --memory out.")

    def _tell(self, name: str, value: int) -> bool:
        """Whether the kernel was told: with version 1 the place of version 2 is a folder like any other."""
        file = self._folder / name
        if not file.exists():
            return False
        file.write_text(str(value))
        return True

    def take(self, pid: int) -> None:
        """This process and all that it starts from now on."""
        if not self._tell("cgroup.procs", pid) or pid not in self.processes():
            raise SystemExit(f"The process {pid} does not go into the memory cgroup.")

    def processes(self) -> list[int]:
        """Those in it."""
        return [int(word) for word in (self._folder / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        for _ in range(50):
            try:
                self._folder.rmdir()
                return
            except OSError:  # a process is still ending
                time.sleep(0.1)
