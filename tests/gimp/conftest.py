from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.studio_portrait.link.session import Session
from tests.gimp import screen
from tests.gimp.harness import ABSENT, Gimp, GimpFailed
from tests.sample import SELFIE

from .server import CHECKOUT, Server


@pytest.fixture(scope="session")
def installed(gimp: Gimp) -> Gimp:
    """GIMP with the plug-in in its profile, put there by ``install.py --gimp-dir``.

    With a home of its own, so that no profile of the user's is touched. Where the checkout has no ``.venv``
    yet, that takes as long as its packages do.
    """
    home = gimp.work / "installer"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "STUDIO_PORTRAIT_HOME": str(home / "state")}
    command = [sys.executable, str(CHECKOUT / "install.py"), "--gimp-dir", str(gimp.profile)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)
    stop = [sys.executable, "-m", "server", "stop"]
    subprocess.run(stop, cwd=CHECKOUT, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (gimp.profile / "plug-ins" / "studio_portrait" / "studio_portrait.py").exists()
    return gimp


@pytest.fixture(scope="session")
def seeing(installed: Gimp) -> Gimp:
    """The same, seeing this checkout and its Python, so that the plug-in can start a server there itself."""
    try:
        return installed.with_checkout()
    except GimpFailed as reason:
        pytest.skip(f"{ABSENT} that sees this checkout: {reason}")


@pytest.fixture(scope="session")
def windowed(installed: Gimp) -> Gimp:
    """The same, for its window: where a screen can be had, without dialogs of its own at the start."""
    if absent := screen.missing():
        pytest.skip(f"{ABSENT} with a window: {', '.join(absent)} missing")
    try:
        shown = installed.with_checkout()  # 3.2's window also needs /proc and /dev
    except GimpFailed:
        shown = installed
    shown.quiet()
    return shown


@pytest.fixture(scope="session")
def server(installed: Gimp) -> Iterator[Server]:
    """The real server, with its state where GIMP finds it, warm."""
    installed.environment["STUDIO_PORTRAIT_HOME"] = installed.inside(installed.work / "home")
    with Server(installed.work / "home") as started:
        started.wait_ready()
        yield started


@pytest.fixture
def session(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A connection of our own to that server."""
    monkeypatch.setenv("STUDIO_PORTRAIT_HOME", str(server.home))
    with Session.open(start=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def selfie() -> Path:
    """The CC0 selfie that comes with the installer."""
    return SELFIE
