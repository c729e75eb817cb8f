"""``studio-portrait keys``: makes this machine's key pair and says whose keys are known here."""

from __future__ import annotations

import argparse
import json

from plugin.studio_portrait.link import hints, runtime

from ..remote.keys import CLIENTS, SERVERS, KeyRing, shown, typed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that follow ``keys``."""
    parser.description = "A picture leaves this machine only between two machines that know each other's key."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    new = actions.add_parser("new", help="make this machine's key pair")
    new.add_argument("--replace", action="store_true", help="even if there is one, which then ends")
    new.set_defaults(run=_new)

    allow = actions.add_parser("allow", help="let the machine with this key use the server here")
    allow.add_argument("--server", action="store_true", help="the key is that of a server for us to use")
    allow.add_argument("name", metavar="NAME", help="what to call it; a server's name is its HOST")
    allow.add_argument("key", metavar="KEY", help="64 hexadecimal digits")
    allow.set_defaults(run=_allow)

    show = actions.add_parser("list", help="this machine's key, and those that it knows")
    show.add_argument("--json", action="store_true", help="one JSON object")
    show.set_defaults(run=_list)

    revoke = actions.add_parser("revoke", help="forget a key; counts at once, also for a running server")
    revoke.add_argument("--server", action="store_true", help="the key of a server that we used")
    revoke.add_argument("name", metavar="NAME")
    revoke.set_defaults(run=_revoke)


def _ring() -> KeyRing:
    return KeyRing(runtime.state_folder())


def _whom(args: argparse.Namespace) -> str:
    return SERVERS if args.server else CLIENTS


def _new(args: argparse.Namespace) -> int:
    key = shown(_ring().new(args.replace))
    print(f"This machine's key: {key}")
    print(f"To use a server elsewhere, run there: studio-portrait keys allow NAME {key}")
    print(f"To be used as a server, run elsewhere: studio-portrait keys allow --server HOST {key}")
    return 0


def _allow(args: argparse.Namespace) -> int:
    _ring().allow(_whom(args), args.name, typed(args.key))
    print(
        f"The server {args.name} may get pictures."
        if args.server
        else f"{args.name} may use the server here."
    )
    return 0


def _list(args: argparse.Namespace) -> int:
    ring = _ring()
    own = shown(ring.own().public) if ring.exists() else ""
    known = {
        whom: {name: shown(key) for name, key in ring.known(whom).items()} for whom in (CLIENTS, SERVERS)
    }
    if args.json:
        print(json.dumps({"own": own, **known}))
        return 0
    print(f"This machine: {own or hints.fill('no key; make one: {keys new}')}")
    for whom, title in ((CLIENTS, "May use the server here"), (SERVERS, "Servers to use from here")):
        print(f"{title}:{'' if known[whom] else ' none'}")
        for name, key in known[whom].items():
            print(f"  {name}  {key}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    _ring().revoke(_whom(args), args.name)
    print(f"The key of {args.name} is forgotten.")
    return 0
