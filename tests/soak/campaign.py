"""A thousand jobs under a schedule of faults: `python -m tests.soak [--minutes N] [--seed N] [--json]`.

Eight clients, each a process and every other one through a relay, send photographs of mixed sizes and formats
to a real server while workers, relay and clients are killed and stopped, the server is killed, told to stop
and started again, strangers flood both, and it runs out of disk and of file descriptors; with ``--memory`` it
has no more than that. Every job must end in the right pixels, computed here beforehand, or in an error that
says what to do. The last line is one JSON object; the exit status is 0 when nothing was lost, swapped or
leaked.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.runtime import HOME_VARIABLE

from .stage import CHECKOUT, Stage

HUNG_SECONDS = 600.0  # a job that says nothing so long is lost
SERVER_RESTARTS = 3
TELL_EVERY = 50  # jobs
JOBS_BETWEEN = 4  # that have ended, at least, from a fault to the next
FAULTS = ("kill worker", "kill worker", "stop worker", "kill client", "stop client", "kill server")
LATER_FAULTS = ("stop", "flood of a stranger", "no file descriptors", "kill relay")
SERVE = [sys.executable, "-m", "server", "serve", "--device", "cpu", "--limit", "silent-seconds=60"]


@dataclass(frozen=True)
class Schedule:
    """jobs: how many, unless `minutes` says how long. pause: seconds between two faults, on average.

    calm: jobs before the first fault; the memory then is what that at the end is compared with.
    rest: seconds before memory is looked at, longer than the server keeps a picture's for the next one, and
    than it keeps the jobs of a client that the relay has lost.
    """

    jobs: int = 1000
    clients: int = 8
    minutes: float | None = None
    seed: int = 1
    calm: int = 50
    rest: float = 25.0
    pause: float = 5.0
    serve: Sequence[str] = tuple(SERVE)
    painter: str = "tests.soak.pictures:Photographs"
    memory: int = 0
    faults: Sequence[str] = (*FAULTS, *LATER_FAULTS)
    relay: bool = True  # every other client's way


@dataclass
class Tally:
    """What became of the jobs. given: to a client. killed: those whose client was killed in the middle.

    expected: the digest of the right pixels, by job.
    """

    given: set[int] = field(default_factory=set)
    expected: dict[int, str] = field(default_factory=dict)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)

    def count(self, outcome: str) -> int:
        return sum(told["outcome"] == outcome for told in self.ended.values())

    def swapped(self) -> int:
        """Results that are another job's."""
        digests = set(self.expected.values())
        return sum(told["outcome"] == "wrong" and told["result"] in digests for told in self.ended.values())

    def lost(self) -> list[int]:
        """Jobs of which nobody ever heard again, and those with an error that says nothing."""
        unclear = {job for job, told in self.ended.items() if told["outcome"] == "unclear"}
        return sorted((self.given - self.ended.keys() - self.killed) | unclear)


class Member:
    """A client's process, and the thread that hears it."""

    def __init__(self, soak: Soak, place: int):
        self._soak = soak
        self.current: int | None = None
        self.heard = time.monotonic()
        self._giving = threading.Lock()
        self._dead = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.client", soak.schedule.painter, str(soak.expected)],
            cwd=CHECKOUT,
            env=soak.stage.environments[place % len(soak.stage.environments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard = time.monotonic()
            told = json.loads(line)
            if told.get("begun"):
                self._soak.tally.expected[told["job"]] = told["expected"]
            else:
                if "job" in told:
                    self._soak.ended(told)
                self._give_next()

    def _give_next(self) -> None:
        assert self.process.stdin is not None
        with self._giving:  # a client killed while its last word was on the way gets no further job
            if self._dead:
                return
            self.current = self._soak.next_job()
            if self.current is None:
                self.process.stdin.close()
            else:
                self.process.stdin.write(f"{self.current}\n")
                self.process.stdin.flush()

    @property
    def hung(self) -> bool:
        return self.process.poll() is None and time.monotonic() - self.heard > HUNG_SECONDS

    def kill(self) -> None:
        with self._giving:
            self._dead = True
            if self.current is not None:
                self._soak.tally.killed.add(self.current)
            self.process.kill()
        self.process.wait()


class Soak:
    """One run on a `Stage`: the server, its state folder and what can be done to them."""

    def __init__(self, schedule: Schedule, stage: Stage, expected: Path):
        """expected: a folder in which the clients keep what each picture's result must be."""
        self.schedule = schedule
        self.expected = expected
        self.stage = stage
        self.tally = Tally()
        self.faults: Counter[str] = Counter()
        self._rng = random.Random(schedule.seed)
        self._lock = threading.Lock()
        self._given = 0
        self._calm = min(schedule.calm, schedule.jobs)
        self._allowed = self._calm
        self._end = time.monotonic() + 60 * schedule.minutes if schedule.minutes else None

    def next_job(self) -> int | None:
        """The next job's number, when it may begin; None when all have begun."""
        while True:
            with self._lock:
                if self._all_given():
                    return None
                if self._given < self._allowed:
                    self._given += 1
                    self.tally.given.add(self._given)
                    return self._given
            time.sleep(0.05)

    def ended(self, told: dict[str, Any]) -> None:
        """What a client tells of its job."""
        with self._lock:
            self.tally.ended[told["job"]] = told
            if len(self.tally.ended) % TELL_EVERY == 0:
                right = self.tally.count("right")
                print(f"{len(self.tally.ended)} jobs, {right} right", file=sys.stderr, flush=True)

    def _all_given(self) -> bool:
        if self._end is not None and self._given >= self._calm:
            return time.monotonic() > self._end
        return self._end is None and self._given >= self.schedule.jobs

    def run(self) -> dict[str, Any]:
        begin = time.monotonic()
        self._members = [Member(self, place) for place in range(self.schedule.clients)]
        while len(self.tally.ended) < self._calm:
            time.sleep(0.1)
        before = self.stage.at_rest(self.schedule.rest)
        self._allowed = sys.maxsize
        self._disturb()
        for member in self._members:
            if member.hung:
                member.process.kill()
            member.process.wait()
        after = self.stage.at_rest(self.schedule.rest)
        return self._report(before, after, time.monotonic() - begin)

    def _disturb(self) -> None:
        """Fault after fault until all clients are done."""
        left, due = SERVER_RESTARTS, 0
        while any(member.process.poll() is None and not member.hung for member in self._members):
            time.sleep(self._rng.uniform(0.2, 1.8) * self.schedule.pause)
            if self._all_given():  # the last jobs are left in peace, so that the memory is that of rest
                continue
            if len(self.tally.ended) < due:  # a slow machine would know nothing but faults
                continue
            fault = self._rng.choice(self.schedule.faults)
            if fault in ("kill server", "stop"):
                if not left:
                    continue
                left -= 1
                if fault == "kill server" and left % 2 == 0:
                    fault = "kill server, log on a full disk"
            self.faults[fault] += 1
            self._do(fault)
            due = len(self.tally.ended) + JOBS_BETWEEN

    def _do(self, fault: str) -> None:
        if fault == "kill worker":
            self.stage.kill_worker()
        elif fault == "stop worker":
            self.stage.stop_worker(self._rng.uniform(0.5, 4.0))
        elif fault == "kill client":
            place = self._rng.randrange(len(self._members))
            self._members[place].kill()
            self._members[place] = Member(self, place)
        elif fault == "stop client":
            self.stage.pause(self._rng.choice(self._members).process, self._rng.uniform(0.5, 4.0))
        elif fault == "kill relay":
            self.stage.kill_relay()
        elif fault == "flood of a stranger":
            self.stage.flood()
        elif fault == "no file descriptors":
            self.stage.starve(self._rng.uniform(0.5, 3.0))
        elif fault == "stop":
            self.stage.stop()
        else:
            self.stage.restart(full_disk="disk" in fault)

    def _report(self, before: dict[str, int], after: dict[str, int], seconds: float) -> dict[str, Any]:
        tally = self.tally
        codes = Counter(told["code"] for told in tally.ended.values() if told["outcome"] == "error")
        leaks = self.stage.leaks(before, after)
        return {
            "jobs": len(tally.given),
            "right": tally.count("right"),
            "clear_errors": tally.count("error"),
            "lost": len(tally.lost()),
            "lost_jobs": {job: tally.ended.get(job, {}).get("code", "silence") for job in tally.lost()},
            "swapped": tally.swapped(),
            "wrong": tally.count("wrong"),
            "killed_with_their_client": len(tally.killed - tally.ended.keys()),
            "rss_growth_percent": round(100 * (after["rss"] / before["rss"] - 1), 1),
            "leaks": len(leaks),
            "leaked": leaks,
            "errors": dict(codes),
            "faults": dict(self.faults),
            "seed": self.schedule.seed,
            "seconds": round(seconds, 1),
        }


def run(schedule: Schedule) -> dict[str, Any]:
    """The whole soak in a state folder of its own."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        stage = Stage(Path(folder) / "home", schedule.serve, schedule.memory, schedule.relay)
        try:
            expected = Path(folder) / "expected"
            expected.mkdir()
            return Soak(schedule, stage, expected).run()
        finally:
            stage.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="go on so long, in place of 1000 jobs")
    parser.add_argument("--jobs", type=int, default=Schedule.jobs)
    parser.add_argument("--clients", type=int, default=Schedule.clients)
    parser.add_argument("--seed", type=int, default=Schedule.seed)
    parser.add_argument("--json", action="store_true", help="nothing but the last line")
    parser.add_argument(
        "--memory", type=float, default=0.0, metavar="GB", help="of server and workers (root)"
    )
    args = parser.parse_args()
    memory = int(args.memory * 1e9)
    schedule = Schedule(args.jobs, args.clients, args.minutes, args.seed, memory=memory)
    if not args.json:
        print(f"Seed {args.seed}; {HOME_VARIABLE} is a folder of this run's own.", flush=True)
    report = run(schedule)
    if not args.json:
        for name, value in report.items():
            print(f"{name:26} {value}")
    print(json.dumps(report))
    return 0 if not (report["lost"] or report["swapped"] or report["wrong"] or report["leaks"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
