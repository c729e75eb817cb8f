"""How set-up talks: numbered steps, and other programs' long output as one moving line.

The full output of every program goes to a log, whose end is shown when it fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
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
_TICK, _SIGN_OF_LIFE = 1.0, 30.0  # seconds
_HINT = "See the log, then run install.py again: it goes on where it stopped."


class Steps:
    """Counts the steps of one run and prints a heading for each."""

    def __init__(self, total: int):
        self.total = total
        self.number = 0

    def start(self, title: str) -> None:
        """Print the next step's number and title."""
        self.number += 1
        say(f"[{self.number}/{self.total}] {title}")


def say(text: str = "") -> None:
    """Print a line."""
    print(text, flush=True)


def detail(text: str) -> None:
    """Print a line below a step's title."""
    say(f"      {text}")


def run_logged(
    command: Sequence[str | Path], log: Path, failure: str, env: dict[str, str] | None = None
) -> None:
    """Run a program and show its news on one moving line (a line each without a terminal).

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
    """One line of the terminal that is written over and over, and says each second that it goes on."""

    def __init__(self) -> None:
        self.moving = sys.stdout.isatty()
        self._text = ""
        self._since = time.monotonic()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> _Line:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()
        if self.moving:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()

    def _tick(self) -> None:
        """Show the seconds, as a large download is silent for minutes; without a terminal now and then."""
        while not self._over.wait(_TICK if self.moving else _SIGN_OF_LIFE):
            seconds = int(time.monotonic() - self._since)
            if self.moving:
                self._draw(f"{seconds:4} s  {self._text}")
            else:
                detail(f"still at it after {seconds} s")

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 8
        sys.stdout.write(f"\r\x1b[K      {text[:width]}")
        sys.stdout.flush()

    def show(self, text: str) -> None:
        text = text.strip()
        if not text.startswith(_NEWS):
            return
        self._text = text
        if self.moving:
            self._draw(f"{int(time.monotonic() - self._since):4} s  {text}")
        elif text.startswith(("Downloading", "Installing", "Prepared", "Installed")):
            detail(re.sub(r"([\w.]+-[\w.]+)-\S+\.whl", r"\1", text)[:90])
