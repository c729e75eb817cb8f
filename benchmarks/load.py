"""Throughput and waiting times against the number of clients: `python -m benchmarks.load [--plot FILE.svg]`.

Each client, a thread with a connection of its own, sends a photograph as soon as it has the result of
the last one. One device does one job at a time, so that with n clients everybody waits n times as
long; more than that would be the server's own doing. All numbers of clients take turns, round after
round, because a machine is not equally quick all the time. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.session import Session
from server.remote.sending import reader, shape_of
from tests.soak.stage import Stage

from . import chart, photo

CLIENTS = (1, 2, 4, 8, 16, 32)
ROUNDS = 4
SIDE = 1600  # pixels: the photograph's longer side
TOLERANCE = 1.2  # what eight clients may wait longer than eight jobs of one
SERVE = [sys.executable, "-m", "server", "serve", "--device", "auto"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """With so many clients: jobs a second, and how long a job took from first to last row, in seconds."""

    clients: int
    per_second: float
    p50: float
    p99: float


Times = list[tuple[float, float]]  # when a job began and ended, in seconds


def measure(clients: int, jobs: int, pixels: Pixels) -> Times:
    """`jobs` jobs of each client, all of them at work from the first to the last one."""
    barrier = threading.Barrier(clients)

    def client(number: int) -> Times:
        times = []
        with Session.open(start=False) as session:
            barrier.wait()
            for _ in range(jobs):
                begin = time.perf_counter()
                session.retouch(shape_of(pixels), reader(pixels), lambda *rows: None)
                times.append((begin, time.perf_counter()))
        return times

    with ThreadPoolExecutor(clients) as pool:
        return [pair for part in pool.map(client, range(clients)) for pair in part]


def row(clients: int, rounds: Sequence[Times]) -> Row:
    """All rounds with so many clients together."""
    waits = [end - begin for times in rounds for begin, end in times]
    seconds = sum(max(end for _, end in times) - min(begin for begin, _ in times) for times in rounds)
    p50, p99 = (float(share) for share in np.percentile(waits, (50, 99)))
    return Row(clients, len(waits) / seconds, p50, p99)


def run(serve: Sequence[str], counts: Sequence[int], jobs: int, rounds: int, pixels: Pixels) -> list[Row]:
    """Return the whole table, on a server in a state folder of its own.

    jobs: of a round, for each of `counts`.
    """
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        stage = Stage(Path(folder) / "home", serve)
        try:
            measure(1, 3, pixels)  # the network is loaded, and warm
            turns = [
                {count: measure(count, max(3, jobs // count), pixels) for count in counts}
                for _ in range(rounds)
            ]
            return [row(count, [turn[count] for turn in turns]) for count in counts]
        finally:
            stage.close()


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table, and whether eight clients wait as long as they should."""
    found: dict[str, Any] = {"rows": [asdict(one) for one in rows]}
    by_count = {one.clients: one for one in rows}
    if 1 in by_count and 8 in by_count:
        found["bound_s"] = 8 * by_count[1].p50 * TOLERANCE
        found["within"] = by_count[8].p99 <= found["bound_s"]
    return found


def main() -> int:
    """Print the table; returns the exit status."""
    args = _parser().parse_args()
    pixels = photo.shrunk(photo.load(), SIDE)
    rows = run(SERVE, args.clients, args.jobs, args.rounds, pixels)
    if not args.json:
        print("| clients | jobs a second | p50 | p99 |\n|---|---|---|---|")
        for one in rows:
            print(f"| {one.clients} | {one.per_second:.2f} | {one.p50:.2f} s | {one.p99:.2f} s |")
    if args.plot:
        lines = {"p50": [one.p50 for one in rows], "p99": [one.p99 for one in rows]}
        about = ("clients", "seconds from sending to the last row", [one.clients for one in rows])
        args.plot.write_text(chart.svg(*about, lines))
    found = summary(rows)
    print(json.dumps(found))
    return 0 if found.get("within", True) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    add = parser.add_argument
    add("--jobs", type=int, default=96, help="a round, for each number (%(default)s)")
    add("--rounds", type=int, default=ROUNDS, help="(%(default)s)")
    add("--clients", type=int, nargs="+", default=CLIENTS, metavar="N", help="1 2 4 8 16 32")
    add("--plot", type=Path, metavar="FILE.svg")
    add("--json", action="store_true", help="nothing but the last line")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
