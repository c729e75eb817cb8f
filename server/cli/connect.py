"""``studio-portrait connect``: runs the relay to another machine's server until Ctrl-C or ``stop``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys

from plugin.studio_portrait.link import hints, runtime
from plugin.studio_portrait.link.wire import Problem

from ..remote import address, reach
from ..remote.relay import Relay
from ..service import logs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``connect``."""
    parser.description = (
        "GIMP and the command line here then use that machine's server as if it were this one's."
        " Both machines must know each other's key (see: keys)."
    )
    parser.add_argument(
        "server", metavar="HOST[:PORT]", help=f"the port is {address.DEFAULT_PORT} if not named"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    folder = runtime.state_folder()
    lock = runtime.Lock(folder)
    if not lock.acquire():
        raise Problem("no-server", "A server already runs here.", hints.fill("End it first: {stop}"))
    os.umask(0o077)
    try:
        reach.there(args.server, folder).close()  # a mistake is told now, not in GIMP
        logs.set_up(runtime.log_path(folder))
        runtime.Runtime.remove(folder)  # a killed server's
        relay = Relay(args.server, folder, lock)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stop())
        logging.getLogger("relay").info("connected with %s", args.server)
        if sys.stderr.isatty():
            print(f"GIMP here now uses the server at {args.server}. Ctrl-C ends that.", file=sys.stderr)
        relay.run()
    finally:
        lock.release()
    return 0
