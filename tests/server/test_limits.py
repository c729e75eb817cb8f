"""What one client may do to the server and to the others, over real sockets."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import time
from pathlib import Path

import psutil
import pytest

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.zmtp import LONG, MORE

from .plain_worker import HELD, SLOW, let_go
from .running import Client, Server, raw, wait_for

IMAGE = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}


def closed(connection: socket.socket) -> bool:
    """Whether the server has ended this connection."""
    connection.settimeout(0.0)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def test_messages_that_never_end_take_no_memory(server: Server) -> None:
    """Frame after frame, gigabytes of them, from one who does not even know the token: it is hung up on."""
    front = psutil.Process(server.process.pid)
    before = front.memory_info().rss
    frame = struct.pack(">BQ", LONG | MORE, 8 << 20) + bytes(8 << 20)
    with raw(server.runtime.endpoints[0]) as connection, pytest.raises(OSError):
        for _ in range(1000):
            connection.sendall(frame)
            assert front.memory_info().rss - before < 1 << 30  # 200 MiB on a quiet machine
    wait_for(lambda: front.memory_info().rss - before < 64 << 20)
    with Client(server) as client:
        assert client.status()["worker"]["state"] == "ready"


def test_large_frames_of_many_strangers_take_no_memory(server: Server) -> None:
    front = psutil.Process(server.process.pid)
    before = front.memory_info().rss
    frame = struct.pack(">BQ", LONG, 16 << 20) + bytes(1 << 20)  # a part of it, and then nothing
    connections = [raw(server.runtime.endpoints[0]) for _ in range(40)]
    for connection in connections:
        connection.sendall(frame)
    with Client(server) as client:
        client.status()
        assert front.memory_info().rss - before < 64 << 20
    for connection in connections:
        connection.close()


def test_a_crowd_of_strangers_locks_nobody_out(tmp_path: Path) -> None:
    with Server(tmp_path, "--limit", "greetings=8", "--limit", "greeting-seconds=300") as server:
        crowd = [raw(server.runtime.endpoints[0]) for _ in range(200)]
        with Client(server) as client:
            assert client.status()["connections"] == 1
        wait_for(lambda: sum(not closed(connection) for connection in crowd) <= 8)
        assert psutil.Process(server.process.pid).num_fds() < 60
        for connection in crowd:
            connection.close()


def test_who_does_not_say_hello_in_time_is_sent_away(tmp_path: Path) -> None:
    with (
        Server(tmp_path, "--limit", "greeting-seconds=2") as server,
        raw(server.runtime.endpoints[0]) as silent,
        Client(server) as client,
    ):
        wait_for(lambda: closed(silent))
        assert client.status()["connections"] == 1


def test_who_asks_again_and_again_without_hello_is_sent_away(tmp_path: Path) -> None:
    header = wire.encode("SUBMIT", job="0" * 32)
    with (
        Server(tmp_path, "--limit", "greeting-seconds=3600") as server,  # it is not for that
        raw(server.runtime.endpoints[0]) as stranger,
    ):
        stranger.sendall((bytes((0, len(header))) + header) * 15)
        time.sleep(0.5)
        assert not closed(stranger)
        stranger.sendall(bytes((0, len(header))) + header)
        wait_for(lambda: closed(stranger))


def test_connections_are_bounded(tmp_path: Path) -> None:
    with Server(tmp_path, "--limit", "connections=2") as server:
        with Client(server) as first, Client(server), Client(server, hello=False) as third:
            third.send("HELLO", token=server.runtime.token, client="test")
            refused = third.refused("busy")
            assert refused["limit"] == {"name": "connections", "value": 2}
            assert "connections is 2" in refused["message"] and "--limit connections=" in refused["hint"]
            assert first.status()["connections"] == 2

        def there_is_room_again() -> bool:
            with Client(server, hello=False) as next_one:
                next_one.send("HELLO", token=server.runtime.token, client="test")
                return next_one.receive()["cmd"] == "HELLO" and next_one.status()["connections"] == 1

        wait_for(there_is_room_again)


def test_an_idle_connection_is_closed_and_one_with_a_job_is_not(tmp_path: Path) -> None:
    with (
        Server(tmp_path, "--limit", "idle-seconds=3") as server,
        Client(server) as busy,
        Client(server),
        Client(server) as watch,
    ):
        busy.upload(job := secrets.token_hex(16), fault=SLOW)
        wait_for(lambda: watch.status()["connections"] == 2)
        busy.send("CANCEL", job=job)
        busy.refused("cancelled")


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("jobs=1", "busy"),
        ("jobs-per-client=1", "busy"),
        ("pixels=15", "too-large"),
        ("memory=20", "too-large"),
    ],
)
def test_over_a_limit_the_client_gets_its_name_and_value(tmp_path: Path, option: str, code: str) -> None:
    name, value = option.split("=")
    with Server(tmp_path, "--limit", option) as server, Client(server) as client:
        if code == "busy":
            client.submit(secrets.token_hex(16))
        client.send("SUBMIT", job=secrets.token_hex(16), image=IMAGE, settings={}, selection=None)
        refused = client.refused(code)
        assert refused["limit"] == {"name": name, "value": int(value)}
        assert f"{name} is {value}" in refused["message"] and f"--limit {name}=" in refused["hint"]
        assert client.status()["limits"][name] == int(value)


def test_a_limit_that_is_none_is_told(tmp_path: Path) -> None:
    from .test_lifecycle import command

    for option in ("pigs=1", "jobs=none"):
        told = command(tmp_path, "serve", "--limit", option)
        assert told.returncode == 2 and option.split("=")[0] in told.stderr


def test_one_clients_folder_does_not_starve_the_other_who_clicked(server: Server) -> None:
    with Client(server) as folder, Client(server) as click:
        for _ in range(8):
            folder.upload(secrets.token_hex(16), fault=HELD)
        click.upload(job := secrets.token_hex(16))
        places = []
        for _ in range(2):  # the folder's first job, and the one whose turn it was before the click
            let_go(server.home)
            wait_for(lambda: not (server.home / "let-go").exists())
        while (answer := click.receive(skip=""))["cmd"] != "RESULT":
            places.append(answer["position"])
        assert answer["job"] == job and max(places) <= 2
        click.send("DONE", job=job)
        wait_for(lambda: click.status()["queue"] == 5)  # of eight, two were let go and one is at work


def test_an_upload_that_stands_still_holds_nobody_up_and_is_dropped(tmp_path: Path) -> None:
    with (
        Server(tmp_path, "--limit", "stall-seconds=2") as server,
        Client(server) as stalled,
        Client(server) as other,
    ):
        server.wait_ready()
        stalled.submit(secrets.token_hex(16), 4096, 4096)
        other.upload(job := secrets.token_hex(16))
        assert other.receive()["job"] == job
        other.send("DONE", job=job)
        dropped = stalled.refused("unknown-job")
        assert dropped["limit"]["name"] == "stall-seconds"
        wait_for(lambda: other.status()["memory"]["pictures"] == 0)


def test_memory_stays_under_the_cap_whatever_clients_ask_for(tmp_path: Path) -> None:
    """Ten clients want 32 MB each, and their results as much, under a cap of 100 MB."""
    with Server(tmp_path, "--limit", "memory=100M") as server, contextlib.ExitStack() as stack:
        server.wait_ready()
        clients = [stack.enter_context(Client(server)) for _ in range(10)]
        rows = bytes(4096 * 1024)
        told = []
        for client in clients:
            job = secrets.token_hex(16)
            image = {**IMAGE, "width": 4096, "height": 8192}
            client.send("SUBMIT", job=job, image=image, settings={"network": SLOW}, selection=None)
            told.append(client.receive())
            for row in range(0, 8192, 1024):
                client.send("DATA", rows, job=job, plane="pixels", row=row, rows=1024)
        assert [answer["cmd"] for answer in told] == ["ACCEPT"] + ["ERROR"] * 9
        assert {answer["limit"]["name"] for answer in told[1:]} == {"memory"}
        memory = clients[0].status()["memory"]
        assert memory["pictures"] <= 100 << 20
        # Its own, the pictures that it shares, and what of ten clients' rows is on its way; all are 420.
        assert memory["front"] < 300 << 20


def test_a_cancelled_job_frees_worker_and_memory_at_once(server: Server) -> None:
    with Client(server) as client, Client(server) as other:
        client.upload(job := secrets.token_hex(16), 1000, 1000, fault=SLOW)
        client.running(job)
        client.send("CANCEL", job=job)
        client.refused("cancelled")
        assert other.status()["memory"]["pictures"] == 0
        wait_for(lambda: not other.status()["running"])
