"""Raw sockets that do what no client does. After each the server does a real job correctly."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from plugin.studio_portrait.link import wire, zmtp
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.zmtp import Connection
from tests.fuzz import messages as fuzz_inputs
from tests.link.test_session import Picture

from .running import Client, Server, raw, wait_for

CROWD = int(os.environ.get("STUDIO_PORTRAIT_CROWD", "2000"))  # connections; docs/reliability.md: 10,000
HEADER = b'{"v":1,"cmd":"PING"}'


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("home")) as server:
        server.wait_ready()
        yield server


@pytest.fixture(autouse=True)
def a_real_job_afterwards(victim: Server) -> Iterator[None]:
    """Whatever was done to it: the server is the same process, holds nothing, and retouches."""
    yield
    assert retouches(victim)
    assert victim.process.poll() is None
    with Client(victim) as client:
        wait_for(lambda: client.status()["memory"]["pictures"] == 0)
        assert client.status()["errors"].get("internal", 0) == 0


def retouches(server: Server) -> bool:
    """A picture goes there and comes back right."""
    endpoint, token = server.runtime.endpoints[0], server.runtime.token
    picture = Picture(301, 203)
    with Session(Connection(endpoint, timeout=30.0), token, server.home) as session:
        session.retouch(picture.spec, picture.read, picture.write)
    return np.array_equal(picture.out, picture.expected())


def connect(server: Server) -> socket.socket:
    return zmtp.connect_socket(server.runtime.endpoints[0], 30.0)


def greeted(server: Server) -> socket.socket:
    """A connection after ZeroMQ's handshake."""
    return raw(server.runtime.endpoints[0])


def hangs_up(peer: socket.socket) -> bool:
    """Whether the server closes this connection, whatever it says before."""
    with contextlib.suppress(ConnectionError):
        while peer.recv(65_536):
            pass
    return True


def memory(server: Server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


GREETED = fuzz_inputs.greeting(zmtp.READY)


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 32, 63, 64, 65, 66, 80])
def test_half_a_greeting_and_then_nothing(victim: Server, length: int) -> None:
    with connect(victim) as silent:
        silent.sendall(GREETED[:length])
        assert retouches(victim)  # while that one still holds its connection


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 4,
        bytes(64),
        b"\xff" * 64,
        zmtp.GREETING[:10] + b"\x01\x00" + zmtp.GREETING[12:],
        zmtp.GREETING[:10] + b"\x02\x00" + zmtp.GREETING[12:],
        zmtp.GREETING[:12] + b"PLAIN".ljust(20, b"\0") + zmtp.GREETING[32:],
        zmtp.GREETING[:12] + b"CURVE".ljust(20, b"\0") + zmtp.GREETING[32:],
        zmtp.GREETING + b"\x00\x05hello",
        zmtp.GREETING + b"\x04\xff" + b"x" * 255 + b"\x06" + struct.pack(">Q", 1 << 40),
    ],
)
def test_a_wrong_greeting_is_hung_up_on(victim: Server, greeting: bytes) -> None:
    with connect(victim) as peer:
        peer.sendall(greeting)
        assert hangs_up(peer)


def test_a_greeting_without_an_end(victim: Server) -> None:
    """Megabytes where 64 bytes and a READY belong."""
    before = memory(victim)
    with connect(victim) as peer, contextlib.suppress(ConnectionError):
        for _ in range(400):
            peer.sendall(b"\xff" + bytes(8) + b"\x7f" + b"\x03" * 65_526)
    assert memory(victim) - before < 8 << 20


@pytest.mark.parametrize("flags", [zmtp.LONG, zmtp.LONG | zmtp.MORE, zmtp.LONG | zmtp.COMMAND])
@pytest.mark.parametrize("size", [wire.MAX_FRAME_BYTES + 1, 2**31, 2**63, 2**64 - 1])
def test_a_frame_of_2_to_the_63(victim: Server, flags: int, size: int) -> None:
    before = memory(victim)
    with greeted(victim) as peer:
        peer.sendall(struct.pack(">BQ", flags, size))
        with contextlib.suppress(ConnectionError):
            peer.sendall(bytes(1 << 16))
        assert hangs_up(peer)
    assert memory(victim) - before < 8 << 20


def test_a_message_of_endless_frames(victim: Server) -> None:
    """It is hung up on as soon as its frames fill more memory than strangers have."""
    before = memory(victim)
    with greeted(victim) as peer, pytest.raises(ConnectionError):
        for _ in range(20_000):
            peer.sendall(zmtp.head(1 << 16, zmtp.MORE) + bytes(1 << 16))
            assert memory(victim) - before < 1 << 30
    wait_for(lambda: memory(victim) - before < 64 << 20)


@pytest.mark.skipif(os.name != "posix", reason="the limit of file descriptors is raised in POSIX's way")
def test_thousands_of_connections(victim: Server) -> None:
    """As many as this process may have at a time, the rest one after the other."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        most = min(CROWD, hard - 300)
        before = memory(victim)
        crowd: list[socket.socket] = []
        try:
            for _ in range(most):
                crowd.append(connect(victim))
            assert retouches(victim)
        finally:
            for peer in crowd:
                peer.close()
        assert len(crowd) == most
        assert memory(victim) - before < 32 << 20
        front = psutil.Process(victim.process.pid)
        wait_for(lambda: front.num_fds() < 100)
        for _ in range(CROWD - most):
            connect(victim).close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_byte_at_a_time(victim: Server) -> None:
    """A client as slow as that is served like any other, and holds nobody up."""
    with connect(victim) as slow:
        told = GREETED + fuzz_inputs.framed([HEADER])
        for at in range(len(told)):
            slow.sendall(told[at : at + 1])
            if at % 40 == 0:
                assert retouches(victim)
            time.sleep(0.001)
        answer = b""
        while b"PONG" not in answer:
            answer += slow.recv(4096)


def test_a_connection_cut_at_every_byte(victim: Server) -> None:
    """A whole job's conversation, ended after each of its bytes in turn."""
    whole = len(_conversation(victim, "f" * 32))
    assert whole > 1000
    for end in range(whole):
        with greeted(victim) as peer, contextlib.suppress(ConnectionError):
            peer.sendall(_conversation(victim, secrets.token_hex(16))[:end])
            if end % 16 == 0:  # half closed: the server may still want to answer
                peer.shutdown(socket.SHUT_WR)

    def is_over() -> bool:
        with Client(victim, hello=False) as client:
            client.send("HELLO", token=victim.runtime.token, client="test")
            if client.receive()["cmd"] != "HELLO":
                return False  # on a busy machine more of them wait to be noticed than may say HELLO
            status = client.status()
            return status["memory"]["pictures"] == 0 and status["connections"] == 1

    wait_for(is_over)


def _conversation(server: Server, job: str) -> bytes:
    told = [
        fuzz_inputs.framed([wire.encode(command, **fields), *([] if payload is None else [payload])])
        for command, fields, payload in fuzz_inputs.conversation(server.runtime.token, job)[:10]
    ]
    return b"".join(told)


def test_a_reader_that_does_not_read(victim: Server) -> None:
    """It asks ten thousand times and never listens."""
    before = memory(victim)
    hello = fuzz_inputs.framed([wire.encode("HELLO", token=victim.runtime.token)])
    with greeted(victim) as deaf:
        deaf.sendall(hello)
        deaf.setblocking(False)
        status = fuzz_inputs.framed([wire.encode("STATUS")])
        with contextlib.suppress(BlockingIOError, ConnectionError):
            for _ in range(10_000):
                deaf.sendall(status)
        assert retouches(victim)
        assert memory(victim) - before < 16 << 20


def test_bytes_at_random(victim: Server) -> None:
    dice = random.Random(5)
    for _ in range(300):
        begin = greeted if dice.random() < 0.7 else connect
        with begin(victim) as peer, contextlib.suppress(ConnectionError):
            peer.sendall(dice.randbytes(dice.choice((1, 10, 100, 5000))))


def test_the_log_tells_no_paths_pixels_or_secrets(victim: Server) -> None:
    with Client(victim) as client:
        client.send_raw(b"\xab" * 500, b"\xcd" * 5000)
        client.refused("bad-request")
    text = (Path(victim.home) / "server.log").read_text(encoding="utf-8")
    assert victim.runtime.token not in text
    assert "\\xab" not in text and "\\xcd" not in text
    assert "Traceback" not in text
