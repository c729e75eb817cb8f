from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.studio_portrait.link.session import Session
from server.setup import plugin_folder, profiles
from server.setup.environment import Environment
from tests.gimp.harness import Gimp

from .server import Server


@pytest.fixture(scope="session")
def installed(gimp: Gimp) -> Gimp:
    """GIMP with the plug-in in its profile, put there by install.py's own code for ``--gimp-dir``."""
    plugin_folder.install(profiles.given(gimp.profile), Environment().command, ["deepflash"])
    return gimp


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
    return Path(plugin_folder.__file__).parent / "sample" / "selfie.jpg"
