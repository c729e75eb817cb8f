"""``studio-portrait serve``: one server for a state folder, until it is told to end."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link import hints, runtime
from plugin.studio_portrait.link.wire import HEADSHOT, Problem

from ..service import buffers, logs, resources, worker_process
from ..service.connections import Guard
from ..service.endpoints import leaves_the_machine
from ..service.limits import Limits
from ..service.server import Plan, Server, Timeouts
from .settings import device
from .terminal import is_terminal

Watch = Callable[[dict[str, Any]], None]

_OPEN = "This address can be reached by other machines, and without keys nothing is encrypted."

OPTIONS = "serve.options"  # in the state folder: what is added to every `serve`, also to the plug-in's
BACKGROUND_IDLE = 1800.0
METRICS_PORT = 47311


def own_options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the words of the user's file of options, which may have comments. Raises `Problem`."""
    file = runtime.state_folder_path() / OPTIONS
    try:
        words = shlex.split(file.read_text("utf-8"), comments=True)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            parser.parse_args(["serve", *words])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, SystemExit) as error:  # the last one is argparse's
        reason = said.getvalue().strip().rpartition("error: ")[2] if isinstance(error, SystemExit) else error
        hint = "Write options as they are typed after serve, or remove the file."
        raise Problem("bad-setting", f"The file {file} cannot be understood: {reason}.", hint) from error
    return words


def with_own_options(
    parser: argparse.ArgumentParser, typed: argparse.Namespace, words: list[str]
) -> argparse.Namespace:
    """Return the arguments once more, with the user's own options before the typed words.

    Their `special` names the options that were typed and ask for something else than a plain ``serve``.
    """
    own = own_options(parser)
    args = parser.parse_args(["serve", *own, *words]) if own else argparse.Namespace(**vars(typed))
    plain = vars(parser.parse_args(["serve"]))
    given = [name for name, value in vars(typed).items() if value != plain[name]]
    args.special = [f"--{name.replace('_', '-')}" for name in given]
    return args


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    parser.description = (
        "Run the server that GIMP and the command line use. They start one by themselves when"
        " they need it; this is for options of your own, such as a device, or another machine's clients."
    )
    parser.epilog = (
        "Examples: serve --device cpu; serve --listen tcp://0.0.0.0:47310 (with keys)."
        " Ctrl-C or stop ends it."
    )
    network = parser.add_argument_group("the network")
    add = network.add_argument
    devices = "auto, cuda, cuda:1, mps or cpu; given several times, a worker on each"
    add("--device", type=device, action="append", metavar="DEVICE", help=devices)
    add = network.add_mutually_exclusive_group().add_argument
    add(
        "--engine", choices=("auto", "pytorch", "openvino"), default="auto", help="what runs it (%(default)s)"
    )
    add("--ray", metavar="ADDRESS|local", help="have Ray Serve run it (docs/cluster.md)")
    _add_endpoints(parser)
    _add_limits(parser)


def _add_endpoints(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("who else may ask").add_argument
    listen = "also listen there; for other machines only with keys (see: keys)"
    add("--listen", metavar="tcp://HOST:PORT", help=listen)
    metrics = "answer Prometheus on 127.0.0.1 (port %(const)s if not named)"
    add("--metrics", nargs="?", type=_port, const=METRICS_PORT, metavar="PORT", help=metrics)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how long, and how much").add_argument
    seconds: dict[str, Any] = {"type": _seconds, "metavar": "SECONDS"}
    add("--idle-exit", **seconds, help="end after so long without a job")
    background = f"as GIMP starts it: --idle-exit is {BACKGROUND_IDLE:.0f} if nothing else is said"
    add("--background", action="store_true", help=background)
    sleep = "give the device's memory back after so long without a job (%(default).0f)"
    add("--sleep", **seconds, default=Timeouts.sleep, help=sleep)
    grace = "for running jobs when told to end (%(default).0f)"
    add("--grace", **seconds, default=Timeouts.grace, help=grace)
    limits = f"change a limit: {', '.join(Limits().as_dict())}"
    add("--limit", action="append", default=[], metavar="NAME=VALUE", help=limits)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Serve; returns at once when a server is there already."""
    limits = Limits.of(args.limit)
    folder = runtime.state_folder()
    lock = runtime.Lock(folder)
    if not lock.acquire():
        return _another_serves(folder, args.special)
    os.umask(0o077)  # socket, log and pixels are the user's own, whatever folder was chosen
    resources.raise_handle_limit()
    try:
        logs.set_up(runtime.log_path(folder))
        _sweep(folder)
        guard = _guard(args.listen, folder)
        with ExitStack() as opened:
            watch = _exported(args.metrics, opened)
            _serve(Server(folder, lock, _plan(args, limits, guard, watch)))
    finally:
        lock.release()
    return 0


def _serve(server: Server) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    if is_terminal():
        print(f"Listening on {', '.join(server.endpoints)}. Ctrl-C ends the server.", file=sys.stderr)
    server.run()


def _guard(listen: str | None, folder: Path) -> Guard | None:
    """Who may come in from other machines; None when none can reach the address. Raises `Problem`."""
    if listen is None or not leaves_the_machine(listen):
        return None
    from ..remote.guard import Guard as KeyGuard

    try:
        return KeyGuard(folder)
    except Problem as problem:
        hint = problem.hint or hints.fill("Make a key pair: {keys new}")
        raise Problem("bad-setting", f"{_OPEN} {problem.message}", hint) from problem


def _exported(port: int | None, opened: ExitStack) -> Watch | None:
    """Return what takes the status for Prometheus while the port is open, None if it was not asked for."""
    if port is None:
        return None
    from ..service import metrics

    return opened.enter_context(closing(metrics.Exporter(port))).update


def _plan(args: argparse.Namespace, limits: Limits, guard: Guard | None, watch: Watch | None) -> Plan:
    engine = f"ray:{args.ray}" if args.ray else args.engine
    idle_exit = args.idle_exit or (BACKGROUND_IDLE if args.background else None)
    return Plan(
        workers=[(name, worker_process.default_command(name, engine)) for name in args.device or ["auto"]],
        networks=networks,
        listen=args.listen,
        guard=guard,
        watch=watch,
        times=Timeouts(idle_exit, args.sleep, args.grace),
        limits=limits,
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed server left: its token must not meet the new server's socket."""
    dead = runtime.Runtime.read(folder)
    for endpoint in dead.endpoints if dead else ():
        place = Path(endpoint.removeprefix("ipc://")).parent
        if endpoint.startswith("ipc://") and runtime.is_own_folder(place):
            shutil.rmtree(place, ignore_errors=True)
    buffers.sweep(folder)
    runtime.Runtime.remove(folder)


def _another_serves(folder: Path, special: list[str]) -> int:
    """Return at once when what was wanted is there already, unless it was wanted in a special way.

    Clients, who start it in the background, want any: of several at once all but one find another's.
    """
    pid = runtime.server_pid(folder)
    sentence = f"A server is already running{f' (process {pid})' if pid else ''}"
    if special and "--background" not in special:
        reason = f"{sentence}, with options of its own: {' and '.join(special)} had no effect."
        raise Problem("no-server", reason, hints.fill("End it first: {stop}"))
    print(f"{sentence}.", file=sys.stderr)
    return 0


def networks() -> list[dict[str, Any]]:
    """Those installed, as the contract's HELLO tells of them."""
    from model.inference.predictor import available

    listed = [{"name": n.name, "sha256": n.sha256, "default": n.default} for n in available()]
    return [*listed, {"name": HEADSHOT, "sha256": "", "default": False}]
