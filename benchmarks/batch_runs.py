"""A batch's run measured, and two kinds of run compared: in pairs, one of one kind, one of the other.

The rate is taken between the fourth picture's end and the last one's, so that starting does not count; it
is told apart. Processor time is that of all processes of a run, which a busy machine changes little.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from server import machine
from server.batch.item import Engine, Item

WARM = 4  # pictures that do not count


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
        self.spent = 0.0  # processor seconds that looking took itself
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(1.0):
            began = time.thread_time()
            self.memory = max(self.memory, sum(map(_memory, self._processes())))
            self.spent += time.thread_time() - began  # 40 ms for a process of 0.7 GB

    def _processes(self) -> list[psutil.Process]:
        found = psutil.Process().children(recursive=True)
        for pid in self._extra:
            one = psutil.Process(pid)
            found += [one, *one.children(recursive=True)]
        return list({process.pid: process for process in found}.values())

    def seconds(self) -> float:
        """Sum the processor seconds of the processes that are there, and of those that they have outlived.

        A picture is decoded by a process of its own, which is seldom met alive. This process counts, too, but
        not what looking takes.
        """
        began = time.thread_time()
        mine = psutil.Process().cpu_times()
        total = float(mine.children_user + mine.children_system)
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        total += time.process_time()
        self.spent += time.thread_time() - began
        return total - self.spent


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
        cpus.append(watch.seconds())
        idle.append(psutil.cpu_times().idle)
    count = len(ends) - WARM
    seconds, cpu, unused = (each[-1] - each[WARM - 1] for each in (ends, cpus, idle))
    share = 1 / seconds / machine.cores()
    return Run(ends[0] - began, seconds / count, cpu / count, cpu * share, unused * share, watch.memory)


def of_engine(make: Callable[[], Engine], items: Sequence[Item], extra: Sequence[int] = ()) -> Run:
    """Measure an engine at `items`, whose results are written anew."""
    began = time.monotonic()
    engine = make()
    with Watch(extra) as watch:
        try:
            return timed(engine.map(items), began, watch)
        finally:
            engine.close()


def compare(rounds: int, **kinds: Callable[[], Run]) -> dict[str, Any]:
    """Run two kinds in turn, `rounds` times, the first one changing; how much quicker the second is.

    Medians of each kind and of the pairs' ratios.
    """
    runs: dict[str, list[Run]] = {name: [] for name in kinds}
    for number in range(rounds):
        for name in list(kinds)[:: -1 if number % 2 else 1]:
            runs[name].append(kinds[name]())
    one, other = kinds
    pairs = list(zip(runs[one], runs[other], strict=True))
    ratios = [first.seconds / second.seconds for first, second in pairs]
    return {
        one: _medians(runs[one]),
        other: _medians(runs[other]),
        f"{other} against {one}, times": round(statistics.median(ratios), 2),
        "in each pair": [round(ratio, 2) for ratio in ratios],
        "by processor time, times": round(
            statistics.median(first.cpu / second.cpu for first, second in pairs), 2
        ),
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "seconds a picture": round(statistics.median(run.seconds for run in runs), 3),
        "processor seconds a picture": round(statistics.median(run.cpu for run in runs), 3),
        "processors busy": round(statistics.median(run.busy for run in runs), 2),
        "processors idle": round(statistics.median(run.idle for run in runs), 2),
        "memory, MB": round(max(run.memory for run in runs) / 1e6),
        "start, seconds": round(statistics.median(run.start for run in runs), 1),
    }
