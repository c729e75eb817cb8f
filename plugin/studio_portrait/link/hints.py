"""What a person types to reach the server by hand.

The command ``studio-portrait`` is on nobody's PATH: it lies in the environment that
install.py made. A hint must therefore give its whole path, wherever the hint is shown:
in GIMP, on the command line, or by the server itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "studio-portrait"
NOTE = "installed.json"  # beside the plug-in's entry script, written by install.py
CHECK = "python3 install.py --doctor"  # where the command is not known

WORDS = re.compile(r"\{([a-z -]+)\}")

_HERE = Path(__file__).resolve()


def typed(words: str) -> str:
    """``studio-portrait`` with these words, as it must be typed here; `CHECK` when it is nowhere."""
    command = _command()
    if not command:
        return CHECK
    whole = [*command, *words.split()]
    return shlex.join(whole) if os.name == "posix" else subprocess.list2cmdline(whole)


def fill(hint: str) -> str:
    """Return the hint with each ``{words}`` replaced by what must be typed for ``studio-portrait words``."""
    return WORDS.sub(lambda found: typed(found[1]), hint)


def noted_command(note: Path) -> list[str] | None:
    """Return the command in an ``installed.json``; None when it is damaged or missing."""
    try:
        command = json.loads(note.read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sound = isinstance(command, list) and command and all(isinstance(part, str) for part in command)
    return command if sound else None


def _command() -> Sequence[str] | None:
    """In GIMP as install.py noted it, elsewhere that of our own environment or of the checkout's."""
    if noted := noted_command(_HERE.parents[1] / NOTE):
        return noted
    checkout = (_HERE.parent / "../../..").resolve()
    scripts = Path(".venv", "Scripts" if os.name == "nt" else "bin")
    for folder in (Path(sys.executable or "").parent, checkout / scripts):
        for name in (NAME, f"{NAME}.exe"):
            if (folder / name).is_file():
                return [str(folder / name)]
    return None
