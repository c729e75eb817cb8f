"""The tools around the network need packages that the server does not: without them, a sentence."""

from __future__ import annotations

import importlib
import sys
from typing import Final

OWN: Final = {"model", "server", "plugin"}


def run(module: str) -> int:
    """``main()`` of a module; returns its exit status, or 2 if a package that it needs is not installed."""
    try:
        command = importlib.import_module(module)
        status: int = command.main()
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if not name or name in OWN:
            raise
        tool = module.removesuffix(".command")
        print(f"python -m {tool} needs {name}, which is not installed.", file=sys.stderr)
        print("Install what the tools need: python3 install.py --train", file=sys.stderr)
        return 2
    return status
