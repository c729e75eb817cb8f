"""A million spoiled inputs: `python -m tests.fuzz [--inputs N] [--target NAME] [--only TARGET:NUMBER]`.

Of what is said to a server, four parts run in this process (the contract's headers, the plug-in's
transport, the server's whole conversation, the relay's); the fifth is a real server. What is fuzzed as bytes
(`file_targets`) is a target of its own by kind, named with ``--target`` and given all inputs. An input counts
as a crash when it raises what nobody foresaw or asks for more than four gigabytes, as a hang when it takes
longer than five seconds of the processor. ``--only`` repeats one. The last line is one JSON object; the exit
status is 0 when there was no crash, no hang and no growth.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

from . import file_targets, talk_targets
from .live_server import LiveServer

HANG_SECONDS = 5.0
MAX_GROWTH_PERCENT = 5.0
MEMORY = 4 << 30  # bytes of address space
LEAKY = ("png",)  # imagecodecs keeps a kilobyte of each that libpng refuses; a child reads one picture
SHARES = {"header": 0.48, "client": 0.3, "server": 0.15, "live": 0.05, "relay": 0.02}
Target = Callable[[random.Random], None]


def run(total: int, seed: int, targets: Sequence[str] = ()) -> dict[str, Any]:
    """What is said to a server, or these targets with `total` each; what the last line tells."""
    found: dict[str, Any] = {"inputs": 0, "crashes": [], "hangs": [], "rss_growth_percent": {}, "seconds": {}}
    for name, share in dict.fromkeys(targets, 1.0).items() if targets else SHARES.items():
        target, close, rss = _target(name)
        begin = time.monotonic()
        try:
            growth = _attack(name, target, max(1, round(total * share)), seed, rss, found)
        finally:
            close()
        found["rss_growth_percent"][name] = growth
        found["seconds"][name] = round(time.monotonic() - begin, 1)
    return found


def _target(name: str) -> tuple[Target, Callable[[], None], Callable[[], int]]:
    """The target, what ends it, and what tells the memory of the process that is attacked."""
    if name == "live":
        live = LiveServer()
        return live, live.close, live.rss
    own = psutil.Process()
    if name == "relay":
        relayed = talk_targets.Relayed()
        return relayed, relayed.close, lambda: own.memory_info().rss
    if name in file_targets.TARGETS:
        return _file_target(name), lambda: None, lambda: own.memory_info().rss
    target: Target = talk_targets.Server() if name == "server" else getattr(talk_targets, name)
    return target, lambda: None, lambda: own.memory_info().rss


def _file_target(name: str) -> Target:
    attack = file_targets.TARGETS[name]
    return lambda dice: attack(file_targets.spoil(name, dice))


def _attack(
    name: str, target: Target, count: int, seed: int, rss: Callable[[], int], found: dict[str, Any]
) -> float:
    """Growth of memory in percent, from a tenth of the inputs on."""
    before = 0
    clock = time.monotonic if name == "live" else time.process_time  # of the other process, or of this one
    for index in range(count):
        if index == count // 10:
            gc.collect()
            before = rss()
        begin = clock()
        try:
            target(random.Random(f"{seed}:{name}:{index}"))
        except Exception:
            found["crashes"].append(f"{name}:{index}")
            traceback.print_exc()
        if clock() - begin > HANG_SECONDS:
            found["hangs"].append(f"{name}:{index}")
        found["inputs"] += 1
        if found["inputs"] % 10_000 == 0:
            print(f"{found['inputs']} inputs, {len(found['crashes'])} crashes", file=sys.stderr)
    gc.collect()
    return round(100.0 * (rss() - before) / before, 2) if before else 0.0


def repeat(only: str, seed: int) -> None:
    """One input again, its exception not caught."""
    name, _, index = only.partition(":")
    target, close, _ = _target(name)
    try:
        target(random.Random(f"{seed}:{name}:{index}"))
    finally:
        close()


@contextlib.contextmanager
def _silent_libraries() -> Iterator[None]:
    """Let only this module write to standard error: libpng says something about each of a million files."""
    logging.disable(logging.CRITICAL)
    kept, ours = os.dup(2), sys.stderr
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        with os.fdopen(kept, "w", 1, closefd=False) as sys.stderr:
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        sys.stderr = ours
        logging.disable(logging.NOTSET)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    names = [*SHARES, "answers", *file_targets.TARGETS]
    parser.add_argument("--target", action="append", default=[], choices=names)
    parser.add_argument("--only", metavar="TARGET:NUMBER")
    args = parser.parse_args(arguments)
    if sys.platform == "linux" and not args.only:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if args.only:
        repeat(args.only, args.seed)
        return 0
    with _silent_libraries():
        found = run(args.inputs, args.seed, args.target)
    print(json.dumps(found))
    growth = found["rss_growth_percent"]
    grown = any(growth[name] > MAX_GROWTH_PERCENT for name in growth if name not in LEAKY)
    return 1 if found["crashes"] or found["hangs"] or grown else 0


if __name__ == "__main__":
    sys.exit(main())
