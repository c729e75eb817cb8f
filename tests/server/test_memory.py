"""What happens when the machine, or the container, has no more memory: the kernel ends a process."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.soak.stage import MemoryGroup

from .plain_worker import HUNGRY
from .running import Client, Server, wait_for
from .test_attacks import serves

SIZE = 450 << 20  # bytes; the pictures below have half of it
SIDE, PICTURES = 4000, 14


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    try:
        found = MemoryGroup(SIZE)
    except SystemExit as error:
        pytest.skip(f"MEMORY WAS NOT STARVED: {error}")
    yield found
    found.close()


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_the_worker_goes_and_the_server_with_its_pictures_stays(tmp_path: Path, group: MemoryGroup) -> None:
    """Although the server is the larger of the two: its pictures are all clients'."""
    with Server(tmp_path, "--limit", "memory=1G") as server, Client(server) as client:
        server.wait_ready()
        for pid in (server.process.pid, server.worker_pid()):
            group.take(pid)
        kept = [secrets.token_hex(16) for _ in range(PICTURES)]
        with Client(server) as other:
            for job in kept:
                other.submit(job, SIDE, SIDE)
                rows = bytes(SIDE * (SIDE - 1))  # but for the last, so that none is begun
                other.send("DATA", rows, job=job, plane="pixels", row=0, rows=SIDE - 1)
            wait_for(lambda: psutil.Process(server.process.pid).memory_info().rss > SIZE / 2)
            before = server.worker_pid()
            client.upload("a" * 32, fault=HUNGRY)
            assert client.refused("rejected")["message"]
            assert server.process.poll() is None and server.worker_pid() != before
            other.send("DATA", bytes(SIDE), job=kept[0], plane="pixels", row=SIDE - 1, rows=1)
            assert other.receive(timeout=60.0)["cmd"] == "RESULT"
        assert serves(server)
    assert not group.processes()
