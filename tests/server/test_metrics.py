"""The status' numbers, and the same numbers as Prometheus reads them."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from plugin.studio_portrait.link import runtime
from server.service import metrics
from server.service.stage_times import StageTimes

from .running import COMMAND, PATIENCE, Client, Server, wait_for


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def told(port: int) -> dict[str, float]:
    """Every sample by its name and label."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            " ".join((sample.name.removeprefix("studio_portrait_"), *sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }


def test_stage_times() -> None:
    times = StageTimes()
    times.add({"faces": 30.0, "total": 1500.0})
    times.add({"faces": 10.0})
    assert times.as_dict() == {
        "faces": {"count": 2, "seconds": 0.04, "last": 0.01},
        "total": {"count": 1, "seconds": 1.5, "last": 1.5},
    }


def test_status_and_prometheus_tell_the_same(tmp_path: Path) -> None:
    port = free_port()
    with Server(tmp_path / "home", "--metrics", str(port)) as server, Client(server) as client:
        server.wait_ready()
        job = secrets.token_hex(16)
        client.upload(job)
        assert client.receive()["cmd"] == "RESULT"
        client.send("CANCEL", job="0" * 32)
        client.refused("unknown-job")
        status = client.status()
        assert status["errors"] == {"unknown-job": 1}
        assert status["stages"] == {"total": {"count": 1, "seconds": 0.001, "last": 0.001}}
        found = wait_for(lambda: (seen := told(port)).get("jobs_total done") == 1.0 and seen)
        wait_for(lambda: told(port).get("errors_total unknown-job") == 1.0)
        assert found["queue_length"] == 0.0 and found["connections"] >= 1.0
        assert found["stage_seconds_count total"] == 1.0
        assert found["memory_bytes front"] > 1e6 and found["memory_bytes worker"] > 1e6


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [*COMMAND, "serve", "--metrics", str(port)]
        environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path)}
        refused = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 2 and f"on port {port}" in refused.stderr


def test_no_request_whatsoever_ends_the_metrics(tmp_path: Path) -> None:
    port = free_port()
    line = st.sampled_from(
        [b"GET /metrics HTTP/1.1\r\n", b"GET / HTTP/9.9\r\n", b"POST /metrics HTTP/1.1\r\n"]
    )
    header = st.sampled_from(
        [b"Content-Length: -1\r\n", b"Content-Length: 1" + b"0" * 30 + b"\r\n", b"\xff: \0\r\n"]
    )

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=300) | st.tuples(line, header, st.binary(max_size=50)).map(b"".join))
    def ask(data: bytes) -> None:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10.0) as peer,
            contextlib.suppress(OSError),
        ):
            peer.sendall(data + b"\r\n\r\n")
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(4096):
                pass

    with Server(tmp_path / "home", "--metrics", str(port)) as server:
        server.wait_ready()
        ask()
        assert told(port)["queue_length"] == 0.0
        assert "Traceback" not in runtime.log_path(server.home).read_text("utf-8")


def test_who_asks_a_byte_at_a_time_keeps_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ANSWER_SECONDS", 1.0)
    port = free_port()
    exporter = metrics.Exporter(port)
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(metrics.MAX_THREADS)]

    def answered() -> bool:
        for peer in crowd:
            with contextlib.suppress(OSError):
                peer.sendall(b"a")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_for(answered)
    finally:
        for peer in crowd:
            peer.close()
        exporter.close()
