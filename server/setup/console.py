"""How set-up talks: numbered steps, and other programs' long output as one moving line.

The full output of every program goes to a log, whose end is shown when it fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem

_NEWS = (
    "Collecting",
    "Downloading",
    "Installing",
    "Building",
    "Successfully",
    "Prepared",
    "Installed",
    "Resolved",
)
_HINT = "See the log, then run install.py again: it goes on where it stopped."


class Steps:
    """Counts the steps of one run and prints a heading for each."""

    def __init__(self, total: int):
        self.total = total
        self.number = 0

    def start(self, title: str) -> None:
        self.number += 1
        say(f"[{self.number}/{self.total}] {title}")


def say(text: str = "") -> None:
    print(text, flush=True)


def detail(text: str) -> None:
    say(f"      {text}")


def run_logged(
    command: Sequence[str | Path], log: Path, failure: str, env: dict[str, str] | None = None
) -> None:
    """Runs a program, shows its news on one moving line (a line each without a terminal).

    Raises `Problem` ``set-up`` with the sentence `failure` and the output's last lines.
    """
    words = [str(word) for word in command]
    tail: deque[str] = deque(maxlen=12)
    with log.open("a", encoding="utf-8") as record:
        record.write(f"$ {' '.join(words)}\n")
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            )
        except OSError as error:
            raise Problem("set-up", f"{failure} ({error})", _HINT) from None
        assert process.stdout is not None
        with process, _Line() as line:
            for text in process.stdout:
                record.write(text)
                tail.append(text.rstrip())
                line.show(text)
    if process.returncode:
        end = "\n".join(f"      | {text}" for text in tail if text)
        raise Problem("set-up", f"{failure}\n{end}\n", f"The whole log: {log}\n{_HINT}")


class _Line:
    """One line of the terminal that is written over and over."""

    def __init__(self) -> None:
        self.moving = sys.stdout.isatty()

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        if self.moving:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()

    def show(self, text: str) -> None:
        text = text.strip()
        if not text.startswith(_NEWS):
            return
        if self.moving:
            width = os.get_terminal_size().columns - 8
            sys.stdout.write(f"\r\x1b[K      {text[:width]}")
            sys.stdout.flush()
        elif text.startswith(("Downloading", "Installing", "Prepared", "Installed")):
            detail(re.sub(r"([\w.]+-[\w.]+)-\S+\.whl", r"\1", text)[:90])
