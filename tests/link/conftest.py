from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from plugin.studio_portrait.link import launch, runtime
from tests.server.running import COMMAND, Server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The state folder that this process's sessions use, and the server that they would start.

    A server that a failed test left running there is ended.
    """
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(launch.COMMAND_VARIABLE, " ".join(COMMAND))
    folder = runtime.state_folder()
    yield folder
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.environ().get(runtime.HOME_VARIABLE) == str(folder):
                child.terminate()


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with Server(home) as server:
        server.wait_ready()
        yield server
