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
from typing import Any

from plugin.studio_portrait.link.wire import Problem

_NEWS = ("Collecting", "Resolved", "Downloading", "Prepared", "Building", "Successfully", "Install")
_TICK, _SIGN_OF_LIFE = 1.0, 30.0  # seconds
_HINT = "See the log, then run install.py again: it goes on where it stopped."


_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "replace"}  # of a program's output


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


def quiet(
    command: Sequence[str | Path],
    given: str = "",
    env: dict[str, str] | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a short program and show nothing; one that cannot be started, or goes on too long, has failed."""
    words = [str(word) for word in command]
    options = {**_TEXT, "env": {**os.environ, **(env or {})}, "timeout": seconds, "capture_output": True}
    try:
        return subprocess.run(words, input=given, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 127, "", str(error))


def last_line(text: str) -> str:
    """Return what a program said last, which is most often why it failed."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"


def run_logged(
    command: Sequence[str | Path], log: Path, failure: str, env: dict[str, str] | None = None
) -> None:
    """Run a program and show its news on one moving line (a line each without a terminal).

    Raises `Problem` ``set-up`` with the sentence `failure` and the output's last lines.
    """
    words = [str(word) for word in command]
    tail: deque[str] = deque(maxlen=12)
    own = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **_TEXT}
    with log.open("a", encoding="utf-8") as record:
        record.write(f"$ {' '.join(words)}\n")
        try:
            process = subprocess.Popen(words, env=own, stdout=subprocess.PIPE, **pipes)
        except OSError as error:
            raise Problem("set-up", f"{failure} ({error})", _HINT) from None
        with process, _Line() as line:
            for text in process.stdout or ():
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
