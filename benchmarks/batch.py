"""Pictures a second of ``studio-portrait batch``: ``python -m benchmarks.batch [--only PART ...] [--json]``.

Everything is measured in pairs within one run (`batch_runs`), on JPEGs of 12 megapixels with one face that
are made from the shipped selfie.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Settings
from server import CHECKOUT, machine
from server.batch.item import Item, Order
from server.batch.local import Local

from . import batch_many, photo
from .batch_runs import WARM, Run, Watch, compare, of_engine, timed

PARTS = ("retouch", "floor", "workers", "ray", "servers", "simulation", "resume")
ORDER = Order(Settings().as_dict())
SERVER = (sys.executable, "-m", "server")
# A worker with all that it starts on one processor: what it reads and writes beside does not count as more.
_PIN = "import os, runpy; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
PINNED = (sys.executable, "-c", f"{_PIN} runpy.run_module('server.batch.worker', run_name='__main__')")


def of_retouch(shoot: Path, out: Path, home: Path, checkout: Path) -> Run:
    """``retouch FOLDER`` of a checkout through its server that runs already."""
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    words = [*SERVER, "retouch", str(shoot), "-o", str(out), "--json"]
    began = time.monotonic()
    found = runtime.Runtime.read(home)
    watch = Watch([found.pid] if found else [])
    with watch, subprocess.Popen(words, cwd=checkout, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return timed(iter(process.stdout.readline, b""), began, watch)


class Bench:
    """One run of the benchmark in a folder of its own."""

    def __init__(
        self, folder: Path, count: int, rounds: int, ray_count: int, simulated: int, old: Path = CHECKOUT
    ):
        self._folder, self._rounds, self._simulated = folder, rounds, simulated
        self._paths = photo.shoot(folder / "shoot", count)
        self._ray_count, self._old = ray_count, old
        self._number = itertools.count()

    def _out(self) -> Path:
        return self._folder / f"out{next(self._number)}"

    def _items(self, count: int | None = None) -> list[Item]:
        out = self._out()
        return [Item(str(path), str(out / path.name), path.name) for path in self._paths[:count]]

    def retouch(self) -> dict[str, Any]:
        """Against ``retouch FOLDER`` on the same files."""
        home = self._folder / "home"
        environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
        one = [*SERVER, "retouch", str(self._paths[0]), "-o", str(self._folder / "one.jpg")]
        subprocess.run(one, cwd=self._old, env=environment, check=True)
        try:
            return compare(
                self._rounds,
                retouch=lambda: of_retouch(self._folder / "shoot", self._out(), home, self._old),
                batch=lambda: of_engine(lambda: Local(ORDER), self._items()),
            )
        finally:
            subprocess.run([*SERVER, "stop"], cwd=self._old, env=environment, capture_output=True, check=True)

    def floor(self) -> dict[str, Any]:
        """Each stage alone, with one thread, in processor milliseconds; against a picture of the batch."""
        words = [sys.executable, "-m", "benchmarks.stages", str(self._paths[0])]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "STUDIO_PORTRAIT_THREADS": "1"}
        told = subprocess.run(
            words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True
        )
        stages: dict[str, float] = json.loads(told.stdout)
        batch = of_engine(lambda: Local(ORDER, 1, threads=1), self._items(WARM + 12))
        floor = sum(stages.values())
        return {
            "milliseconds": {**stages, "together": round(floor, 1)},
            "a picture of the batch": round(batch.cpu * 1e3, 1),
            "against the floor, times": round(batch.cpu * 1e3 / floor, 2),
        }

    def workers(self) -> dict[str, Any]:
        """One process on one processor, with one thread, against two with one thread each."""
        kinds = {
            "one worker": lambda: of_engine(lambda: Local(ORDER, 1, PINNED, threads=1), self._items()),
            "two workers": lambda: of_engine(lambda: Local(ORDER, 2, threads=1), self._items()),
        }
        return compare(self._rounds, **kinds)

    def ray(self) -> dict[str, Any]:
        """Ray, started for the run, against local."""
        from server.batch.on_ray import OnRay

        jobs = machine.workers()
        return compare(
            max(1, self._rounds // 2),
            local=lambda: of_engine(lambda: Local(ORDER, jobs), self._items(self._ray_count)),
            ray=lambda: of_engine(lambda: OnRay(ORDER, "local", jobs), self._items(self._ray_count)),
        )

    def servers(self) -> dict[str, Any]:
        """Two servers on this machine, each with one worker, over CURVE, against local."""
        from server.batch.servers import Servers

        homes, hosts, processes = self._serve()
        os.environ[runtime.HOME_VARIABLE] = str(homes)
        try:
            pids = [process.pid for process in processes]
            return compare(
                self._rounds,
                local=lambda: of_engine(lambda: Local(ORDER, 2, threads=1), self._items()),
                servers=lambda: of_engine(lambda: Servers(ORDER, hosts), self._items(), pids),
            )
        finally:
            for process in processes:
                process.terminate()
                process.wait()

    def _serve(self) -> tuple[Path, list[str], list[subprocess.Popen[bytes]]]:
        from server.remote.keys import CLIENTS, SERVERS, KeyRing

        here, hosts, processes = self._folder / "here", [], []
        mine = KeyRing(here)
        mine.new()
        for host in ("127.0.0.1", "localhost"):
            home = self._folder / host
            ring = KeyRing(home)
            ring.new()
            ring.allow(CLIENTS, "here", mine.own().public)
            mine.allow(SERVERS, host, ring.own().public)
            environment = {**os.environ, runtime.HOME_VARIABLE: str(home), "STUDIO_PORTRAIT_THREADS": "1"}
            serve = [*SERVER, "serve", "--listen", "tcp://0.0.0.0:*"]
            processes.append(
                subprocess.Popen(serve, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL)
            )
            while True:
                time.sleep(2.0)
                status = subprocess.run(
                    [*SERVER, "status", "--json"], cwd=CHECKOUT, env=environment, capture_output=True
                )
                facts = json.loads(status.stdout or "{}")
                if facts.get("remote") and facts["worker"]["state"] == "ready":
                    break
            hosts.append(f"{host}:{facts['remote'].rpartition(':')[2]}")
        return here, hosts, processes

    def simulation(self) -> dict[str, Any]:
        """Many tiny files and the null network: manifest, resume and this process's memory."""
        return batch_many.simulation(self._folder, ORDER, self._simulated)

    def resume(self) -> dict[str, Any]:
        """Start of `--resume` after an earlier run, with the null network."""
        return batch_many.resume(self._folder, ORDER, self._simulated)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.batch", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--ray-pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="pairs")
    parser.add_argument("--simulated", type=int, default=100_000)
    parser.add_argument("--old", type=Path, default=CHECKOUT, help="the checkout whose `retouch` is compared")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), args.pictures, args.rounds, args.ray_pictures, args.simulated, args.old)
        figures: dict[str, Any] = {"processors": machine.cores(), "pictures": args.pictures}
        for part in args.only:
            figures[part] = getattr(bench, part)()
            print(f"{part}: {json.dumps(figures[part])}", file=sys.stderr, flush=True)
    print(json.dumps(figures) if args.json else json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
