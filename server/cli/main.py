"""The command ``studio-portrait``: its words, and the commands that are a few lines; others have files.

Only what every command needs is imported here, so that help and status come at
once; what is heavy belongs to the worker process alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from plugin.studio_portrait.link import runtime, stopping
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from .terminal import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 not understood."""
    parser, rest = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in rest:
            rest[words[0]]()
        if words[:1] == ["serve"]:
            words[1:1] = _import("serve").own_options()
        args = parser.parse_args(words)
        status = int(args.run(args))
        if sys.stdout is not None:  # as in `retouch ... >&-`
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # who read our output has seen enough; Python shall not try to flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Problem as problem:
        print(printable(f"studio-portrait: {problem}"), file=sys.stderr)
        return 2 if problem.code == "bad-setting" else 1


class _Parser(argparse.ArgumentParser):
    """Repeats a word that it does not understand, which may be the name of any file, harmlessly."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> tuple[argparse.ArgumentParser, dict[str, Callable[[], None]]]:
    """Return the parser, and by command what adds the options that only the command's own module knows."""
    parser = _Parser(
        prog="studio-portrait", description="Turns flash selfies into studio portraits, on this machine only."
    )
    parser.add_argument("--version", action="version", version=f"studio-portrait {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = commands.add_parser(
        "serve",
        help="run the server that GIMP and the command line use",
        description="Run the server that GIMP and the command line use. They start one by themselves when"
        " they need it; this is for options of your own, such as a device, or another machine's clients.",
        epilog="Examples: serve --device cpu; serve --listen tcp://0.0.0.0:47310 (with keys)."
        " Ctrl-C or stop ends it.",
    )
    serve.set_defaults(run=_serve)
    stop = commands.add_parser(
        "stop",
        help="end the running server",
        description="End this user's server, also one that does not answer any more; running jobs are"
        " finished. GIMP and the command line start another one when they need it.",
    )
    stop.set_defaults(run=_stop)

    status = commands.add_parser(
        "status",
        help="tell what the running server does",
        description="Tell what the running server does: version, device, network, jobs, memory, and where"
        " its log lies. No server is started for it.",
        epilog="Examples: status; status --json; status --server HOST:PORT.",
    )
    status.add_argument("--json", action="store_true", help="one JSON object")
    status.add_argument("--server", metavar="HOST:PORT", help="of another machine's server")
    status.set_defaults(run=_status)

    retouch = commands.add_parser("retouch", help="retouch files and folders")
    retouch.set_defaults(run=_retouch)

    batch = commands.add_parser(
        "batch", help="retouch a whole shoot: resumes, keeps a manifest, uses every core"
    )
    batch.set_defaults(run=lambda args: _import("batch").run(args))

    keys = commands.add_parser("keys", help="the keys with which machines know each other")
    connect = commands.add_parser("connect", help="let GIMP here use the server of another machine")

    doctor = commands.add_parser("doctor", help="check the installation and say what to do")
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    doctor.add_argument(
        "--report", action="store_true", help="a text for a bug report, without names and paths"
    )
    doctor.set_defaults(run=_doctor)
    sbom = commands.add_parser("sbom", help="print what belongs to this version, as CycloneDX JSON")
    sbom.set_defaults(run=_sbom)
    return parser, {
        "serve": lambda: _import("serve").add_arguments(serve),
        "retouch": lambda: _import("retouch").add_arguments(retouch),
        "batch": lambda: _import("batch").add_arguments(batch),
        "keys": lambda: _import("keys").add_arguments(keys),
        "connect": lambda: _import("connect").add_arguments(connect),
    }


def _import(name: str) -> Any:
    return importlib.import_module(f"server.cli.{name}")


def _serve(args: argparse.Namespace) -> int:
    return int(_import("serve").run(args))


def _stop(args: argparse.Namespace) -> int:
    ended = stopping.stop(runtime.state_folder())
    print("The server has ended." if ended else "No server is running.")
    return 0


def _status(args: argparse.Namespace) -> int:
    try:
        with _session(args.server) as session:
            status = session.status()
    except Problem as problem:
        if args.json and problem.code == "no-server":
            print(json.dumps({"server": "none"}))
        raise
    print(json.dumps(status) if args.json else _describe(status))
    return 0


def _sbom(args: argparse.Namespace) -> int:
    from ..setup import sbom

    try:
        print(sbom.text())
    except OSError as error:
        sentence = f"The lists of packages are not here ({error.filename})."
        raise Problem("set-up", sentence, "Run it in a checkout, or in what install.py has set up.") from None
    return 0


def _session(server: str | None) -> Session:
    if server is None:
        return Session.open(start=False)
    from ..remote.remote_session import open_remote

    return open_remote(server)


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
    from . import retouch as retouch_command

    return retouch_command.run(args)


def _doctor(args: argparse.Namespace) -> int:
    from ..setup import doctor

    return doctor.run(json=args.json, report=args.report)
