"""``studio-portrait batch``: a whole shoot, with a manifest of what was done, from which a run goes on."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.studio_portrait.link.wire import Problem

from ..files.errors import PictureError
from ..files.names import FORMATS, HINT
from . import batch_plan
from .batch_progress import Show, shown
from .settings import add_arguments as add_settings
from .settings import add_result_arguments, device
from .terminal import printable, tell

if TYPE_CHECKING:
    from ..batch.item import Engine, Order, Outcome
    from ..batch.manifest import Manifest
    from ..batch.run import Plan, Stop, Tally

DONE, SOME_FAILED, NOTHING_TRIED, INTERRUPTED = 0, 1, 2, 130
SAME_SECONDS = 0.3  # a signal that comes so soon again is the same one: `timeout`, for one, sends it twice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``batch``."""
    parser.description = (
        "Retouches many pictures: folders keep their structure, a manifest keeps what was done, and a run"
        " that was broken off goes on with --resume. Pictures without a face are counted and left out."
    )
    parser.epilog = (
        "Originals are never changed; a file in DST that has a result's name is replaced. Ctrl-C finishes"
        " what is being done and says how to go on; a second one stops at once. Exit status: 0 every picture"
        " is done or has no face; 1 at least one failed; 2 nothing was tried; 130 interrupted."
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="SRC", help="a picture, or a folder of pictures")
    add("-o", "--output", required=True, metavar="DST", help="a folder (is made)")
    add("--recursive", action="store_true", help="folders in folders too")
    add("--format", choices=tuple(FORMATS), default="", help="default: as it was")
    series = "one colour for a person in one light, from picture to picture; looks at every picture twice"
    add("--match-series", action="store_true", help=series)
    add_result_arguments(parser)
    _add_run(parser)
    _add_machines(parser)
    add_settings(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the run").add_argument
    add("--dry-run", action="store_true", help="only list what would be done")
    add("--on-error", choices=("stop", "go-on"), default="go-on", help="default: go-on")
    add("--manifest", metavar="FILE", help="default: studio-portrait.jsonl in DST")
    add("--resume", action="store_true", help="leave out what the manifest proves done")
    add("--shard", metavar="I/N", help="only part I of N, for several machines")


def _add_machines(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it works")
    add, add_other = group.add_argument, group.add_mutually_exclusive_group().add_argument
    add("--jobs", type=_jobs, default=0, metavar="N", help="pictures at a time, default: as many as fit")
    add("--device", type=device, default="auto", help="auto (default), cuda, cuda:1, mps or cpu")
    server = "work there instead (see: keys); may be given several times"
    add_other("--server", action="append", default=[], metavar="HOST[:PORT]", help=server)
    add_other("--ray", metavar="ADDRESS|local", help="work on a Ray cluster (docs/cluster.md)")
    installed = "its machines have this program: do not send it to them"
    add("--ray-installed", action="store_true", help=installed)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Exit status 0, 1, 2 (see the help text) or 130 after Ctrl-C."""
    from ..batch.retoucher import problem_of
    from ..batch.run import Stop, Tally, summary

    stop, tally = Stop(), Tally()

    def counted(now: Tally, outcome: Outcome | None) -> None:
        nonlocal tally
        tally = now
        show(now, outcome)

    with ExitStack() as opened:
        try:
            plan, order, path = batch_plan.plan(args)
            if args.dry_run:
                return _dry_run(plan, path, args.match_series)
            manifest = opened.enter_context(_kept(path, args.resume))
            opened.enter_context(_signals(stop))
            show = opened.enter_context(shown())
            if args.match_series:
                plan = _measured(args, plan, order, path, stop, show)
            if not stop:
                tally = _run(plan, batch_plan.engine(args, plan, order, stop), args, manifest, stop, counted)
        except BrokenPipeError:  # who read the list has seen enough
            raise
        except (Problem, PictureError, OSError) as error:
            tell(f"studio-portrait: {problem_of(error)}")
            if not tally.ended:
                return NOTHING_TRIED
            tell(*summary(tally, ""), _how_to_go_on())
            return SOME_FAILED
        except KeyboardInterrupt:
            tell(f"Stopped at once. {_how_to_go_on()}")
            return INTERRUPTED
    return _end(tally, stop, path)


@contextmanager
def _kept(path: Path, resume: bool) -> Iterator[Manifest]:
    """Open a manifest; a new one that ends with nothing but its header is removed.

    It would keep the command, once that is right, from running.
    """
    from ..batch.manifest import Manifest

    manifest = Manifest(path, resume)
    try:
        with manifest:
            yield manifest
    finally:
        if not resume:  # then the file is ours, and closed: Windows removes no other
            _remove_empty(path)


def _remove_empty(path: Path) -> None:
    with suppress(OSError):
        with path.open("rb") as file:
            lines = sum(1 for _ in islice(file, 2))
        if lines < 2:
            path.unlink()


def _run(
    plan: Plan, engine: Engine, args: argparse.Namespace, manifest: Manifest, stop: Stop, show: Show
) -> Tally:
    from ..batch.run import run as run_batch

    manifest.head(batch_plan.header(args, plan, engine))
    if len(manifest):
        tell("New pictures come first, then those of earlier runs are looked at.")
    return run_batch(plan, engine, manifest, stop, show)


def _measured(args: argparse.Namespace, plan: Plan, order: Order, path: Path, stop: Stop, show: Show) -> Plan:
    """Return the plan with the colours that `batch.series` decides once every picture was looked at."""
    from ..batch.run import run as run_batch
    from ..batch.series import colours_of

    tell("Looking at every picture first (--match-series).")
    beside = _measurements(path)
    engine = batch_plan.engine(args, plan, replace(order, measure=True), stop)
    looking = replace(plan, settings={"series": 1, "network": plan.settings["network"]}, stop_on_error=False)
    with _kept(beside, args.resume) as manifest:
        manifest.head(batch_plan.header(args, looking, engine))
        run_batch(looking, engine, manifest, stop, lambda tally, outcome: show(tally, None))
    return plan if stop else replace(plan, colours=colours_of(beside))


def _measurements(path: Path) -> Path:
    """Where what `--match-series` measures lies beside a manifest."""
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.series.jsonl")


def _dry_run(plan: Plan, path: Path, match_series: bool) -> int:
    """Every picture and where it would go; nothing is made, not even a folder."""
    from ..batch.manifest import Manifest
    from ..batch.run import Tally, todo, why_failed
    from ..batch.series import colours_of

    if plan.resume and match_series and _measurements(path).exists():
        plan = replace(plan, colours=colours_of(_measurements(path)))
    tally, count = Tally(), 0
    with Manifest(path, True) if plan.resume and path.exists() else nullcontext() as manifest:
        for item in filter(None, todo(plan, manifest, tally, tally.add)):
            count += 1
            print(printable(f"{item.source} -> {item.target}"))
    tell(*why_failed(tally))
    before = f", {tally.proven} are done already" if tally.proven else ""
    tell(f"{count} pictures would be done{before}; nothing was.")
    return SOME_FAILED if tally.failed else DONE


def _end(tally: Tally, stop: Stop, path: Path) -> int:
    from ..batch.run import summary

    tell(*summary(tally, stop.why))
    if stop:
        tell(f"Ended early: {stop.why}. {_how_to_go_on()}")
    elif not tally.ended and not tally.proven:
        tell(f"There was no picture. {HINT} RAW files and HEIC are taken, too.")
        return NOTHING_TRIED
    if path.exists():
        tell(f"The manifest is {path}.")
    if stop.why == _CTRL_C:
        return INTERRUPTED
    return SOME_FAILED if tally.failed else DONE


_CTRL_C = "you asked for it"


def _how_to_go_on() -> str:
    words = [word for word in sys.argv[1:] if word != "--resume"]
    words.insert(words.index("--") if "--" in words else len(words), "--resume")
    return f"To go on: studio-portrait {shlex.join(words)}"


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """SIGINT or SIGTERM once: finish what runs. Twice: `KeyboardInterrupt`."""
    first = 0.0

    def heard(number: int, frame: object) -> None:
        nonlocal first
        if not first:  # the run may be ending for another reason already
            first = time.monotonic()
            stop.ask(_CTRL_C)
            with suppress(RuntimeError):  # in the midst of a print; the end is told anyway
                tell("Finishing the pictures that are being done; once more stops at once.")
        elif time.monotonic() - first >= SAME_SECONDS:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
