"""A whole run: list, leave out what is proven done, let an engine work, keep and tell what happened."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .item import DISK_FULL, DONE, FAILED, NO_FACE, Engine, Item, Outcome
from .listing import Listing
from .manifest import Manifest, may_stand, stands

PROOFS = 32  # pictures looked at ahead, so that the disk reads several at a time
QUIET = 64  # pictures that nothing is to be done with, after which whoever waits for one is told so
EXAMPLES = 5  # names told for each reason
REASONS = 50  # told apart: a sentence may hold numbers of its picture's own


@dataclass
class Tally:
    """What has happened so far. total: how many pictures there are, None until they are counted.

    proven: of `total`, done by an earlier run. reasons: by code and sentence, with the first names.
    """

    total: int | None = None
    proven: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reasons: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    many: Counter[tuple[str, str]] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)
    working: float | None = None  # when the first picture was given to the engine
    full: bool = False

    @property
    def ended(self) -> int:
        """Count the pictures that are done, one way or another."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Count the failures."""
        return self.counts[FAILED]

    @property
    def rate(self) -> float:
        """Pictures a second since the engine had its first one."""
        elapsed = time.monotonic() - self.working if self.working is not None else 0.0
        return self.ended / elapsed if elapsed > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds left at this rate; None while that cannot be said."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.proven - self.ended) / self.rate

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and keep a few names for each reason."""
        self.counts[outcome["status"]] += 1
        if outcome["status"] != FAILED:
            return
        self.full = self.full or outcome["code"] == DISK_FULL
        why = (outcome["code"], str(outcome["message"]))
        if why not in self.many and len(self.many) >= REASONS:
            why = ("others", "Further reasons stand in the manifest.")
        self.many[why] += 1
        names = self.reasons.setdefault(why, [])
        if len(names) < EXAMPLES:
            names.append(outcome["name"])


class Stop:
    """Asked for by a signal, a failure or a full disk: no further picture is begun."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.why = ""

    def __bool__(self) -> bool:
        return self._event.is_set()

    def ask(self, why: str) -> None:
        """Ask for the end; the first reason is kept."""
        self.why = self.why or why
        self._event.set()


@dataclass(frozen=True)
class Plan:
    """What a run is made of. settings: as the manifest keeps them. weights: of the network, "" if unknown.
    colours: by picture, what `series` decided.
    """

    listing: Listing
    settings: dict[str, Any]
    weights: str
    resume: bool = False
    stop_on_error: bool = False
    colours: Mapping[str, tuple[tuple[float, float, float] | None, ...]] = field(default_factory=dict)


def todo(
    plan: Plan, manifest: Manifest | None, tally: Tally, keep: Callable[[Outcome], None]
) -> Iterator[Item | None]:
    """Yield the pictures that are not proven done; folders that cannot be read become failures (`keep`).

    Those that are new or failed come first, which the manifest's index alone tells, then those that have
    visibly changed: no picture has to be read to find them. Last comes what must be proven. None says now
    and then that the next one is still being looked for.
    """
    passed = 0
    for item in _looked_at(plan, manifest, tally, keep):
        passed = passed + 1 if item is None else 0
        if item is not None or passed % QUIET == 0:
            yield item


def _looked_at(
    plan: Plan, manifest: Manifest | None, tally: Tally, keep: Callable[[Outcome], None]
) -> Iterator[Item | None]:
    """Yield as `todo`, with None for each picture that is passed over."""

    def failed(path: Path, message: str) -> None:
        """Count what cannot be listed as a failure."""
        name = f"{path}/" if os.path.isdir(path) else str(path)
        line = {"input": str(path), "name": name, "status": FAILED, "code": "unreadable", "message": message}
        keep(line)

    def listed(told: Callable[[Path, str], None] = lambda path, message: None) -> Iterator[Item]:
        """Walk once."""
        for item in plan.listing.items(told):
            yield replace(item, colours=plan.colours.get(item.name, ())) if plan.colours else item

    if manifest is None or not plan.resume or not len(manifest):
        yield from listed(failed)
        return
    for item in listed(failed):
        place = manifest.place(item.name)
        yield item if place is None or manifest.failed(place) else None
    begun = np.zeros(len(manifest), np.bool_)

    def known() -> Iterator[tuple[Item, tuple[int, Outcome] | None]]:
        """Walk once more, with the line that there is about each, and its number."""
        for item in listed():
            place = manifest.place(item.name)
            if place is not None and not manifest.failed(place):
                yield item, manifest.look_up(item.name)  # None for another name with the same hash

    for item, found in known():
        if found is not None and may_stand(found[1], item, plan.settings, plan.weights):
            yield None
            continue
        if found is not None:
            begun[found[0]] = True
        yield item
    with ThreadPoolExecutor(4) as pool:
        ahead: deque[tuple[Item, Future[bool]]] = deque()
        waiting = ((item, found[1]) for item, found in known() if found is not None and not begun[found[0]])
        for entry in itertools.chain(waiting, itertools.repeat(None, PROOFS)):
            if entry is not None:
                item, line = entry
                ahead.append((item, pool.submit(stands, line, item, plan.settings, plan.weights)))
            if ahead and (entry is None or len(ahead) >= PROOFS):
                first, proof = ahead.popleft()
                proven = proof.result()
                tally.proven += proven
                yield None if proven else first


def run(
    plan: Plan,
    engine: Engine,
    manifest: Manifest,
    stop: Stop,
    show: Callable[[Tally, Outcome | None], None] = lambda tally, outcome: None,
) -> Tally:
    """Do it. show(tally, outcome): hears of every end, and with None of proofs and counting."""
    tally = Tally()
    counting = threading.Thread(target=_count, args=(plan.listing, tally, stop), daemon=True)
    counting.start()

    def keep(outcome: Outcome) -> None:
        try:
            manifest.add({**outcome, "settings": plan.settings})
        finally:  # it was tried, whether or not that can be kept
            tally.add(outcome)
            show(tally, outcome)
        if tally.full:
            stop.ask("the disk is full")
        elif plan.stop_on_error and outcome["status"] == FAILED:
            stop.ask("a picture failed")

    def wanted() -> Iterator[Item | None]:
        for item in todo(plan, manifest, tally, keep):
            if stop:
                return
            if item is not None:
                tally.working = tally.working or time.monotonic()
            yield item
            show(tally, None)

    try:
        for outcome in engine.map(wanted()):
            keep(outcome)
    finally:
        engine.close()
    if not stop:
        counting.join()
    return tally


def _count(listing: Listing, tally: Tally, stop: Stop) -> None:
    total = 0

    def failed(path: Path, message: str) -> None:
        nonlocal total
        total += 1  # as what it holds is not known, it counts as one failure

    for _ in listing.items(failed):
        total += 1
        if stop:
            return
    tally.total = total


def summary(tally: Tally, stopped: str) -> Iterator[str]:
    """Yield the last words, line by line."""
    seconds = time.monotonic() - tally.began
    parts = [f"{tally.counts[DONE]} done"]
    if tally.proven:
        parts.append(f"{tally.proven} done before")
    if tally.counts[NO_FACE]:
        parts.append(f"{tally.counts[NO_FACE]} without a face")
    parts.append(f"{tally.failed} failed")
    if tally.total is not None and (rest := tally.total - tally.proven - tally.ended) > 0 and stopped:
        parts.append(f"{rest} not begun")
    yield f"{', '.join(parts)} in {in_words(seconds)} ({tally.rate:.2f} pictures a second)."
    yield from why_failed(tally)


def why_failed(tally: Tally) -> Iterator[str]:
    """Yield the reasons of failures, each with the first names, line by line."""
    for (code, sentence), names in tally.reasons.items():
        count = tally.many[code, sentence]
        more = f" and {count - len(names)} more, see the manifest" if count > len(names) else ""
        yield f"  {count} x {code}: {sentence}"
        yield f"      {', '.join(names)}{more}"


def in_words(seconds: float) -> str:
    """Such as 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
