"""A bad network on the way to the server: the picture arrives all the same, or the user is told."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem, Settings
from tests.server.running import Client, Server

from .network import Fault, Network
from .test_session import Picture

KEEP = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("home"), "--listen", "tcp://127.0.0.1:*") as server:
        server.wait_ready()
        yield server


@pytest.fixture
def network(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The sessions of this process meet the server through it only."""
    network = Network(server.runtime.endpoints[1])
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    dataclasses.replace(server.runtime, endpoints=(network.endpoint,)).write(tmp_path)
    yield network
    network.close()


def sent_through(server: Server, picture: Picture) -> None:
    """One job that may resume: right, computed once, and nothing written twice."""
    written: list[tuple[str, int]] = []

    def write(plane: str, row: int, rows: int, data: object, result: dict[str, object]) -> None:
        written.append((plane, row))
        picture.write(plane, row, rows, data, result)

    with Client(server) as watch, Session.open(start=False) as session:
        before = watch.status()["jobs"]["done"]
        session.keep = KEEP
        result = session.retouch(picture.spec, picture.read, write, settings=Settings(mask=True))
        assert watch.status()["jobs"]["done"] == before + 1
    assert result["cmd"] == "RESULT" and np.array_equal(picture.out, picture.expected())
    assert len(written) == len(set(written))
    assert set(picture.mask.ravel()) == {0, 200}


@pytest.mark.parametrize("seed", range(8))
def test_a_picture_survives_cuts_at_any_byte(server: Server, network: Network, seed: int) -> None:
    """In the middle of frames, on the way there and back."""
    dice = random.Random(seed)
    picture = Picture(1500, 3000)  # 13.5 MB up in four strips, a quarter of it down
    network.faults = [
        Fault(cut=dice.randrange(*span)) for span in [(2000, 14_000_000)] + 3 * [(1, 14_000_000)]
    ]
    sent_through(server, picture)
    assert network.cuts >= 1


@pytest.mark.parametrize("seed", range(4))
def test_cuts_within_the_greeting_and_the_headers(server: Server, network: Network, seed: int) -> None:
    """Each new connection gets a little way only, until one holds."""
    dice = random.Random(seed)
    network.faults = [Fault(cut=30_000), *(Fault(cut=dice.randrange(1, 900)) for _ in range(4))]
    sent_through(server, Picture(300, 200))
    assert network.cuts == 5


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_network_in_small_pieces(server: Server, network: Network, seed: int) -> None:
    """Delays, pieces that end anywhere, and cuts."""
    dice = random.Random(seed)
    network.faults = [
        Fault(piece=dice.randrange(50, 3000), delay=0.002, cut=dice.randrange(5_000, 150_000))
        for _ in range(3)
    ] + [Fault(piece=dice.randrange(50, 3000), delay=0.002)]
    sent_through(server, Picture(250, 200))
    assert network.cuts >= 1


def test_the_first_words_byte_by_byte(server: Server, network: Network) -> None:
    network.faults = [Fault(piece=1)]
    sent_through(server, Picture(20, 10))


@pytest.mark.parametrize("seed", range(8))
def test_bytes_that_change_places(server: Server, network: Network, seed: int) -> None:
    """TCP does not do that. Should something, the session ends, clearly, and the server serves the next."""
    dice = random.Random(seed)
    fault = Fault(piece=dice.randrange(10, 200), swap=dice.randrange(64, 1500))
    network.faults = [fault]
    picture = Picture(300, 200)
    try:
        with Session.open(start=False) as session:
            session.silence = 3.0  # a length that was changed lets both sides wait
            session.retouch(picture.spec, picture.read, picture.write)
    except Problem as problem:
        assert problem.message and problem.hint
    assert network.swaps == 1
    sent_through(server, Picture(300, 200))


def test_without_leave_to_come_back_a_cut_is_told(server: Server, network: Network) -> None:
    picture = Picture(1500, 3000)
    network.faults = [Fault(cut=3_000_000)]
    with Session.open(start=False) as session:
        assert session.keep == 0  # the server is on this machine: its connections do not break by themselves
        with pytest.raises(Problem) as caught:
            session.retouch(picture.spec, picture.read, picture.write)
    assert caught.value.code == "lost-server" and caught.value.hint


def test_a_network_that_does_not_come_back(server: Server, network: Network) -> None:
    picture = Picture(1500, 3000)
    network.faults = [Fault(cut=3_000_000), *[Fault(cut=0)] * 1000]
    with Session.open(start=False) as session:
        session.keep = 0.5
        with pytest.raises(Problem) as caught:
            session.retouch(picture.spec, picture.read, picture.write)
    assert caught.value.code == "lost-server"


def test_a_cancel_while_the_network_is_away(server: Server, network: Network) -> None:
    picture = Picture(1500, 3000)
    network.faults = [Fault(cut=3_000_000), *[Fault(cut=0)] * 1000]
    with Session.open(start=False) as session:
        session.keep = KEEP
        with pytest.raises(Problem) as caught:
            session.retouch(picture.spec, picture.read, picture.write, cancelled=lambda: network.cuts > 3)
    assert caught.value.code == "cancelled"
