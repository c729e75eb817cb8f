"""Very many tiny files through a batch whose network computes nothing: manifest, resume and memory."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from server.batch.item import Order, Outcome
from server.batch.listing import Listing
from server.batch.local import Local
from server.batch.manifest import Manifest
from server.batch.retoucher import outcome_of, put
from server.batch.run import Plan, Stop, Tally, run, todo

from . import batch_null, photo


def simulation(folder: Path, order: Order, many: int) -> dict[str, Any]:
    """Stop in the middle, go on, and prove: seconds, and this process's memory."""
    plan = _shoot(folder, "many", many)
    out = plan.listing.destination
    path = out / "run.jsonl"
    again = replace(plan, resume=True)
    began = time.monotonic()
    half, _, *memories = _work(plan, order, path, many // 2, many)
    tally, resumed, memory = _work(again, order, path, many, many)
    seconds = time.monotonic() - began
    memories.append(memory)
    assert half.ended == tally.proven < many == tally.proven + tally.ended
    assert not half.failed and not tally.failed
    shutil.rmtree(out / f"{many // 2 // 1000:03d}")
    tally, opened, first, whole = _proven(again, path)
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
        "resume: everything proven by hash, seconds": round(whole, 2),
    }


def resume(folder: Path, order: Order, many: int) -> dict[str, Any]:
    """Start of `--resume` when an earlier run did half of very many, and when it did all but one.

    What that run left, results and manifest, is written as it would have written it; the rest is real.
    """
    plan = replace(_shoot(folder, "known", many), resume=True)
    path = plan.listing.destination / "run.jsonl"
    first = next(plan.listing.items())
    line = outcome_of(first, batch_null.told)
    result = Path(first.target).read_bytes()
    shutil.rmtree(plan.listing.destination)
    figures: dict[str, Any] = {"pictures": many}
    for done, what in ((many // 2, "half is new"), (many - 1, "one failed, the others are done")):
        with Manifest(path, False) as manifest:
            for number, item in enumerate(itertools.islice(plan.listing.items(), many)):
                if number == many - 1 == done:
                    manifest.add({"name": item.name, "status": "failed", "settings": {}})
                elif number < done:
                    put(Path(item.target), result)
                    own = {"name": item.name, "input": item.source, "output": item.target, "settings": {}}
                    manifest.add({**line, **own, "mtime_ns": os.stat(item.source).st_mtime_ns})
        figures[f"{what}: to its end, seconds"] = round(_work(plan, order, path, 1, many)[1], 2)
        tally, *_, whole = _proven(plan, path)
        figures[f"{what}: everything proven by hash, seconds"] = round(whole, 2)
        assert tally.proven >= done
        path.unlink()
    return figures


def _shoot(folder: Path, name: str, many: int) -> Plan:
    """Write `many` files into folders of a thousand; plan a run that has them all as results."""
    tiny = photo.shoot(folder / "tiny", 1, 32)[0].read_bytes()
    for number in range(many):
        path = folder / name / f"{number // 1000:03d}" / f"{number % 1000:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiny)
    return Plan(Listing([str(folder / name)], str(folder / f"{name}-out"), recursive=True), {}, "null")


def _work(plan: Plan, order: Order, path: Path, until: int, many: int) -> tuple[Tally, float, list[int]]:
    """Run until so many have ended: also seconds to the first one's end, and memory at each tenth of all."""
    stop, ends, began = Stop(), list[float](), time.monotonic()
    memory: list[int] = []

    def show(tally: Tally, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if not ends:
            ends.append(time.monotonic() - began)
        if tally.ended % (many // 10) == 0:
            memory.append(psutil.Process().memory_info().rss)
        if tally.ended >= until:
            stop.ask("so many were wanted")

    engine = Local(order, command=[sys.executable, "-m", "benchmarks.batch_null"])
    with Manifest(path, plan.resume) as manifest:
        return run(plan, engine, manifest, stop, show), ends[0], memory


def _proven(plan: Plan, path: Path) -> tuple[Tally, float, float, float]:
    """Only look at what is done: seconds until the manifest was read, the first gap was found, and all."""
    tally, first, began = Tally(), 0.0, time.monotonic()
    with Manifest(path, True) as manifest:
        opened = time.monotonic() - began
        for item in todo(plan, manifest, tally, tally.add):
            first = first or (time.monotonic() - began if item is not None else 0.0)
    return tally, opened, first, time.monotonic() - began
