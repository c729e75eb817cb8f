"""What is printed: names and messages come from files and servers that nobody here has made."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Control characters (ESC begins a terminal's commands), what turns the direction of writing, and the half
# characters that stand for a name's bytes which are no text.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Write characters that command a terminal, line ends among them, as escapes like ``\\x1b``."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def is_terminal() -> bool:
    """Whether standard error is one; it may have been closed from the beginning (``2>&-``)."""
    return sys.stderr is not None and sys.stderr.isatty()


def tell(*lines: str) -> None:
    """Print on standard error."""
    for line in lines:
        say(line, sys.stderr)


def say(line: str, stream: TextIO | None) -> None:
    """Print; a reader that has gone away (``| head``) does not keep the other pictures from being done."""
    if stream is None:  # closed from the beginning (``>&-``)
        return
    try:
        print(printable(line), file=stream, flush=True)
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            tell(f"studio-portrait: the report cannot be written ({error.strerror}).")


@contextmanager
def progress_bars(*columns: Any, transient: bool = False) -> Iterator[Any]:
    """Yield rich's bars on standard error; standard output is not redirected: it belongs to --json."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=transient, redirect_stdout=False) as bars:
        yield bars
