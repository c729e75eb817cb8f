"""Our DEALER against real libzmq, and against what is not libzmq."""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link import zmtp
from plugin.studio_portrait.link.zmtp import Closed, Connection, Garbled, TransportError, Unreachable
from tests.server.running import PATIENCE

SIZES = [0, 1, 255, 256, 65_535, 65_536, 5_000_000]


class Router:
    """A libzmq ROUTER that sends every message back to where it came from."""

    def __init__(self, folder: Path, **options: int):
        self.context = zmq.Context[zmq.Socket[bytes]]()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0  # before it is bound: see `Listener`
        for name, value in options.items():
            setattr(self.socket, name, value)
        self.socket.bind(f"ipc://{folder}/router.sock")
        self.ipc = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.socket.bind("tcp://127.0.0.1:*")
        self.tcp = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.running = True
        self.thread = threading.Thread(target=self._echo)
        self.thread.start()

    def _echo(self) -> None:
        while self.running:
            if self.socket.poll(20):
                self.socket.send_multipart(self.socket.recv_multipart())

    def close(self) -> None:
        self.running = False
        self.thread.join()
        self.context.destroy(linger=0)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    router = Router(tmp_path_factory.mktemp("router"))
    yield router
    router.close()


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """`serve` gets the first connection to the endpoint that is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(PATIENCE)


def listen_to_its_end(peer: socket.socket) -> None:
    """Who hangs up with something unread takes back what it has sent."""
    with contextlib.suppress(OSError):
        while peer.recv(1000):
            pass


@contextmanager
def dribbling(target: str, most: int, limit: int | None = None, pause: float = 0.0) -> Iterator[str]:
    """A relay that passes on at most `most` bytes at a time, and after `limit` bytes back hangs up."""

    def serve(near: socket.socket) -> None:
        host, port = target.removeprefix("tcp://").split(":")
        dice = random.Random(1)
        with socket.create_connection((host, int(port))) as far:
            threading.Thread(target=pump, args=(near, far), daemon=True).start()
            passed = 0
            while data := far.recv(dice.randint(1, most)):
                near.sendall(data)
                passed += len(data)
                time.sleep(pause)
                if limit is not None and passed >= limit:
                    near.shutdown(socket.SHUT_RDWR)
                    return

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    with listener(serve) as endpoint:
        yield endpoint


def echoed(connection: Connection, frames: list[bytes], timeout: float = 10.0) -> bool:
    connection.send(frames)
    answer = connection.receive(timeout)
    return answer is not None and [bytes(frame) for frame in answer] == frames


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
@pytest.mark.parametrize("size", SIZES)
def test_frames_of_all_sizes(router: Router, transport: str, size: int) -> None:
    connection = Connection(getattr(router, transport))
    data = secrets.token_bytes(size)
    assert echoed(connection, [data])
    assert echoed(connection, [b"header", data])
    assert echoed(connection, [b"", data, b"", b"x"])
    connection.close()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=600), min_size=1, max_size=zmtp.MAX_FRAMES))
def test_any_message_comes_back(router: Router, frames: list[bytes]) -> None:
    connection = Connection(router.tcp)
    assert echoed(connection, frames)
    connection.close()


def test_many_messages_keep_their_order(router: Router) -> None:
    connection = Connection(router.ipc)
    for number in range(500):
        connection.send([str(number).encode()])
    answers = [connection.receive(5.0) for _ in range(500)]
    assert [int(bytes(answer[0])) for answer in answers if answer] == list(range(500))
    connection.close()


@pytest.mark.parametrize("frame", [memoryview(bytearray(b"abcdef")), bytearray(b"abcdef")])
def test_any_buffer_can_be_sent(router: Router, frame: zmtp.Bytes) -> None:
    connection = Connection(router.tcp)
    connection.send([frame, memoryview(b"abcd").cast("H")])
    assert [bytes(part) for part in connection.receive(5.0) or []] == [b"abcdef", b"abcd"]
    connection.close()


def test_partial_reads(router: Router) -> None:
    with dribbling(router.tcp, most=3) as endpoint:
        connection = Connection(endpoint)
        assert echoed(connection, [b"h" * 20, secrets.token_bytes(3000)])
        connection.close()
    with dribbling(router.tcp, most=50_000) as endpoint:
        connection = Connection(endpoint)
        assert echoed(connection, [b"h", secrets.token_bytes(4_000_000)])
        connection.close()


def test_a_time_out_in_the_middle_loses_nothing(router: Router) -> None:
    with dribbling(router.tcp, most=8, pause=0.001) as endpoint:
        connection = Connection(endpoint)
        frames = [b"header", secrets.token_bytes(1000)]
        connection.send(frames)
        waits, answer = 0, None
        while answer is None:
            answer = connection.receive(0.003)
            waits += 1
        assert [bytes(frame) for frame in answer] == frames
        assert waits > 10
        connection.close()


def test_nothing_there_is_none(router: Router) -> None:
    connection = Connection(router.tcp)
    assert connection.receive(0.0) is None
    assert connection.receive(0.05) is None
    assert echoed(connection, [b"still there"])
    connection.close()


def test_heartbeats_of_libzmq_are_answered(tmp_path: Path) -> None:
    router = Router(tmp_path, heartbeat_ivl=50, heartbeat_timeout=1500)
    connection, deaf = Connection(router.tcp), Connection(router.tcp)
    assert connection.receive(3.5) is None  # more than two time-outs
    assert echoed(connection, [b"still there"])
    with pytest.raises(Closed):  # who does not answer them is cut off
        deaf.receive(PATIENCE)
    connection.close()
    deaf.close()
    router.close()


@pytest.mark.parametrize("limit", [5, 30, 64, 80, 200, 5_000])
def test_a_peer_that_dies_in_the_middle(router: Router, limit: int) -> None:
    with dribbling(router.tcp, most=5, limit=limit) as endpoint, pytest.raises(Closed):
        connection = Connection(endpoint)
        connection.send([b"header", bytes(100_000)])
        connection.receive(5.0)


def test_a_router_that_is_closed(tmp_path: Path) -> None:
    router = Router(tmp_path)
    connection = Connection(router.ipc)
    assert echoed(connection, [b"x"])
    router.close()
    with pytest.raises(Closed):
        connection.receive(PATIENCE)
    with pytest.raises(Closed):
        for _ in range(100):
            connection.send([bytes(100_000)])


def test_a_peer_that_takes_nothing(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as deaf:
        deaf.rcvhwm = 1
        deaf.bind(f"ipc://{tmp_path}/deaf.sock")
        connection = Connection(f"ipc://{tmp_path}/deaf.sock")
        with pytest.raises(TimeoutError):
            for _ in range(100):
                connection.send([bytes(1_000_000)], timeout=0.2)
        connection.close()


def test_nobody_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for endpoint in (
        f"tcp://127.0.0.1:{port}",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:http",
        "tcp://",
        f"ipc://{tmp_path}/missing.sock",
        "ipc://" + "x" * 200,
        "inproc://x",
        "",
    ):
        with pytest.raises(Unreachable):
            Connection(endpoint, timeout=1.0)


def test_a_silent_listener_costs_the_time_out() -> None:
    with listener(lambda peer: time.sleep(0.5)) as endpoint, pytest.raises(TimeoutError):
        Connection(endpoint, timeout=0.2)


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n" + bytes(100),
        b"\xff" + bytes(8) + b"\x7f" + b"\x01\x00" + bytes(100),  # ZMTP 1
        b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"PLAIN".ljust(20, b"\0") + bytes(32),
        zmtp.GREETING + b"\xff" * 100,
        zmtp.GREETING + b"\x00\x05hello",  # a message where READY belongs
        zmtp.GREETING + b"\x04\x06\x05ERROR" + b"x" * 50,
        zmtp.GREETING + b"\x06" + (1 << 40).to_bytes(8, "big"),
    ],
)
def test_garbage_for_a_greeting(greeting: bytes) -> None:
    def serve(peer: socket.socket) -> None:
        peer.sendall(greeting)
        listen_to_its_end(peer)

    with listener(serve) as endpoint, pytest.raises(Garbled):
        Connection(endpoint, timeout=PATIENCE)


def test_hanging_up_at_once() -> None:
    with listener(lambda peer: None) as endpoint, pytest.raises(TransportError):
        Connection(endpoint, timeout=PATIENCE)


@pytest.mark.parametrize("data", [b"\xf0\x00", b"\x05\x01x", b"\x01\x00" * 9])
def test_garbage_after_the_handshake(data: bytes) -> None:
    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"

    def serve(peer: socket.socket) -> None:
        peer.sendall(zmtp.GREETING + bytes((4, len(ready))) + ready + data)
        listen_to_its_end(peer)

    with listener(serve) as endpoint:
        connection = Connection(endpoint, timeout=PATIENCE)
        with pytest.raises(Garbled):
            connection.receive(PATIENCE)
        connection.close()


def test_a_frame_larger_than_agreed_is_refused_before_it_is_read(router: Router) -> None:
    connection = Connection(router.tcp, max_frame_bytes=1000)
    assert echoed(connection, [bytes(1000)])
    connection.send([bytes(1001)])
    with pytest.raises(Garbled, match="1001 bytes"):
        connection.receive(5.0)
    connection.close()


def test_other_kinds_of_sockets_and_encryption(tmp_path: Path) -> None:
    with zmq.Context() as context:
        with context.socket(zmq.PUB) as publisher:
            publisher.bind(f"ipc://{tmp_path}/pub.sock")
            with pytest.raises(TransportError):
                Connection(f"ipc://{tmp_path}/pub.sock")
        with context.socket(zmq.ROUTER) as closed:
            closed.curve_server = True
            closed.curve_publickey, closed.curve_secretkey = zmq.curve_keypair()
            closed.bind(f"ipc://{tmp_path}/curve.sock")
            with pytest.raises(TransportError):
                Connection(f"ipc://{tmp_path}/curve.sock")
