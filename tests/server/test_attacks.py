"""What an attacker did to the server once, and its class: each costs its own connection and nothing else."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.wire import Problem
from plugin.studio_portrait.link.zmtp import TransportError, connect_socket
from server.service import anonymous, logs, resources
from server.service.connections import Connection, Message
from server.service.job_queue import JobQueue
from server.service.job_service import JobService
from server.service.limits import Limits
from server.service.listener import ZERO_COPY_BYTES
from server.service.requests import RequestHandler
from server.service.worker_pool import WorkerPool
from tests.fuzz import messages as fuzz_inputs
from tests.sample import CHECKOUT

from . import running
from .running import COMMAND, PATIENCE, Client, Server, wait_for
from .test_metrics import free_port

TOKEN = "ab" * 32
LONE = '"\\ud800"'  # half of a surrogate pair: JSON allows it, no encoding does


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for everything; in the end its log tells of no fault."""
    with Server(tmp_path_factory.mktemp("home")) as server:
        server.wait_ready()
        yield server
        assert server.process.poll() is None
    assert "Traceback" not in (server.home / "server.log").read_text(encoding="utf-8")


def serves(server: Server) -> bool:
    with Client(server) as client:
        client.upload(job := secrets.token_hex(16))
        done = client.receive()["cmd"] == "RESULT"
        client.send("DONE", job=job)
        return done


# Headers that no client sends.

ODD = st.recursive(
    st.sampled_from(
        (10**400, -(10**4000), 1e308, "\ud800", "a\udfff", "\0", "../../x", "x" * 5000, True, None)
    )
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("job", "token", "nonce", "proof", "client", "image", "settings", "selection", "reference", "keep")
MORE_FIELDS = (*FIELDS, "plane", "row", "rows", "idle", "rect", "width", "height", "v")
GOOD = {
    "v": 1,
    "job": "c" * 32,
    "token": TOKEN,
    "image": {"width": 4, "height": 4, "channels": 1, "sample": "u8"},
    "settings": {},
    "plane": "pixels",
    "row": 0,
    "rows": 4,
}


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Any command with fields that are right, odd, or nested deeply; sometimes no JSON at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    if draw(st.integers(0, 9)) == 0:
        depth = draw(st.integers(1, 15_000))
        return b'{"v":1,"cmd":"SUBMIT","settings":' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)
    fields = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(MORE_FIELDS, ODD)))
    right = draw(st.sets(st.sampled_from(sorted(GOOD))))
    command = draw(st.sampled_from(sorted(wire.COMMANDS)))
    header = {"v": 1, "cmd": command, **fields, **{name: GOOD[name] for name in right}}
    return json.dumps(header).encode("utf-8", "surrogatepass")


def handler(folder: Path) -> tuple[RequestHandler, JobService]:
    """The server's conversation without sockets and without workers."""
    limits, clock = Limits(), time.monotonic
    pool = WorkerPool([], folder, limits, clock)
    pool.wake = lambda: None  # type: ignore[method-assign]
    service = JobService(JobQueue(folder, limits), pool, limits, clock)
    requests = RequestHandler(TOKEN, limits, service, list, dict, known=lambda: 0, device=str, grace=1.0)
    return requests, service


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(headers(), st.none() | st.binary(max_size=40)), max_size=6),
    st.booleans(),
    st.sampled_from(("", "key")),
)
def test_no_message_whatsoever_is_a_fault_of_ours(
    tmp_path_factory: pytest.TempPathFactory, messages: list[Any], known: bool, user: str
) -> None:
    requests, service = handler(tmp_path_factory.getbasetemp())
    connection = Connection(1, b"\0\0\0\0\1", -1, user, 0.0, 0.0, known=known)
    for header, payload in messages:
        frames = [zmq.Frame(header), *([] if payload is None else [zmq.Frame(payload)])]
        for answer in requests.answers(Message(connection, frames)):
            assert len(answer.frames) in (1, 2)
    service.leave(connection, for_good=True)
    assert requests.errors["internal"] == 0 and len(service) == 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(headers(), max_size=4))
def test_no_message_whatsoever_ends_a_real_server(victim: Server, messages: list[bytes]) -> None:
    with Client(victim, hello=False) as client:
        for header in messages:
            client.send_raw(header.replace(b"SHUTDOWN", b"SHUTDOWM"))
        client.send("PING")
        while client.receive()["cmd"] != "PONG":
            pass


@pytest.mark.parametrize("field", ["token", "proof", "nonce", "client"])
def test_a_token_that_is_no_text(victim: Server, field: str) -> None:
    with Client(victim, hello=False) as client:
        client.send_raw(f'{{"v":1,"cmd":"HELLO","{field}":{LONE}}}'.encode())
        client.refused("bad-request")
    assert serves(victim)


@pytest.mark.parametrize("strength", [10**400, -(10**400), "1e400", [1], None, True])
def test_a_strength_that_is_no_share(victim: Server, strength: object) -> None:
    with Client(victim) as client:
        image = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}
        client.send("SUBMIT", job=secrets.token_hex(16), image=image, settings={"strength": strength})
        client.refused("bad-setting")


# Crowds.


def test_a_flood_of_connections(victim: Server) -> None:
    """Hundreds at once that come and go; half of them say something first."""
    for _ in range(4):
        crowd = []
        for number in range(150):
            with contextlib.suppress(OSError):
                crowd.append(connect_socket(victim.runtime.endpoints[0], 5.0))
                if number % 2:
                    crowd[-1].sendall(secrets.token_bytes(number))
        for peer in crowd:
            peer.close()
    assert serves(victim)


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_too_few_file_descriptors_are_told(tmp_path: Path) -> None:
    """As after ``ulimit -n 64``: a sentence at once instead of a server that spins or dies later."""
    words = [sys.executable, "-c", LIMITED, "64", *COMMAND, "serve"]
    environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path)}
    told = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert told.returncode == 1 and "may have 64 open files here, and needs 1024" in told.stderr
    assert "Traceback" not in told.stderr and not runtime.server_lives(tmp_path)


def test_a_crowd_costs_no_processor_and_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many connections as file descriptors, none of them closed by its client."""
    monkeypatch.setattr(running, "COMMAND", [sys.executable, "-c", LIMITED, "1024", *COMMAND])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd: list[socket.socket] = []
    try:
        with Server(tmp_path) as server:
            for _ in range(min(2048, hard - 300)):
                with contextlib.suppress(OSError, TransportError):
                    crowd.append(connect_socket(server.runtime.endpoints[0], 10.0))
                time.sleep(0.0005)
            process = psutil.Process(server.process.pid)

            def rests() -> bool:
                """Whether a second of it costs a quarter of one, once all have been met."""
                used = sum(process.cpu_times()[:2])
                time.sleep(1.0)
                return sum(process.cpu_times()[:2]) - used < 0.25

            wait_for(rests)
            assert process.num_fds() < 400
            assert serves(server)
    finally:
        for peer in crowd:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_a_further_file_descriptor(tmp_path: Path) -> None:
    """Who is connected hears of it, or gets what is done; afterwards everything works again."""
    with Server(tmp_path) as server, Client(server) as client:
        wait_for(lambda: client.status()["worker"]["state"] == "ready")
        done = secrets.token_hex(16)
        client.upload(done, 640, 640)
        box = client.receive()["box"]
        process = psutil.Process(server.process.pid)
        before = process.rlimit(psutil.RLIMIT_NOFILE)
        handles = {int(path.name) for path in Path(f"/proc/{process.pid}/fd").iterdir()}
        lowest = next(number for number in itertools.count() if number not in handles)
        process.rlimit(psutil.RLIMIT_NOFILE, (lowest, before[1]))
        try:
            assert client.status()["memory"]["front"] == 0
            client.send("FETCH", job=done, plane="pixels", row=0, rows=box["height"])
            told = client.receive()
            assert len(told["payload"] or b"") == box["width"] * box["height"] > ZERO_COPY_BYTES, told
            image = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}
            for command in ("SUBMIT", "ANALYSE"):
                fields = {"image": image, "settings": {}, "selection": None}
                client.send(command, job=secrets.token_hex(16), **fields)
                assert "file descriptor" in client.refused("busy")["message"]
        finally:
            process.rlimit(psutil.RLIMIT_NOFILE, before)
        assert client.status()["memory"]["front"] > 0
        assert serves(server)


def _stranger(endpoint: str, told: Any) -> None:
    os.setgid(65534)
    os.setuid(65534)
    try:
        peer = running.raw(endpoint)
        peer.sendall(fuzz_inputs.framed([wire.encode("PING")]))
        peer.settimeout(10.0)
        told.put(peer.recv(4096))
    except Exception as error:
        told.put(repr(error))


def test_another_users_connection_is_closed(tmp_path: Path) -> None:
    """Even where the modes of socket and folders would let it in: the system tells whose it is."""
    if os.getuid() != 0:
        pytest.skip("NOT RUN: only root can connect as another user")
    with tempfile.TemporaryDirectory() as place, Server(Path(place) / "home") as server:
        Path(place).chmod(0o755)
        server.home.chmod(0o755)
        Path(server.runtime.endpoints[0].removeprefix("ipc://")).chmod(0o777)
        fork = multiprocessing.get_context("fork")
        told = fork.Queue()
        stranger = fork.Process(target=_stranger, args=(server.runtime.endpoints[0], told))
        stranger.start()
        answer = told.get(timeout=60)
        stranger.join(PATIENCE)
        assert answer == b"", answer
        assert "another user" in (server.home / "server.log").read_text(encoding="utf-8")
        assert serves(server)


def test_metrics_have_few_threads_whoever_asks(tmp_path: Path) -> None:
    port = free_port()
    with Server(tmp_path / "home", "--metrics", str(port)) as server:
        server.wait_ready()
        process = psutil.Process(server.process.pid)
        before = process.num_threads()
        crowd = [socket.create_connection(("127.0.0.1", port), timeout=5.0) for _ in range(100)]
        for number, peer in enumerate(crowd):
            with contextlib.suppress(OSError):
                peer.sendall(secrets.token_bytes(number) + b"\r\n\r\n" if number % 3 else b"GET")
        assert process.num_threads() <= before + 4
        for peer in crowd:
            peer.close()

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    return b"studio_portrait_uptime_seconds" in answer.read()
            except OSError:
                return False

        wait_for(answers)
        assert serves(server)
    assert "Traceback" not in (server.home / "server.log").read_text(encoding="utf-8")


# The log.


def test_the_log_cannot_be_flooded() -> None:
    now = [0.0]
    limit = logs.RateLimit(clock=lambda: now[0])
    written = []
    for number in range(100_000):
        now[0] = number / 1000
        record = logs.logging.LogRecord("requests", 20, "", 0, "refused %d", (number,), None)
        if limit.filter(record):
            written.append(record.getMessage())
    other = logs.logging.LogRecord("server", 20, "", 0, "ended", (), None)
    assert limit.filter(other)
    assert len(written) < logs.BURST + 100 * logs.PER_SECOND + 2
    assert any("lines like this before it" in line for line in written)


def test_a_line_of_the_log_is_one_line(tmp_path: Path) -> None:
    script = (
        "import logging; from pathlib import Path; from server.service import logs\n"
        f"logs.set_up(Path({str(tmp_path)!r}) / 'server.log')\n"
        "logging.info('%s', 'a\\x1b[31mb\\nc\\x9b' + 'x' * 10_000)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, check=True, timeout=60)
    [line] = (tmp_path / "server.log").read_text(encoding="utf-8").splitlines()
    assert r"a\x1b[31mb\nc\x9b" in line and len(line) < 5000


# Limits and folders.


@pytest.mark.parametrize("option", ["greetings=0.1", "jobs=0.5", "connections=1.5", "memory=0.3", "jobs=0"])
def test_a_count_is_a_whole_number(option: str) -> None:
    with pytest.raises(Problem, match="whole number") as caught:
        Limits.of([option])
    assert caught.value.code == "bad-setting"


def group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_a_containers_memory_limit_counts(tmp_path: Path) -> None:
    """cgroup v2 and v1, the limit of a group around ours too; what is unlimited or strange does not."""
    own = tmp_path / "own"
    own.write_text("0::/a/b\n")
    root = tmp_path / "v2"
    group(root / "a/b", {"memory.max": "max\n", "memory.current": "7\n"})
    group(
        root / "a", {"memory.max": "4000\n", "memory.current": "3000\n", "memory.stat": "inactive_file 500\n"}
    )
    assert list(resources.memory_limits(root, own)) == [(4000, 2500)]
    own.write_text("5:cpu:/x\n4:memory:/docker/1\n")
    group(tmp_path / "v1/memory", {"memory.limit_in_bytes": "9000", "memory.usage_in_bytes": "100"})
    assert list(resources.memory_limits(tmp_path / "v1", own)) == [(9000, 100)]
    own.write_text("0::/../../elsewhere\n")
    assert list(resources.memory_limits(root, own)) == []
    assert 0 < resources.memory_total() <= psutil.virtual_memory().total
    assert Limits().memory_bytes == resources.memory_total() // 2


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_a_state_folder_that_others_can_change_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home"
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(folder))
    assert runtime.state_folder() == folder and folder.stat().st_mode & 0o777 == 0o700
    for mode in (0o720, 0o702, 0o777):
        folder.chmod(mode)
        with pytest.raises(Problem, match="Other users can change"):
            runtime.state_folder()
    folder.chmod(0o755)
    assert runtime.state_folder() == folder
    if os.getuid() != 0:
        pytest.skip("NOT RUN to the end: only root can give a folder away")
    os.chown(folder, 65534, -1)
    with pytest.raises(Problem, match="belongs to another user"):
        runtime.state_folder()


# What other machines are told.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"Run {sys.prefix}/bin/studio-portrait stop, then try again.", "studio-portrait stop, then"),
        ("See '/home/a b/x/server.log'.", "server.log'"),
        (r"The file C:\Users\me\weights\studio.json is missing.", "The file studio.json is missing."),
        ("Choose cuda or mps/cpu; tcp://10.0.0.1:47310 stays.", "mps/cpu; tcp://10.0.0.1:47310 stays."),
    ],
)
def test_sentences_for_other_machines_have_no_folders(text: str, told: str) -> None:
    clean = anonymous.without_folders(text)
    assert told in clean and "/home" not in clean and sys.prefix not in clean and "Users" not in clean


def test_a_remote_client_hears_of_no_folder(tmp_path: Path) -> None:
    requests, _ = handler(tmp_path)
    log = tmp_path / "server.log"
    problem = Problem(
        "worker-died", f"The worker ended; see {log}.", f"Run {sys.prefix}/bin/studio-portrait doctor"
    )
    for user, told in (("", True), ("key", False)):
        answer = requests.refusal(Connection(1, b"", -1, user, 0.0, 0.0), None, problem)
        text = bytes(answer.frames[0]).decode()
        assert (str(tmp_path) in text) is told and (sys.prefix in text) is told
        assert "server.log" in text and "studio-portrait doctor" in text
