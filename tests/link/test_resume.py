"""A network that cuts connections wherever it likes: the picture arrives all the same."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import selectors
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem, Settings
from tests.server.running import Client, Server

from .test_session import Picture


class Cutter:
    """A relay to the server's TCP port. Each connection ends after as many bytes as `budgets` says next."""

    def __init__(self, target: str):
        self.budgets: list[int] = []
        self.cuts = 0
        host, port = target.removeprefix("tcp://").split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                budget = self.budgets.pop(0) if self.budgets else None
                threading.Thread(target=self._carry, args=(near, budget), daemon=True).start()

    def _carry(self, near: socket.socket, budget: int | None) -> None:
        far = socket.create_connection(self._target)
        both = selectors.DefaultSelector()
        both.register(near, selectors.EVENT_READ, far)
        both.register(far, selectors.EVENT_READ, near)
        with contextlib.suppress(OSError), near, far:
            while budget is None or budget > 0:
                for key, _ in both.select():
                    data = key.fileobj.recv(65536 if budget is None else min(65536, max(budget, 1)))  # type: ignore[union-attr]
                    if not data:
                        return
                    budget = None if budget is None else budget - len(data)
                    key.data.sendall(data)
            self.cuts += 1

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("home")) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def cutter(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cutter]:
    """The sessions of this process meet the server through it only."""
    cutter = Cutter(server.runtime.endpoints[1])
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    dataclasses.replace(server.runtime, endpoints=(cutter.endpoint,)).write(tmp_path)
    yield cutter
    cutter.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_picture_survives_cuts_at_any_byte(server: Server, cutter: Cutter, seed: int) -> None:
    rng = random.Random(seed)
    picture = Picture(1500, 3000)  # 13.5 MB up in four strips, a quarter of it down
    written: list[tuple[str, int]] = []
    with Client(server) as watch:
        before = watch.status()["jobs"]["done"]
        cutter.budgets = [rng.randrange(2000, 14_000_000), *(rng.randrange(1, 14_000_000) for _ in range(3))]
        with Session.open(start=False) as session:
            session.keep = 20.0

            def write(plane: str, row: int, rows: int, data: object, result: dict[str, object]) -> None:
                written.append((plane, row))
                picture.write(plane, row, rows, data, result)

            result = session.retouch(picture.spec, picture.read, write, settings=Settings(mask=True))
        assert watch.status()["jobs"]["done"] == before + 1  # computed once
    assert result["cmd"] == "RESULT" and np.array_equal(picture.out, picture.expected())
    assert len(written) == len(set(written))  # nothing came twice
    assert cutter.cuts >= 1 and set(picture.mask.ravel()) == {0, 200}


def test_without_leave_to_come_back_a_cut_is_told(server: Server, cutter: Cutter) -> None:
    picture = Picture(1500, 3000)
    cutter.budgets = [3_000_000]
    with Session.open(start=False) as session:
        assert session.keep == 0  # the server is on this machine: its connections do not break by themselves
        with pytest.raises(Problem) as caught:
            session.retouch(picture.spec, picture.read, picture.write)
    assert caught.value.code == "lost-server" and caught.value.hint


def test_a_network_that_does_not_come_back(
    server: Server, cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.studio_portrait.link.session.RESUME_SECONDS", 0.5)
    picture = Picture(1500, 3000)
    cutter.budgets = [3_000_000, *[0] * 1000]
    with Session.open(start=False) as session:
        session.keep = 20.0
        with pytest.raises(Problem) as caught:
            session.retouch(picture.spec, picture.read, picture.write)
    assert caught.value.code == "lost-server"
