from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .running import Client, Server


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module that leave it alive."""
    with Server(tmp_path_factory.mktemp("home")) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    with Server(tmp_path / "home") as server:
        server.wait_ready()
        yield server


@pytest.fixture
def client(shared_server: Server) -> Iterator[Client]:
    with Client(shared_server) as client:
        yield client
