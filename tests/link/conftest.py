from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.studio_portrait.link import launch, runtime
from tests.server.running import COMMAND, Server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder that this process's sessions use, and the server that they would start."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(launch.COMMAND_VARIABLE, " ".join(COMMAND))
    return runtime.state_folder()


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with Server(home) as server:
        server.wait_ready()
        yield server
