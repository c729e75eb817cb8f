"""Judge systems on planned samples, one at a time in memory, telling how long it will take."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model.command_line import at_least
from model.data.synthesize.portraits import Unfit
from model.inference.weights import WEIGHTS
from model.training.progress import duration

from .bootstrap import Record
from .flashes import Planned
from .maps import add_arguments as add_people
from .score import score
from .systems import System, studio_change

SEED: Final = 2026
FLASHES: Final = 2
TELL_EVERY: Final = 5.0  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is judged, and on what."""
    add_people(parser)
    add = parser.add_argument
    add("--flashes", type=at_least(1), default=FLASHES, help="of a person, more of dark skin (%(default)s)")
    add("--seed", type=at_least(0), default=SEED, help="of the flashes and the bootstrap (%(default)s)")
    add("--weights", type=Path, default=WEIGHTS, help="folder of networks (default: the shipped)")
    add("--json", action="store_true", help="end with one line of JSON")


@dataclass
class Judged:
    """planned: those that could be made. records: of each system, in the same order.

    studio_change: of each network, one number for each sample. trouble: why others could not be made.
    """

    planned: list[Planned] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)
    studio_change: dict[str, list[float]] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """The JSON's, of what was judged."""
        return {"samples": len(self.planned), "people": _people(self.planned)}


def announced(planned: Sequence[Planned], seed: int) -> str:
    """Return the first line of the commands."""
    return f"{len(planned)} flashes of {_people(planned)} held-out people, seed {seed}"


def _people(planned: Sequence[Planned]) -> int:
    return len({one.person for one in planned})


def judge(
    planned: Sequence[Planned],
    systems: Mapping[str, System],
    networks: Collection[str] = (),
    real: bool = False,
) -> Judged:
    """Score every system on every sample, and those of `networks` on the studio portraits themselves too.

    real: photographs, whose exposures are matched first.
    """
    result = Judged(records={name: [] for name in systems}, studio_change={name: [] for name in networks})
    progress = Progress(len(planned))
    for one in planned:
        try:
            sample = one.make()
        except (Unfit, ValueError, OSError) as error:
            result.trouble.append(f"{one.name}: {error}")
        else:
            result.planned.append(one)
            for name, record in score(sample, systems, real).items():
                result.records[name].append(record)
            for name in networks:
                result.studio_change[name].append(studio_change(systems[name], sample))
        progress.step()
    return result


class Progress:
    """A line on stderr every few seconds."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.start = self.told = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self.told < TELL_EVERY and self.done < self.total:
            return
        self.told = now
        left = (now - self.start) / self.done * (self.total - self.done)
        print(f"{self.done} of {self.total} judged, {duration(left)} left", file=sys.stderr, flush=True)
