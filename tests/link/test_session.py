"""The client that plug-in and command line use, with a real server behind it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from plugin.studio_portrait.link import launch, retiring, runtime, session, wire
from plugin.studio_portrait.link.runtime import Runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.transfer import strips
from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem, Settings
from plugin.studio_portrait.link.zmtp import Connection
from server.remote import sending
from tests.server import plain_worker
from tests.server.running import PATIENCE, Client, Server, wait_for

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
SLOW = Settings(network=plain_worker.SLOW)


@contextmanager
def at_work(what: Callable[[], object]) -> Iterator[Callable[[str, float], None]]:
    """For `progress`: another thread does `what` as soon as the worker is told to be at work."""
    begun = threading.Event()
    thread = threading.Thread(target=lambda: begun.wait() and what())
    thread.start()
    try:
        yield lambda stage, share: begun.set() if stage == "predict" else None
    finally:
        begun.set()
        thread.join()


class Picture:
    """Random pixels, and the copy into which the result is written."""

    def __init__(self, width: int, height: int, channels: int = 3, sample: str = "u8"):
        self.spec = ImageSpec(width, height, channels, sample)
        dtype = DTYPES[sample]
        raw = np.random.default_rng(1).integers(0, 256, (height, width, channels)).astype(dtype)
        self.pixels = raw / np.float32(255) if sample == "f32" else raw
        self.out = self.pixels.copy()
        self.mask = np.zeros((height, width), np.uint8)

    def read(self, plane: str, row: int, rows: int) -> memoryview:
        assert plane == "pixels"
        return sending.reader(self.pixels)(plane, row, rows)

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        sending.writer(self.out, self.mask)(plane, row, rows, data, result)

    def expected(self) -> np.ndarray:
        inverted = self.pixels.copy()
        y, x = (slice(side // 4, side // 4 + max(1, side // 2)) for side in self.pixels.shape[:2])
        top = 1 if self.spec.sample == "f32" else np.iinfo(self.pixels.dtype).max
        inverted[y, x] = top - inverted[y, x]
        return inverted


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("home")) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def opened(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session with the server that the tests share which leave it alive."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(shared_server.home))
    with Session.open(start=False) as session:
        yield session


@pytest.fixture
def own(server: Server) -> Iterator[Session]:
    """A session with a server of the test's own."""
    with Session.open(start=False) as session:
        yield session


@given(st.integers(1, 65_535 * 16), st.integers(1, 5000), st.integers(0, 5000))
def test_strips_cover_all_rows_within_the_limit(row_bytes: int, rows: int, first: int) -> None:
    pieces = list(strips(row_bytes, rows, first))
    assert [row for row, _ in pieces] == [sum(count for _, count in pieces[:i]) for i in range(len(pieces))]
    assert sum(count for _, count in pieces) == rows
    assert all(count >= 1 and count * row_bytes <= wire.MAX_FRAME_BYTES for _, count in pieces)
    if 64 * row_bytes <= wire.MAX_FRAME_BYTES:
        assert all((first + row + count) % 64 == 0 for row, count in pieces[:-1])


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pixels_of_all_kinds(opened: Session, channels: int, sample: str) -> None:
    picture = Picture(301, 203, channels, sample)
    result = opened.retouch(picture.spec, picture.read, picture.write)
    assert result["box"] == {"x": 75, "y": 50, "width": 150, "height": 101}
    assert (result["engine"], result["device"], result["network"]) == ("numpy", "cpu", "plain")
    assert np.array_equal(picture.out, picture.expected())


def test_many_strips_mask_selection_and_profile(opened: Session, shared_server: Server) -> None:
    picture = Picture(2500, 3001)
    box = Box(10, 20, 2400, 2001)
    heard: list[tuple[str, float]] = []

    def hear(stage: str, share: float) -> None:
        if stage == "predict" and all(known != stage for known, _ in heard):
            plain_worker.let_go(shared_server.home)  # progress of a job that is done at once may be left out
        heard.append((stage, share))

    result = opened.retouch(
        picture.spec,
        picture.read,
        picture.write,
        icc=b"p" * 1000,
        selection=(
            box,
            lambda plane, row, rows: b"\x01" * (rows * box.width) if plane == "selection" else b"",
        ),
        settings=Settings(mask=True, network=plain_worker.HELD),
        progress=hear,
    )
    assert result["notes"] == ["icc 1000", f"selection {box.width * box.height}"]
    assert np.array_equal(picture.out, picture.expected())
    inside = picture.mask[750:2250, 625:1875]
    assert (inside == 200).all() and picture.mask.sum() == 200 * inside.size
    stages = list(dict.fromkeys(stage for stage, _ in heard))
    assert stages[0] == "upload" and stages[-1] == "download" and "predict" in stages
    assert all(0 <= fraction <= 1 for _, fraction in heard)
    assert opened.status()["memory"]["pictures"] == 0


def test_one_pixel_and_several_jobs_on_one_session(opened: Session) -> None:
    before = opened.status()["jobs"]["done"]
    for width, height in ((1, 1), (1, 500), (65_535, 1), (7, 9)):
        picture = Picture(width, height)
        opened.retouch(picture.spec, picture.read, picture.write)
        assert np.array_equal(picture.out, picture.expected())
    assert opened.status()["jobs"]["done"] == before + 4


def test_the_port_works_where_the_path_does_not(home: Path) -> None:
    with Server(home, "--listen", "tcp://127.0.0.1:*") as server:
        found = server.runtime
        Runtime(("ipc:///nowhere", found.endpoints[1]), found.pid, found.token, found.started).write(home)
        with Session.open(start=False) as opened:
            picture = Picture(1000, 1000)
            opened.retouch(picture.spec, picture.read, picture.write)
            assert np.array_equal(picture.out, picture.expected())


def test_a_cancel_by_callback_ends_the_job_and_the_session_goes_on(opened: Session) -> None:
    picture = Picture(50, 50)
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 8

    with pytest.raises(Problem) as caught:
        opened.retouch(picture.spec, picture.read, picture.write, settings=SLOW, cancelled=cancelled)
    assert caught.value.code == "cancelled"
    wait_for(lambda: not opened.status()["running"])
    opened.retouch(picture.spec, picture.read, picture.write)
    assert np.array_equal(picture.out, picture.expected())


def test_cancel_from_another_thread(opened: Session) -> None:
    picture = Picture(50, 50)
    with pytest.raises(Problem) as caught, at_work(opened.cancel) as progress:
        opened.retouch(picture.spec, picture.read, picture.write, settings=SLOW, progress=progress)
    assert caught.value.code == "cancelled"


@pytest.mark.parametrize("where", ["read", "progress", "write"])
def test_a_fault_in_a_callback_ends_the_job(opened: Session, where: str) -> None:
    picture = Picture(50, 50)

    def fault(*_: object) -> Any:
        raise KeyboardInterrupt

    callbacks: dict[str, Any] = {"read": picture.read, "write": picture.write, "progress": None, where: fault}
    with pytest.raises(KeyboardInterrupt):
        opened.retouch(picture.spec, **callbacks)
    assert opened.status()["memory"]["pictures"] == 0


def test_rows_of_the_wrong_length(opened: Session) -> None:
    picture = Picture(50, 50)
    with pytest.raises(Problem, match="7499 bytes were read where 7500 belong"):
        opened.retouch(picture.spec, lambda plane, row, rows: bytes(rows * 150 - 1), picture.write)
    assert opened.status()["memory"]["pictures"] == 0


def test_the_servers_errors_arrive_as_they_are(opened: Session) -> None:
    picture = Picture(50, 50)
    for settings, code in (
        (Settings(network="unheard-of"), "unknown-network"),
        (Settings(network=plain_worker.FAULTY), "internal"),
        (Settings(network=plain_worker.DEADLY), "rejected"),
    ):
        with pytest.raises(Problem) as caught:
            opened.retouch(picture.spec, picture.read, picture.write, settings=settings)
        assert caught.value.code == code and caught.value.message and caught.value.hint
    with pytest.raises(Problem) as caught:
        opened.retouch(picture.spec, picture.read, picture.write, icc=bytes(wire.MAX_ICC_BYTES + 1))
    assert caught.value.code == "bad-image"
    opened.retouch(picture.spec, picture.read, picture.write)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_ends_during_a_job(server: Server, own: Session, how: signal.Signals) -> None:
    picture = Picture(50, 50)
    with pytest.raises(Problem) as caught, at_work(lambda: server.process.send_signal(how)) as progress:
        own.retouch(picture.spec, picture.read, picture.write, settings=SLOW, progress=progress)
    assert caught.value.code == ("lost-server" if how == signal.SIGKILL else "shutting-down")
    if how == signal.SIGKILL:
        assert str(runtime.log_path(server.home)) in caught.value.hint


def test_a_server_that_falls_silent(server: Server, own: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(50, 50)

    def stop() -> None:
        monkeypatch.setattr(own, "silence", 0.8)
        server.process.send_signal(signal.SIGSTOP)

    with pytest.raises(Problem) as caught, at_work(stop) as progress:
        own.retouch(picture.spec, picture.read, picture.write, settings=SLOW, progress=progress)
    server.process.send_signal(signal.SIGCONT)
    assert caught.value.code == "lost-server"


def test_no_server(home: Path) -> None:
    with pytest.raises(Problem) as caught:
        Session.open(start=False)
    assert caught.value.code == "no-server"


def test_a_runtime_file_left_by_a_killed_server(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    assert (server.home / "server.json").exists() and (server.home / "server.sock").exists()
    with Session.open() as opened:
        status = opened.status()
        assert status["pid"] != server.process.pid
        opened.shutdown()
    wait_for(lambda: not runtime.server_lives(server.home))


@pytest.mark.parametrize("speaks", [b"", b"220 ready\r\n", b"\xff" + bytes(100)])
def test_a_foreign_program_on_the_old_port(
    home: Path, monkeypatch: pytest.MonkeyPatch, speaks: bytes
) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as foreign:

        def serve() -> None:
            while True:
                try:
                    foreign.accept()[0].sendall(speaks)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        port = foreign.getsockname()[1]
        Runtime((f"tcp://127.0.0.1:{port}",), os.getpid(), "token").write(home)
        with pytest.raises(Problem) as caught:
            Session.open(start=False)
        assert caught.value.code == "no-server"
        with Session.open() as opened:
            assert opened.status()["pid"] != os.getpid()
            opened.shutdown()
        wait_for(lambda: not runtime.server_lives(home))


def test_a_server_that_does_not_know_the_token_gets_no_picture(home: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as impostor:
        port = impostor.bind_to_random_port("tcp://127.0.0.1")
        Runtime((f"tcp://127.0.0.1:{port}",), 1, secrets.token_hex(16)).write(home)

        def answer() -> None:
            peer, _ = impostor.recv_multipart()
            hello = wire.encode("HELLO", server="0.1.0", device="cpu", networks=[], proof="0" * 64)
            impostor.send_multipart([peer, hello])

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Problem) as caught:
            Session.open(start=False)
        thread.join()
    assert caught.value.code == "no-server"


def test_the_wrong_token(server: Server) -> None:
    Runtime(server.runtime.endpoints, server.runtime.pid, "wrong").write(server.home)
    with pytest.raises(Problem) as caught:
        Session.open()
    assert caught.value.code == "bad-token"


def test_a_server_of_another_version(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "VERSION", "9.9.9")
    with pytest.raises(Problem, match="9.9.9") as caught:
        Session.open()
    assert caught.value.code == "bad-version"


def test_an_idle_older_server_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a job goes on; so does one that is newer."""
    older = replace(server.runtime, version="0.0.9")
    older.write(server.home)
    with Client(server) as client:
        job = secrets.token_hex(16)
        client.upload(job, fault=plain_worker.SLOW)
        client.running(job)
        assert not retiring.retire_older(server.home)
        client.send("CANCEL", job=job)
        client.refused("cancelled")
    replace(server.runtime, version="99.0").write(server.home)
    assert not retiring.retire_older(server.home)
    older.write(server.home)
    with Session.open() as opened:
        assert opened.status()["pid"] != server.process.pid
        opened.shutdown()
    assert server.process.wait(PATIENCE) == 0
    wait_for(lambda: not runtime.server_lives(server.home))


def test_the_token_is_never_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    real = Connection.send

    def send(self: Connection, frames: Any, timeout: float = 10.0) -> None:
        sent.extend(bytes(frame) for frame in frames)
        real(self, frames, timeout)

    monkeypatch.setattr(Connection, "send", send)
    with Session.open(start=False) as opened:
        opened.status()
        opened.shutdown()
    assert len(sent) == 4 and not any(server.runtime.token.encode() in frame for frame in sent)


def test_a_server_of_another_protocol(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PROTOCOL", 2)
    with pytest.raises(Problem, match="install.py") as caught:
        Session.open()
    assert caught.value.code == "bad-version"


def test_the_command_to_start_is_not_needed_when_a_server_runs(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(launch.COMMAND_VARIABLE, "/nowhere")
    with Session.open() as opened:
        assert opened.status()["pid"] == server.process.pid
