"""The exceptions that a script raises or sees, under the names that gimpfu gave them."""

from __future__ import annotations

from typing import NoReturn


class error(RuntimeError):  # noqa: N801 - gimpfu's own name
    """A failure with a sentence for the user; also what a failing PDB call raises."""


class CancelError(RuntimeError):
    """The script ends without a result and without a message."""


def fail(message: str) -> NoReturn:
    """End the script; the user reads `message`."""
    raise error(message)
