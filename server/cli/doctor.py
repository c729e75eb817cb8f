"""``studio-portrait doctor``: checks the installation; the checks are in `server.setup`."""

from __future__ import annotations

import argparse

from ..setup import doctor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``doctor``."""
    add = parser.add_mutually_exclusive_group().add_argument
    add("--json", action="store_true", help="one JSON object")
    add("--report", action="store_true", help="a text for a bug report, without names and paths")


def run(args: argparse.Namespace) -> int:
    """Return 0 if all is well, 1 otherwise."""
    return doctor.run(json=args.json, report=args.report)
