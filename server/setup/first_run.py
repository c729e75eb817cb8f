"""The main job, done once at the end of set-up, so that the user sees that it works.

Runs the environment's own ``studio-portrait retouch`` on the sample selfie, which starts the
server, and leaves before and after side by side in ``out/``.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from .console import detail, run_logged
from .environment import Environment

SAMPLE = Path("server", "setup", "sample", "selfie.jpg")
PICTURE = Path("out", "first-portrait.png")


def ensure(environment: Environment, fingerprint: str) -> Path:
    """Return the before/after PNG; it is made unless this version has made it with these weights."""
    made_with, picture = f"{VERSION} {fingerprint}", environment.checkout / PICTURE
    if not picture.exists() or environment.notes().get("first_run") != made_with:
        detail("starting the server and retouching the sample selfie")
        _run(environment, picture)
        environment.remember(first_run=made_with)
    return picture


def _run(environment: Environment, picture: Path) -> None:
    """Retouches the sample. Raises `Problem`."""
    sample = environment.checkout / SAMPLE
    picture.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        after = Path(folder, "after.png")
        command = [str(environment.command), "retouch", str(sample), "-o", str(after), "--json"]
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        result = subprocess.run(command, text=True, check=False, **pipes)  # stderr carries the progress bar
        if result.returncode:
            raise _problem(result.stdout)
        join = ("-m", "server.files.side_by_side", sample, after, picture)
        run_logged(
            [environment.python, *join], environment.log, "The before/after picture could not be written."
        )


def _problem(output: str) -> Problem:
    try:
        error = json.loads(output.splitlines()[-1])["error"]
        return Problem(str(error["code"]), str(error["message"]), str(error["hint"]))
    except (IndexError, ValueError, KeyError, TypeError):
        hint = "Run install.py --doctor to see why."
        return Problem("set-up", "The sample picture could not be retouched.", hint)
