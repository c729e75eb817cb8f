"""Pictures a second of ``studio-portrait batch``: ``python -m benchmarks.batch [--only PART ...] [--json]``.

Everything is measured in pairs within one run, on JPEGs of 12 megapixels with one face that are made
from the shipped selfie: one of one kind, one of the other, and again. The rate is taken between the
fourth picture's end and the last one's, so that starting does not count; it is told apart. Processor time
is that of all processes of a run, which a busy machine changes little.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Settings
from server import CHECKOUT, machine
from server.batch.item import Engine, Item, Order
from server.batch.listing import Listing
from server.batch.local import Local
from server.batch.manifest import Manifest
from server.batch.retoucher import outcome_of, put
from server.batch.run import Plan, Stop, Tally, run, todo
from server.setup.first_run import SAMPLE

from . import batch_null

WARM = 4  # pictures that do not count
PARTS = ("retouch", "floor", "workers", "ray", "servers", "simulation", "resume")
ORDER = Order(Settings().as_dict())
# A worker with all that it starts on one processor: what it reads and writes beside does not count as more.
_PIN = "import os, runpy; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
PINNED = (sys.executable, "-c", f"{_PIN} runpy.run_module('server.batch.worker', run_name='__main__')")


@dataclass
class Run:
    """start: seconds to the first picture's end. seconds: between two pictures' ends. cpu: processor seconds
    a picture. busy: share of all processors. idle: share that nobody used. memory: bytes at most, shared
    pages counted once."""

    start: float
    seconds: float
    cpu: float
    busy: float
    idle: float
    memory: int


class Watch:
    """Processor time and memory of this process's children (and theirs) while it is open."""

    def __init__(self, extra: Sequence[int] = ()):
        self._extra = extra
        self.memory = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(1.0):  # to look takes some milliseconds of a processor
            self.memory = max(self.memory, sum(map(_memory, self._processes())))

    def _processes(self) -> list[psutil.Process]:
        found = psutil.Process().children(recursive=True)
        for pid in self._extra:
            one = psutil.Process(pid)
            found += [one, *one.children(recursive=True)]
        return list({process.pid: process for process in found}.values())

    def seconds(self) -> float:
        """Sum the processor seconds of the processes that are there, and of those that they have outlived.

        A picture is decoded by a process of its own, which is seldom met alive.
        """
        mine = psutil.Process().cpu_times()
        total = float(mine.children_user + mine.children_system)
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def timed(outcomes: Iterator[Any], began: float, watch: Watch) -> Run:
    """Follow a run's ends."""
    ends, cpus, idle = [], [], []
    for _ in outcomes:
        ends.append(time.monotonic())
        cpus.append(watch.seconds() + time.process_time())
        idle.append(psutil.cpu_times().idle)
    count = len(ends) - WARM
    seconds, cpu, unused = (each[-1] - each[WARM - 1] for each in (ends, cpus, idle))
    share = 1 / seconds / machine.cores()
    return Run(ends[0] - began, seconds / count, cpu / count, cpu * share, unused * share, watch.memory)


def of_engine(make: Callable[[], Engine], items: Sequence[Item], extra: Sequence[int] = ()) -> Run:
    """Return an engine at `items`, whose results are written anew."""
    began = time.monotonic()
    engine = make()
    with Watch(extra) as watch:
        try:
            return timed(engine.map(items), began, watch)
        finally:
            engine.close()


def of_retouch(shoot: Path, out: Path, home: Path, checkout: Path) -> Run:
    """``retouch FOLDER`` of a checkout through its server that runs already."""
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    words = [sys.executable, "-m", "server", "retouch", str(shoot), "-o", str(out), "--json"]
    began = time.monotonic()
    found = runtime.Runtime.read(home)
    watch = Watch([found.pid] if found else [])
    with watch, subprocess.Popen(words, cwd=checkout, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return timed(iter(process.stdout.readline, b""), began, watch)


def make_pictures(folder: Path, count: int, width: int = 3000) -> list[Path]:
    """`count` JPEGs of width x 4/3 width, each with a grain and a light of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.open(CHECKOUT / SAMPLE).resize((width, width * 4 // 3), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, np.float32)
    dice = np.random.default_rng(0)
    paths = []
    for number in range(count):
        grain = dice.normal(0, 4, (pixels.shape[0] // 2, pixels.shape[1] // 2, 1)).astype(np.float32)
        light = dice.uniform(0.85, 1.1)
        made = np.clip(pixels * light + grain.repeat(2, 0).repeat(2, 1), 0, 255).astype(np.uint8)
        paths.append(folder / f"{number:04d}.jpg")
        Image.fromarray(made).save(paths[-1], quality=92)
    return paths


def pairs(count: int, first: Callable[[], Run], second: Callable[[], Run]) -> tuple[list[Run], list[Run]]:
    """Both in turn, `count` times; which is first changes."""
    ones: list[Run] = []
    others: list[Run] = []
    for number in range(count):
        for one in (True, False) if number % 2 == 0 else (False, True):
            (ones if one else others).append(first() if one else second())
    return ones, others


def told(runs: Sequence[Run]) -> dict[str, float]:
    """Medians."""
    return {
        "seconds a picture": round(statistics.median(run.seconds for run in runs), 3),
        "processor seconds a picture": round(statistics.median(run.cpu for run in runs), 3),
        "processors busy": round(statistics.median(run.busy for run in runs), 2),
        "processors idle": round(statistics.median(run.idle for run in runs), 2),
        "memory, MB": round(max(run.memory for run in runs) / 1e6),
        "start, seconds": round(statistics.median(run.start for run in runs), 1),
    }


def compared(names: tuple[str, str], both: tuple[list[Run], list[Run]]) -> dict[str, Any]:
    """Medians of each kind, and of the pairs' ratios: how much quicker the second kind is."""
    ratios = [one.seconds / other.seconds for one, other in zip(*both, strict=True)]
    return {
        names[0]: told(both[0]),
        names[1]: told(both[1]),
        f"{names[1]} against {names[0]}, times": round(statistics.median(ratios), 2),
        "in each pair": [round(ratio, 2) for ratio in ratios],
        "by processor time, times": round(
            statistics.median(one.cpu / other.cpu for one, other in zip(*both, strict=True)), 2
        ),
    }


class Bench:
    """One run of the benchmark in a folder of its own."""

    def __init__(
        self, folder: Path, count: int, rounds: int, ray_count: int, simulated: int, old: Path = CHECKOUT
    ):
        self._folder, self._rounds, self._simulated = folder, rounds, simulated
        self._paths = make_pictures(folder / "shoot", count)
        self._ray_count, self._old = ray_count, old
        self._number = itertools.count()

    def _items(self, count: int | None = None) -> list[Item]:
        out = self._folder / f"out{next(self._number)}"
        return [Item(str(path), str(out / path.name), path.name) for path in self._paths[:count]]

    def retouch(self) -> dict[str, Any]:
        """Against ``retouch FOLDER`` on the same files."""
        home = self._folder / "home"
        environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
        server = [sys.executable, "-m", "server"]
        one = [*server, "retouch", str(self._paths[0]), "-o", str(self._folder / "one.jpg")]
        subprocess.run(one, cwd=self._old, env=environment, check=True)
        try:
            return compared(
                ("retouch", "batch"),
                pairs(
                    self._rounds,
                    lambda: of_retouch(
                        self._folder / "shoot", self._folder / f"out{next(self._number)}", home, self._old
                    ),
                    lambda: of_engine(lambda: Local(ORDER), self._items()),
                ),
            )
        finally:
            subprocess.run([*server, "stop"], cwd=self._old, env=environment, capture_output=True, check=True)

    def floor(self) -> dict[str, Any]:
        """Each stage alone, with one thread, in processor milliseconds; against a picture of the batch."""
        code = "import benchmarks.batch as b, sys; b.print_stages(sys.argv[1])"
        words = [sys.executable, "-c", code, str(self._paths[0])]
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
        both = pairs(
            self._rounds,
            lambda: of_engine(lambda: Local(ORDER, 1, PINNED, threads=1), self._items()),
            lambda: of_engine(lambda: Local(ORDER, 2, threads=1), self._items()),
        )
        return compared(("one worker", "two workers"), both)

    def ray(self) -> dict[str, Any]:
        """Ray, started for the run, against local."""
        from server.batch.on_ray import OnRay

        jobs = machine.workers()
        both = pairs(
            max(1, self._rounds // 2),
            lambda: of_engine(lambda: Local(ORDER, jobs), self._items(self._ray_count)),
            lambda: of_engine(lambda: OnRay(ORDER, "local", jobs), self._items(self._ray_count)),
        )
        return compared(("local", "ray"), both)

    def servers(self) -> dict[str, Any]:
        """Two servers on this machine, each with one worker, over CURVE, against local."""
        from server.batch.servers import Servers

        homes, hosts, processes = self._serve()
        os.environ[runtime.HOME_VARIABLE] = str(homes)
        try:
            pids = [process.pid for process in processes]
            both = pairs(
                self._rounds,
                lambda: of_engine(lambda: Local(ORDER, 2, threads=1), self._items()),
                lambda: of_engine(lambda: Servers(ORDER, hosts), self._items(), pids),
            )
        finally:
            for process in processes:
                process.terminate()
                process.wait()
        return compared(("local", "servers"), both)

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
            words = [sys.executable, "-m", "server"]
            serve = [*words, "serve", "--listen", "tcp://0.0.0.0:*"]
            processes.append(
                subprocess.Popen(serve, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL)
            )
            while True:
                time.sleep(2.0)
                status = subprocess.run(
                    [*words, "status", "--json"], cwd=CHECKOUT, env=environment, capture_output=True
                )
                facts = json.loads(status.stdout or "{}")
                if facts.get("remote") and facts["worker"]["state"] == "ready":
                    break
            hosts.append(f"{host}:{facts['remote'].rpartition(':')[2]}")
        return here, hosts, processes

    def simulation(self) -> dict[str, Any]:
        """Many tiny files and the null network: manifest, resume and this process's memory."""
        many = self._simulated
        shoot, out = self._folder / "many", self._folder / "many-out"
        tiny = make_pictures(self._folder / "tiny", 1, 32)[0].read_bytes()
        for number in range(many):
            folder = shoot / f"{number // 1000:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number % 1000:03d}.jpg").write_bytes(tiny)
        memories: list[list[int]] = []
        path = out / "run.jsonl"

        def work(plan: Plan, until: int) -> tuple[Tally, float]:
            """Stop after so many; tell the seconds to the first picture's end."""
            stop, firsts, began = Stop(), list[float](), time.monotonic()
            memory: list[int] = []
            memories.append(memory)

            def show(tally: Tally, outcome: Any) -> None:
                if outcome and tally.ended % (many // 10) == 0:
                    memory.append(psutil.Process().memory_info().rss)
                if outcome and not firsts:
                    firsts.append(time.monotonic() - began)
                if outcome and tally.ended >= until:
                    stop.ask("the middle")

            engine = Local(ORDER, command=[sys.executable, "-m", "benchmarks.batch_null"])
            with Manifest(path, plan.resume) as manifest:
                return run(plan, engine, manifest, stop, show), firsts[0]

        plan = Plan(Listing([str(shoot)], str(out), recursive=True), {}, "null")
        again = Plan(plan.listing, {}, "null", resume=True)
        began = time.monotonic()
        half, _ = work(plan, many // 2)
        tally, resumed = work(again, many)
        seconds = time.monotonic() - began
        assert half.ended == tally.proven < many == tally.proven + tally.ended
        assert not half.failed and not tally.failed
        shutil.rmtree(out / f"{many // 2 // 1000:03d}")
        began = time.monotonic()
        with Manifest(path, True) as manifest:
            opened = time.monotonic() - began
            first, tally = 0.0, Tally()
            for _ in todo(again, manifest, tally, lambda outcome: None):
                first = first or time.monotonic() - began
        return {
            "network": "null (computes nothing)",
            "pictures": many,
            "seconds": round(seconds, 1),
            "stopped after": half.ended,
            "resume: to the first new picture's end, seconds": round(resumed, 2),
            "manifest, MB": round(path.stat().st_size / 1e6, 1),
            "memory of the batch process, MB, at each tenth": [
                [round(rss / 1e6, 1) for rss in memory] for memory in memories
            ],
            "memory at a run's end against its first tenth, times": max(
                round(memory[-1] / memory[0], 3) for memory in memories
            ),
            "resume: manifest read, seconds": round(opened, 2),
            f"resume: first of {many - tally.proven} missing ones found after {many // 2}, seconds": round(
                first, 2
            ),
            "resume: everything proven by hash, seconds": round(time.monotonic() - began, 2),
        }

    def resume(self) -> dict[str, Any]:
        """Start of `--resume` when an earlier run did half of very many, and when it did all but one.

        What that run left, results and manifest, is written as it would have written it; the rest is real.
        """
        many = self._simulated
        shoot, out = self._folder / "known", self._folder / "known-out"
        tiny = make_pictures(self._folder / "tiny", 1, 32)[0].read_bytes()
        plan = Plan(Listing([str(shoot)], str(out), recursive=True), {}, "null", resume=True)
        for number in range(many):
            path = shoot / f"{number // 1000:03d}" / f"{number % 1000:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tiny)
        first = next(plan.listing.items())
        line = outcome_of(first, batch_null.told)
        result = Path(first.target).read_bytes()
        shutil.rmtree(out)
        figures: dict[str, Any] = {"pictures": many}
        for done, what in ((many // 2, "half is new"), (many - 1, "one failed, the others are done")):
            with Manifest(out / "run.jsonl", False) as manifest:
                for number, item in enumerate(itertools.islice(plan.listing.items(), many)):
                    if number == many - 1 == done:
                        manifest.add({"name": item.name, "status": "failed", "settings": {}})
                    elif number < done:
                        put(Path(item.target), result)
                        own = {"name": item.name, "input": item.source, "output": item.target, "settings": {}}
                        manifest.add({**line, **own, "mtime_ns": os.stat(item.source).st_mtime_ns})
            figures[f"{what}: to its end, seconds"] = round(self._first(plan, out / "run.jsonl"), 2)
            tally, began = Tally(), time.monotonic()
            with Manifest(out / "run.jsonl", True) as manifest:
                for _ in todo(plan, manifest, tally, tally.add):
                    pass
            figures[f"{what}: everything proven by hash, seconds"] = round(time.monotonic() - began, 2)
            assert tally.proven >= done
            (out / "run.jsonl").unlink()
        return figures

    @staticmethod
    def _first(plan: Plan, path: Path) -> float:
        """Resume, and stop after the first picture: seconds to its end."""
        stop, began, ends = Stop(), time.monotonic(), list[float]()

        def show(tally: Tally, outcome: Any) -> None:
            if outcome:
                ends.append(time.monotonic() - began)
                stop.ask("that was it")

        engine = Local(ORDER, command=[sys.executable, "-m", "benchmarks.batch_null"])
        with Manifest(path, True) as manifest:
            run(plan, engine, manifest, stop, show)
        return ends[0]


def print_stages(name: str) -> None:
    """Processor milliseconds of each stage, the median of seven, as JSON."""
    import cv2

    from model.inference.predictor import load
    from server import imaging
    from server.files import pictures

    cv2.setNumThreads(1)
    data = Path(name).read_bytes()
    network = load()
    picture = pictures.decode(data)
    empty = imaging.analyse(picture.pixels, network, choose=lambda faces: [])
    whole = imaging.analyse(picture.pixels, network)
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: pictures.decode(data),
        "faces": lambda: imaging.analyse(picture.pixels, network, choose=lambda faces: []),
        "faces, crop, network": lambda: imaging.analyse(picture.pixels, network),
        "lift": lambda: imaging.render(picture.pixels.copy(), whole, Settings()),
        "encode": lambda: pictures.encode(picture, picture.pixels, "jpeg"),
    }
    assert len(empty.faces) == 1
    found = {name: round(statistics.median(_cpu(work) for _ in range(7)), 1) for name, work in works.items()}
    found["crop, network"] = round(found.pop("faces, crop, network") - found["faces"], 1)
    print(json.dumps(found))


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


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
