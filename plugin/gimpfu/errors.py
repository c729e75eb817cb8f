"""The exceptions that a script raises or sees, under the names that gimpfu gave them."""

from __future__ import annotations

import sys
from typing import NoReturn


class error(RuntimeError):  # noqa: N801 - gimpfu's own name
    """A failure with a sentence for the user; also what a failing PDB call raises."""


class CancelError(RuntimeError):
    """The script ends without a result and without a message."""


def fail(message: str) -> NoReturn:
    """End the script; the user reads `message`."""
    raise error(message)


NO_SCREEN = "This script shows a window of its own, and there is no screen."


def missing_module(fault: ModuleNotFoundError) -> str:
    """Return the sentence for an import that failed."""
    return f"It needs the Python module {fault.name}, which is not installed for GIMP's Python."


_said: set[str] = set()


def say_once(sentence: str) -> None:
    """Tell on standard error, once, what a script will not notice."""
    if sentence not in _said:
        _said.add(sentence)
        print(f"gimpfu: {sentence}", file=sys.stderr)
