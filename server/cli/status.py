"""``studio-portrait status``: what the running server does."""

from __future__ import annotations

import argparse
import json
from typing import Any

from plugin.studio_portrait.link.conversation import reading_answer
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

from .terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``status``."""
    parser.description = (
        "Tell what the running server does: version, device, network, jobs, memory, and where"
        " its log lies. No server is started for it."
    )
    parser.epilog = "Examples: status; status --json; status --server HOST:PORT."
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--server", metavar="HOST[:PORT]", help="of another machine's server (see: keys)")


def run(args: argparse.Namespace) -> int:
    """Print it. Raises `Problem` when there is no server."""
    try:
        with _session(args.server) as session:
            status = session.status()
    except Problem as problem:
        if args.json and problem.code == "no-server":
            print(json.dumps({"server": "none"}))
        raise
    with reading_answer():
        told = json.dumps(status) if args.json else describe(status)
    print(told)
    return 0


def _session(server: str | None) -> Session:
    if server is None:
        return Session.open(start=False)
    from ..remote.remote_session import open_remote

    return open_remote(server)


def describe(status: dict[str, Any]) -> str:
    """Return it for a person to read; another machine's server may say anything. Raises as `dict` does."""
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
        + ", ".join(f"{count} {what}" for what, count in dict(jobs).items()),
        "memory": f"front {memory['front'] >> 20} MB, worker {memory['worker'] >> 20} MB",
        "log": status["log"],
    }
    return "\n".join(printable(f"{name:10} {text}") for name, text in lines.items())
