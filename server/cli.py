"""The command ``studio-portrait``: serve, stop, status, retouch, doctor.

Only what every command needs is imported here, so that help and status come at
once; what is heavy belongs to the worker process alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link import hints, runtime, stopping
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import HEADSHOT, Problem


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 failed, 2 not understood."""
    parser, retouch_parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["retouch"]:
        from . import retouch_command

        retouch_command.add_arguments(retouch_parser)
    args = parser.parse_args(words)
    try:
        status = int(args.run(args))
        if sys.stdout is not None:  # as in `retouch ... >&-`
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # who read our output has seen enough; Python shall not try to flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Problem as problem:
        print(f"studio-portrait: {problem}", file=sys.stderr)
        return 2 if problem.code == "bad-setting" else 1


def _parser() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(
        prog="studio-portrait", description="Turns flash selfies into studio portraits, on this machine only."
    )
    parser.add_argument("--version", action="version", version=f"studio-portrait {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="run the server that GIMP and the command line use")
    serve.add_argument(
        "--device", type=_device, default="auto", metavar="DEVICE", help="auto, cuda, cuda:1, mps or cpu"
    )
    serve.add_argument("--engine", choices=("auto", "pytorch", "openvino"), default="auto")
    serve.add_argument("--listen", metavar="tcp://HOST:PORT", help="instead of a port chosen by the system")
    serve.add_argument(
        "--idle-exit", type=_seconds, metavar="SECONDS", help="end after so long without a job"
    )
    serve.set_defaults(run=_serve)

    commands.add_parser("stop", help="end the running server").set_defaults(run=_stop)

    status = commands.add_parser("status", help="tell what the running server does")
    status.add_argument("--json", action="store_true", help="one JSON object")
    status.set_defaults(run=_status)

    retouch = commands.add_parser("retouch", help="retouch files and folders")
    retouch.set_defaults(run=_retouch)

    doctor = commands.add_parser("doctor", help="check the installation and say what to do")
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    doctor.set_defaults(run=_doctor)
    return parser, retouch


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cuda, cuda:NUMBER, mps or cpu")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _serve(args: argparse.Namespace) -> int:
    from . import buffers, logs
    from .front import Front
    from .worker_process import default_command

    folder = runtime.state_folder()
    lock = runtime.Lock(folder)
    if not lock.acquire():
        return _another_serves(folder, args)
    os.umask(0o077)  # socket, log and pixels are the user's own, whatever folder was chosen
    try:
        logs.set_up(runtime.log_path(folder))
        buffers.sweep(folder)
        runtime.Runtime.remove(folder)  # a killed server's: its token must not meet the new server's socket
        front = Front(
            folder,
            lock,
            default_command(args.device, args.engine),
            _networks,
            listen=args.listen,
            idle_exit=args.idle_exit,
            device=args.device,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: front.stop())
        if sys.stderr.isatty():
            print(f"Listening on {', '.join(front.endpoints)}. Ctrl-C ends the server.", file=sys.stderr)
        front.run()
    finally:
        lock.release()
    return 0


def _another_serves(folder: Path, args: argparse.Namespace) -> int:
    """What was wanted is there already, unless it was wanted in a special way."""
    pid = runtime.server_pid(folder)
    sentence = f"A server is already running{f' (process {pid})' if pid else ''}"
    named = [f"--{name}" for name in ("device", "engine", "listen") if vars(args)[name] not in (None, "auto")]
    if named:
        reason = f"{sentence}, with options of its own: {' and '.join(named)} had no effect."
        raise Problem("no-server", reason, hints.fill("End it first: {stop}"))
    print(f"{sentence}.", file=sys.stderr)
    return 0


def _networks() -> list[dict[str, Any]]:
    from model.predictor import available

    listed = [{"name": n.name, "sha256": n.sha256, "default": n.default} for n in available()]
    return [*listed, {"name": HEADSHOT, "sha256": "", "default": False}]


def _stop(args: argparse.Namespace) -> int:
    ended = stopping.stop(runtime.state_folder())
    print("The server has ended." if ended else "No server is running.")
    return 0


def _status(args: argparse.Namespace) -> int:
    try:
        with Session.open(start=False) as session:
            status = session.status()
    except Problem as problem:
        if args.json and problem.code == "no-server":
            print(json.dumps({"server": "none"}))
        raise
    print(json.dumps(status) if args.json else _describe(status))
    return 0


def _describe(status: dict[str, Any]) -> str:
    worker, jobs, memory = status["worker"], status["jobs"], status["memory"]
    weights = f" (weights {status['weights'][:12]})" if status["weights"] else ""
    engine = f", {status['engine']}" if status["engine"] else ""
    lines = {
        "version": status["version"],
        "process": f"{status['pid']}, up for {status['uptime']:.0f} s",
        "endpoints": ", ".join(status["endpoints"]),
        "device": f"{status['device']}{engine}; worker {worker['state']}",
        "network": f"{status['network'] or '(not loaded)'}{weights}",
        "networks": ", ".join(network["name"] for network in status["networks"]),
        "jobs": f"{'1 running' if status['running'] else 'none running'}, {status['queue']} waiting, "
        + ", ".join(f"{count} {what}" for what, count in jobs.items()),
        "memory": f"front {memory['front'] >> 20} MB, worker {memory['worker'] >> 20} MB",
        "log": status["log"],
    }
    return "\n".join(f"{name:10} {text}" for name, text in lines.items())


def _retouch(args: argparse.Namespace) -> int:
    from . import retouch_command

    return retouch_command.run(args)


def _doctor(args: argparse.Namespace) -> int:
    from .setup import doctor

    return doctor.run(json=args.json)
