"""``studio-portrait sbom``: the software bill of materials, which `server.setup` makes."""

from __future__ import annotations

import argparse

from plugin.studio_portrait.link.wire import Problem

from ..setup import sbom


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Do nothing: ``sbom`` has no options."""


def run(args: argparse.Namespace) -> int:
    """Print it. Raises `Problem` where the lists of packages are not."""
    try:
        print(sbom.text())
    except OSError as error:
        sentence = f"The lists of packages are not here ({error.filename})."
        raise Problem("set-up", sentence, "Run it in a checkout, or in what install.py has set up.") from None
    return 0
