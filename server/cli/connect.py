"""``studio-portrait connect``: runs the relay to another machine's server until Ctrl-C or ``stop``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from plugin.studio_portrait.link import hints, runtime
from plugin.studio_portrait.link.retiring import retire
from plugin.studio_portrait.link.wire import Problem

from ..remote import address, remote_session
from ..remote.relay import Relay
from ..service import logs, resources
from .terminal import is_terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``connect``."""
    parser.description = (
        "GIMP and the command line here then use that machine's server as if it were this one's."
        " Both machines must know each other's key (see: keys). A server that runs here and has nothing to do"
        " makes room."
    )
    parser.add_argument(
        "server", metavar="HOST[:PORT]", help=f"the port is {address.DEFAULT_PORT} if not named"
    )


def run(args: argparse.Namespace) -> int:
    """Carry messages until told to end. Raises `Problem`."""
    folder = runtime.state_folder()
    os.umask(0o077)
    resources.raise_handle_limit()
    # A mistake is told now, not in GIMP, and ends no server here.
    remote_session.connect(args.server, folder).close()
    lock = _taken(folder)
    try:
        logs.set_up(runtime.log_path(folder))
        runtime.Runtime.remove(folder)  # a killed server's
        relay = Relay(args.server, folder, lock)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stop())
        logging.getLogger("relay").info("connected with %s", args.server)
        if is_terminal():
            print(f"GIMP here now uses the server at {args.server}. Ctrl-C ends that.", file=sys.stderr)
        relay.run()
    finally:
        lock.release()
    return 0


def _taken(folder: Path) -> runtime.Lock:
    """Return the folder's lock. A server that was started by itself makes room, unless it is at work."""
    lock = runtime.Lock(folder)
    if not lock.acquire() and not (retire(folder) and lock.acquire()):
        hint = "Wait until it is done (see: {status}) or end it ({stop}), then connect again."
        raise Problem("busy", "The server that runs here has a picture at work.", hints.fill(hint))
    return lock
