"""``studio-portrait batch``: a whole shoot, with a manifest of what was done, from which a run goes on."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import HEADSHOT, ImageSpec, Problem, Settings, check_reference

from ..files.errors import PictureError
from ..files.names import FORMATS, HINT
from .settings import add_arguments as add_settings
from .settings import add_result_arguments, check_is_there, device, from_arguments
from .terminal import is_terminal, printable, progress_bars, tell

if TYPE_CHECKING:
    from ..batch.item import Engine, Order, Outcome
    from ..batch.listing import Shard
    from ..batch.manifest import Manifest
    from ..batch.run import Plan, Stop, Tally

DONE, SOME_FAILED, NOTHING_TRIED, INTERRUPTED = 0, 1, 2, 130
SAME_SECONDS = 0.3  # a signal that comes so soon again is the same one: `timeout`, for one, sends it twice
LINE_SECONDS = 10.0  # between two lines of progress where there is no terminal
Show = Callable[["Tally", "Outcome | None"], None]


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
            plan, order, shard = _plan(args)
            path = _manifest_path(args, shard)
            if args.dry_run:
                return _dry_run(plan, path, args.match_series)
            manifest = opened.enter_context(_kept(path, args.resume))
            opened.enter_context(_signals(stop))
            show = opened.enter_context(_shown())
            if args.match_series:
                plan = _measured(args, plan, order, path, stop, show)
            if not stop:
                tally = _run(plan, _engine(args, plan, order, stop), args, manifest, stop, counted)
        except BrokenPipeError:  # who read the list has seen enough
            raise
        except (Problem, PictureError, OSError) as error:
            tell(f"studio-portrait: {problem_of(error)}")
            if not tally.ended:
                return NOTHING_TRIED
            for line in (*summary(tally, ""), _how_to_go_on()):
                tell(line)
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

    manifest.head(_header(args, plan, engine))
    if len(manifest):
        tell("New pictures come first, then those of earlier runs are looked at.")
    return run_batch(plan, engine, manifest, stop, show)


def _measured(args: argparse.Namespace, plan: Plan, order: Order, path: Path, stop: Stop, show: Show) -> Plan:
    """Return the plan with the colours that `batch.series` decides once every picture was looked at."""
    from ..batch.run import run as run_batch
    from ..batch.series import colours_of

    tell("Looking at every picture first (--match-series).")
    beside = _measurements(path)
    engine = _engine(args, plan, replace(order, measure=True), stop)
    looking = replace(plan, settings={"series": 1, "network": plan.settings["network"]}, stop_on_error=False)
    with _kept(beside, args.resume) as manifest:
        manifest.head(_header(args, looking, engine))
        run_batch(looking, engine, manifest, stop, lambda tally, outcome: show(tally, None))
    return plan if stop else replace(plan, colours=colours_of(beside))


def _measurements(path: Path) -> Path:
    """Where what `--match-series` measures lies beside a manifest."""
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.series.jsonl")


def _plan(args: argparse.Namespace) -> tuple[Plan, Order, Shard | None]:
    from ..batch.listing import Listing, Shard
    from ..batch.run import Plan

    settings = from_arguments(args)
    _check_machines(args)
    _check_reference(args.reference, settings)
    shard = Shard.of(args.shard) if args.shard else None
    listing = Listing(
        args.sources,
        args.output,
        recursive=args.recursive,
        suffix=args.suffix,
        kind=args.format,
        shard=shard,
        mask=args.mask,
        reference=args.reference,
    )
    order, kept = _order(args, settings)
    return Plan(listing, kept, _weights(settings.network), args.resume, args.on_error == "stop"), order, shard


def _check_machines(args: argparse.Namespace) -> None:
    """Refuse what would have no effect where the work is done."""
    if args.server and (args.jobs or args.device != "auto"):
        named = "--jobs" if args.jobs else "--device"
        hint = f"Leave {named} out: each server has its own workers (serve --device)."
        raise Problem("bad-setting", f"{named} is for this machine, and --server for others.", hint)
    if args.ray_installed and not args.ray:
        raise Problem("bad-setting", "--ray-installed is of no use without --ray.", "Name the cluster, too.")


def _order(args: argparse.Namespace, settings: Settings) -> tuple[Order, dict[str, Any]]:
    """Return what is done with each picture, and what of it the manifest keeps."""
    from ..batch.item import Order

    kept = {**settings.as_dict(), "mask": args.mask}
    reference = os.path.abspath(args.reference) if args.reference else ""
    order = Order(kept, reference, args.device, mask=args.mask)
    if reference:
        with open(reference, "rb") as file:
            kept = {**kept, "reference": hashlib.file_digest(file, "sha256").hexdigest()}
    return order, json.loads(json.dumps(kept))  # as a manifest gives them back


def _check_reference(name: str | None, settings: Settings) -> None:
    check_is_there(name)
    if (name is None) == (settings.network == HEADSHOT):
        check_reference(settings, None if name is None else ImageSpec(1, 1, 3, "u8"))  # whatever its size


def _weights(network: str) -> str:
    """Return the weights' hash of the network that will be used. Raises `Problem` ``unknown-network``."""
    if network == HEADSHOT:
        return ""
    from model.inference.predictor import available

    known = available()
    for info in known:
        if info.name == network or (not network and info.default):
            return info.sha256
    names = ", ".join(info.name for info in known)
    raise Problem("unknown-network", f"There is no network {network!r}; there is: {names}.")


def _manifest_path(args: argparse.Namespace, shard: Shard | None) -> Path:
    if args.manifest:
        return Path(args.manifest)
    part = f"-{shard.index}-of-{shard.count}" if shard else ""
    return Path(args.output) / f"studio-portrait{part}.jsonl"


def _engine(args: argparse.Namespace, plan: Plan, order: Order, stop: Stop) -> Engine:
    if args.server:
        from ..batch.servers import Servers

        return Servers(order, args.server, plan.weights)
    if args.ray:
        from ..batch.on_ray import OnRay

        return OnRay(order, args.ray, args.jobs, args.ray_installed, lambda: bool(stop))
    from ..batch.local import Local

    return Local(order, args.jobs)


def _header(args: argparse.Namespace, plan: Plan, engine: Engine) -> dict[str, Any]:
    return {
        "version": VERSION,
        "python": ".".join(str(number) for number in sys.version_info[:3]),
        "begun": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "sources": [os.path.abspath(source) for source in args.sources],
        "destination": str(plan.listing.destination),
        "shard": args.shard,
        "settings": plan.settings,
        "weights": plan.weights,
        **engine.facts,
    }


def _dry_run(plan: Plan, path: Path, match_series: bool) -> int:
    """Every picture and where it would go; nothing is made, not even a folder."""
    from ..batch.manifest import Manifest
    from ..batch.run import Tally, todo, why_failed
    from ..batch.series import colours_of

    if plan.resume and match_series and _measurements(path).exists():
        plan = replace(plan, colours=colours_of(_measurements(path)))
    tally, count = Tally(), 0
    manifest = Manifest(path, True) if plan.resume and path.exists() else None
    try:
        for item in filter(None, todo(plan, manifest, tally, tally.add)):
            count += 1
            print(printable(f"{item.source} -> {item.target}"))
    finally:
        if manifest is not None:
            manifest.close()
    for line in why_failed(tally):
        tell(line)
    before = f", {tally.proven} are done already" if tally.proven else ""
    tell(f"{count} pictures would be done{before}; nothing was.")
    return SOME_FAILED if tally.failed else DONE


def _end(tally: Tally, stop: Stop, path: Path) -> int:
    from ..batch.run import summary

    for line in summary(tally, stop.why):
        tell(line)
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


@contextmanager
def _shown() -> Iterator[Show]:
    """Yield a bar on a terminal, else a line now and then; failures as they happen."""
    if not is_terminal():
        yield _ProgressLines()
        return
    from rich.progress import BarColumn, TextColumn

    with progress_bars(BarColumn(), TextColumn("{task.description}", markup=False)) as bars:
        bar = bars.add_task("Starting", total=None)

        def show(tally: Tally, outcome: Outcome | None) -> None:
            if failure := _failure(outcome):
                bars.console.print(printable(failure), markup=False, highlight=False, soft_wrap=True)
            done = tally.proven + tally.ended
            bars.update(bar, total=tally.total, completed=done, description=_state(tally))

        yield show


class _ProgressLines:
    """Progress for a log."""

    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, tally: Tally, outcome: Outcome | None) -> None:
        if failure := _failure(outcome):
            tell(failure)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            tell(_state(tally))


def _state(tally: Tally) -> str:
    from ..batch.run import in_words

    total = "?" if tally.total is None else str(tally.total)
    left = "" if tally.left is None else f", {in_words(tally.left)} left"
    failed = f", {tally.failed} failed" if tally.failed else ""
    return f"{tally.proven + tally.ended} of {total}{failed}, {tally.rate:.2f} a second{left}"


def _failure(outcome: Outcome | None) -> str:
    """Return a line for a picture that failed, nothing for others."""
    failed = outcome and outcome["status"] == "failed"
    return f"{outcome['input']}: {outcome['message']}" if outcome and failed else ""
