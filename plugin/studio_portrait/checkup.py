"""What "Studio Portrait: check set-up" tells: versions, the server's state, the doctor's findings.

Works with no image open and with everything broken: each part that fails says so in its
own sentence, and the others still come.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp
from link import launch
from link.session import Session
from link.version import VERSION
from link.wire import Problem
from translation import _, problem_text

WELL = "All is well."  # the doctor's last line, which must not stand below a server that does not run
DOCTOR_SECONDS = 60
LOAD_SECONDS = 30


def report(progress: Callable[[str, float], None]) -> tuple[str, bool]:
    """Return the whole account, for a dialog or a log, and whether all is well."""
    head = f"Studio Portrait {VERSION}, GIMP {Gimp.version()}, Python {platform.python_version()}"
    server, runs = _server(progress)
    found = _doctor()
    lines = found.splitlines()
    well = runs and lines[-1:] == [WELL]
    if lines[-1:] == [WELL]:
        found = "\n".join(lines[:-1])
    verdict = _("All is well.") if well else _("Something needs your attention: see above.")
    return "\n\n".join([head, server, found, verdict]), well


def _server(progress: Callable[[str, float], None]) -> tuple[str, bool]:
    try:
        with Session.open(progress=progress) as session:
            status = _loaded_status(session, progress)
    except Problem as problem:
        return f"Server: {problem_text(problem)}", False
    lines = [f"Server: running, the network is {status['worker']['state']}"]
    for name in ("endpoint", "device", "engine", "network", "weights", "jobs_done"):
        if status.get(name) not in (None, ""):
            lines.append(f"  {name.replace('_', ' ')}: {status[name]}")
    return "\n".join(lines), status["worker"]["state"] in ("ready", "asleep")


def _loaded_status(session: Session, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Return the server's status, once its network is loaded or the wait becomes too long."""
    begin = time.monotonic()
    while True:
        status = session.status()
        waited = time.monotonic() - begin
        if status["worker"]["state"] != "loading" or waited > LOAD_SECONDS:
            return status
        progress("load", waited / LOAD_SECONDS)
        time.sleep(0.2)


def _doctor() -> str:
    """Return what ``studio-portrait doctor`` prints, run by the server's own Python."""
    try:
        command, folder = launch.server_command()
    except Problem as problem:
        return f"Check: {problem_text(problem)}"
    command = launch.on_host([*command, "doctor"])
    clean = launch.clean_environment(os.environ)
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    try:
        found = subprocess.check_output(command, cwd=folder, env=clean, timeout=DOCTOR_SECONDS, **streams)
    except subprocess.CalledProcessError as ended:
        found = ended.output  # it has something to say
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"Check: {command[0]} could not be run ({fault}). Run install.py again."
    return f"Check:\n{found.decode('utf-8', 'replace').strip()}"
