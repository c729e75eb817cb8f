"""Starts the server from inside GIMP or from the command line, and sees it listen.

The child must outlive the program that started it and must not see that program's
environment: GIMP sets PYTHONHOME, LD_LIBRARY_PATH and more for its own Python, and
the server's Python would load the wrong libraries with them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import hints, runtime
from .wire import Problem

COMMAND_VARIABLE = "STUDIO_PORTRAIT_SERVER"
START_SECONDS = 30.0
STILL_SECONDS = 5.0  # after which a server that starts, late and without using the processor, hangs
FROZEN_SECONDS = 10.0  # for a server that is there already, which need not load anything to answer
FLATPAK_INFO = Path("/.flatpak-info")

# Prefixes of the variables that GIMP, its packages and virtual environments set for themselves: for Python,
# for the system's loader, for GTK and GIMP's own libraries, for an AppImage.
FOREIGN = (
    *("PYTHON", "VIRTUAL_ENV", "CONDA_", "__PYVENV_LAUNCHER__"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "MKL_"),
    *("GI_TYPELIB_PATH", "GDK_", "GTK_", "GIO_", "GSETTINGS_", "GEGL_", "BABL_", "GIMP", "GST_"),
    *("FONTCONFIG_", "XDG_DATA_DIRS", "APPDIR", "APPIMAGE"),
)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what belongs to the calling program's own Python and libraries."""
    return {name: value for name, value in environment.items() if not name.startswith(FOREIGN)}


def server_command() -> tuple[list[str], Path | None]:
    """Return the command that becomes the server when ``serve`` is added, and its working folder.

    In this order: the variable STUDIO_PORTRAIT_SERVER; ``installed.json`` beside the plug-in, written by
    install.py; the package beside which this one lies. Raises `Problem`.
    """
    if chosen := os.environ.get(COMMAND_VARIABLE):
        return _split(chosen), None
    if (note := Path(__file__).resolve().parents[1] / hints.NOTE).is_file():
        return _installed_command(note), None
    root = (Path(__file__).parent / "../../..").resolve()
    if (root / "server" / "__main__.py").is_file():
        return [sys.executable, "-m", "server"], root
    raise Problem(
        "no-server",
        "The plug-in does not know where its server is installed.",
        f"Run install.py again, or set {COMMAND_VARIABLE} to the path of studio-portrait.",
    )


def _split(text: str) -> list[str]:
    try:
        command = shlex.split(text, posix=os.name == "posix")
    except ValueError:
        command = []
    if not command:
        raise Problem("no-server", f"{COMMAND_VARIABLE} is not a command.", "Correct or unset the variable.")
    return command


def _installed_command(note: Path) -> list[str]:
    command = hints.noted_command(note)
    if command is None:
        raise Problem("no-server", f"The file {note} is damaged.", "Run install.py again.")
    return command


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start ``serve`` detached, its output appended to the log. Raises `Problem`."""
    command, cwd = server_command()
    command = on_host([*command, "serve", "--background"], f"--env={runtime.HOME_VARIABLE}={folder}")
    with runtime.open_log(folder) as log:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        environment = clean_environment(os.environ)
        if environment.get(runtime.HOME_VARIABLE):  # perhaps as it is called from where we are
            environment[runtime.HOME_VARIABLE] = str(folder)
        try:
            return subprocess.Popen(command, cwd=cwd or folder, env=environment, **streams, **_detached())
        except OSError as error:
            raise Problem(
                "no-server",
                f"The server could not be started: {command[0]}: {error.strerror or error}.",
                _by_hand() or "Run install.py again: it repairs the installation.",
            ) from error


def on_host(command: list[str], *options: str) -> list[str]:
    """Return what runs a command outside of a flatpak's sandbox; as it is where there is none."""
    return ["flatpak-spawn", "--host", *options, *command] if FLATPAK_INFO.exists() else command


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"creationflags": flags}
    return {"start_new_session": True}


def _by_hand() -> str:
    """Return what to do where the sandbox lets nothing be started outside of it."""
    if FLATPAK_INFO.exists():
        return hints.fill("Open a terminal and run: {serve}")
    return ""


def wait_until(
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    folder: Path,
    progress: Callable[[float], None],
) -> None:
    """Wait until `ready()`; `progress` gets the waited share of the longest wait, 0..1.

    A process that ends with status 0 found another server that was quicker; the
    wait goes on for that one. Any other end is told at once. One that takes longer because the machine is
    busy is waited for as long as it works (Linux). Raises `Problem`.
    """
    begin = time.monotonic()
    work = _Work(process.pid)
    while not ready():
        waited = time.monotonic() - begin
        if (problem := _why_not(process.poll(), waited, work.goes_on(), folder)) is not None:
            raise problem
        progress(min(1.0, waited / START_SECONDS))
        time.sleep(0.04)


def _why_not(status: int | None, waited: float, works: bool, folder: Path) -> Problem | None:
    """Return why a server will not come any more, after so many seconds; None while it still may."""
    if status or (status == 0 and not runtime.server_lives(folder) and waited > 2.0):
        return _failed(f"The server ended at once (status {status})", folder)
    if status == 0 and waited > FROZEN_SECONDS:
        return _frozen(folder)
    if not works and waited > START_SECONDS:
        return _failed(f"The server did not answer within {waited:.0f} seconds", folder)
    return None


class _Work:
    """What a process uses of the processor, where the system tells it (Linux)."""

    def __init__(self, pid: int):
        self._stat = Path(f"/proc/{pid}/stat")
        self._used, self._since = 0.0, time.monotonic()

    def goes_on(self) -> bool:
        """Whether it has used some of it lately, and not more than a start can need."""
        used, now = self._seconds(), time.monotonic()
        if used > self._used:
            self._used, self._since = used, now
        return now - self._since < STILL_SECONDS and used < START_SECONDS

    def _seconds(self) -> float:
        try:
            fields = self._stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return 0.0


def _frozen(folder: Path) -> Problem:
    """Another server holds the lock, so that ours ended at once, and says nothing."""
    pid = runtime.server_pid(folder)
    return Problem(
        "no-server",
        f"The server (process {pid}) runs, but does not answer."
        if pid
        else "A server runs, but does not answer.",
        hints.fill("End it, then try again: {stop}"),
    )


def _failed(sentence: str, folder: Path) -> Problem:
    log = runtime.log_path(folder)
    line = runtime.last_line(log)
    return Problem(
        "no-server",
        f"{sentence}{': ' + line if line else '.'}",
        f"{_by_hand() or hints.fill('Run {doctor}')}; details are in {log}.",
    )
