"""``studio-portrait keys``: makes this machine's key pair and says whose keys are known here."""

from __future__ import annotations

import argparse
import json
from typing import Final

from plugin.studio_portrait.link import hints, runtime

from ..remote.keys import CLIENTS, SERVERS, KeyRing, shown, typed

_ACTIONS: Final = {
    "new": "make this machine's key pair",
    "allow": "let the machine with this key use the server here",
    "list": "this machine's key, and those that it knows",
    "revoke": "forget a key; counts at once, also for a running server",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that follow ``keys``."""
    parser.description = "A picture leaves this machine only between two machines that know each other's key."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    own = {name: actions.add_parser(name, help=does) for name, does in _ACTIONS.items()}
    own["new"].add_argument("--replace", action="store_true", help="even if there is one, which then ends")
    own["list"].add_argument("--json", action="store_true", help="one JSON object")
    for name in ("allow", "revoke"):
        own[name].add_argument(
            "--server", action="store_true", help="the key is that of a server for us to use"
        )
        own[name].add_argument("name", metavar="NAME", help="what to call it; a server's name is its HOST")
    own["allow"].add_argument("key", metavar="KEY", help="64 hexadecimal digits")
    for name, act in (("new", _new), ("allow", _allow), ("list", _list), ("revoke", _revoke)):
        own[name].set_defaults(act=act)


def run(args: argparse.Namespace) -> int:
    """Return 0. Raises `Problem`."""
    args.act(args)
    return 0


def _ring() -> KeyRing:
    return KeyRing(runtime.state_folder())


def _whom(args: argparse.Namespace) -> str:
    return SERVERS if args.server else CLIENTS


def _new(args: argparse.Namespace) -> None:
    key = shown(_ring().new(args.replace))
    print(f"This machine's key: {key}")
    print(f"To use a server elsewhere, run there: studio-portrait keys allow NAME {key}")
    print(f"To be used as a server, run elsewhere: studio-portrait keys allow --server HOST {key}")


def _allow(args: argparse.Namespace) -> None:
    _ring().allow(_whom(args), args.name, typed(args.key))
    print(
        f"The server {args.name} may get pictures."
        if args.server
        else f"{args.name} may use the server here."
    )


def _list(args: argparse.Namespace) -> None:
    ring = _ring()
    own = shown(ring.own().public) if ring.exists() else ""
    known = {
        whom: {name: shown(key) for name, key in ring.known(whom).items()} for whom in (CLIENTS, SERVERS)
    }
    if args.json:
        print(json.dumps({"own": own, **known}))
        return
    print(f"This machine: {own or hints.fill('no key; make one: {keys new}')}")
    for whom, title in ((CLIENTS, "May use the server here"), (SERVERS, "Servers to use from here")):
        print(f"{title}:{'' if known[whom] else ' none'}")
        for name, key in known[whom].items():
            print(f"  {name}  {key}")


def _revoke(args: argparse.Namespace) -> None:
    _ring().revoke(_whom(args), args.name)
    print(f"The key of {args.name} is forgotten.")
