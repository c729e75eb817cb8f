"""``studio-portrait stop``: ends this user's server."""

from __future__ import annotations

import argparse

from plugin.studio_portrait.link import runtime, stopping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what ``stop`` does; it has no options."""
    parser.description = (
        "End this user's server, also one that does not answer any more; running jobs are"
        " finished. GIMP and the command line start another one when they need it."
    )


def run(args: argparse.Namespace) -> int:
    """Return 0, also when there was none."""
    ended = stopping.stop(runtime.state_folder())
    print("The server has ended." if ended else "No server is running.")
    return 0
