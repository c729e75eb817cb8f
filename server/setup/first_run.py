"""The main job, done once at the end of set-up, so that the user sees that it works.

Runs the environment's own ``studio-portrait retouch`` on the sample selfie, which starts the
server, and leaves before and after side by side in ``out/``.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from .console import run_logged
from .environment import Environment

SAMPLE = Path("server", "setup", "sample", "selfie.jpg")
PICTURE = Path("out", "first-portrait.png")


def is_done(environment: Environment, fingerprint: str) -> bool:
    """Whether the picture is there and was made by this version with these weights."""
    made_with = environment.notes().get("first_run")
    return (environment.checkout / PICTURE).exists() and made_with == f"{VERSION} {fingerprint}"


def run(environment: Environment, fingerprint: str) -> Path:
    """Retouches the sample and returns the before/after PNG. Raises `Problem`."""
    sample, picture = environment.checkout / SAMPLE, environment.checkout / PICTURE
    picture.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        after = Path(folder, "after.png")
        command = [str(environment.command), "retouch", str(sample), "-o", str(after), "--json"]
        # stderr is the user's: it carries the progress bar.
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
        )
        if result.returncode:
            raise _problem(result.stdout)
        join = ["-m", "server.files.side_by_side", str(sample), str(after), str(picture)]
        run_logged(
            [environment.python, *join], environment.log, "The before/after picture could not be written."
        )
    environment.remember(first_run=f"{VERSION} {fingerprint}")
    return picture


def _problem(output: str) -> Problem:
    try:
        error = json.loads(output.splitlines()[-1])["error"]
        return Problem(str(error["code"]), str(error["message"]), str(error["hint"]))
    except (IndexError, ValueError, KeyError, TypeError):
        hint = "Run install.py --doctor to see why."
        return Problem("set-up", "The sample picture could not be retouched.", hint)
