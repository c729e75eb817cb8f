"""Starting, stopping, dying: nothing and nobody is left behind."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from plugin.studio_portrait.link import runtime, stopping, zmtp
from plugin.studio_portrait.link.hints import typed
from plugin.studio_portrait.link.wire import Problem
from server.cli.status import describe
from server.service.connections import Message
from server.service.limits import Limits
from server.service.listener import SEND_MESSAGES, ZERO_COPY_BYTES, Listener
from tests.sample import CHECKOUT

from .plain_worker import DEADLY, DEAF, FERTILE, HELD, SLOW, let_go
from .running import COMMAND, PATIENCE, Client, Server, gone, raw, started, wait_for


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    return subprocess.run(
        [*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def left(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()}


def test_a_second_sigterm_ends_a_job_at_once(tmp_path: Path) -> None:
    with Server(tmp_path, "--grace", "3600") as server, Client(server) as client, Client(server) as other:
        worker = server.worker_pid()
        job = secrets.token_hex(16)
        client.upload(job, fault=SLOW)
        client.running(job)
        other.submit(secrets.token_hex(16))
        server.process.send_signal(signal.SIGTERM)
        other.refused("shutting-down")
        server.process.send_signal(signal.SIGTERM)
        assert client.refused("shutting-down")["job"] == job
    assert server.process.wait(PATIENCE) == 0
    assert gone(worker)
    assert left(server.home) == {"server.lock", "server.log"}
    assert not runtime.server_lives(server.home)


def _unread(listener: Listener, count: int) -> list[socket.socket]:
    """So many clients that have been sent more than they read."""
    peers, answered = [raw(listener.endpoints[0]) for _ in range(count)], 0
    for peer in peers:
        peer.sendall(zmtp.head(2, 0) + b"{}")
    while answered < count:
        for event in listener.take():
            assert isinstance(event, Message)
            answered += 1
            for _ in range(SEND_MESSAGES):
                listener.send(event.connection, [bytes(ZERO_COPY_BYTES - 1)])
    return peers


def test_a_listener_ends_whoever_vanishes_meanwhile(tmp_path: Path) -> None:
    """With libzmq's own linger, one in about 2,700 ends of a relay never came; here one in three."""
    for _ in range(12):
        listener = Listener(tmp_path, Limits(greetings=1000), time.monotonic)
        peers = _unread(listener, 200)
        closing = threading.Thread(target=listener.close, args=(0.5,), daemon=True)
        vanishing = threading.Thread(target=lambda peers=peers: [peer.close() for peer in peers])
        vanishing.start()
        closing.start()
        closing.join(PATIENCE)
        vanishing.join()
        assert not closing.is_alive()


def test_sigint_ends_cleanly(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    assert server.end() == 0
    assert "Traceback" not in server.output


def test_stop(server: Server) -> None:
    stopped = command(server.home, "stop")
    assert (stopped.returncode, stopped.stdout) == (0, "The server has ended.\n")
    assert server.process.wait(PATIENCE) == 0
    again = command(server.home, "stop")
    assert (again.returncode, again.stdout) == (0, "No server is running.\n")


def test_stop_ends_a_server_that_does_not_understand_us(server: Server) -> None:
    found = runtime.Runtime.read(server.home)
    assert found is not None
    runtime.Runtime(found.endpoints, found.pid, "another token", found.started).write(server.home)
    assert command(server.home, "stop").returncode == 0
    assert server.process.wait(PATIENCE) == 0


def test_a_runtime_file_that_was_deleted_comes_back(server: Server) -> None:
    (server.home / "server.json").unlink()
    wait_for((server.home / "server.json").exists)
    assert runtime.Runtime.read(server.home) == server.runtime
    with Client(server) as client:
        assert client.status()["pid"] == server.process.pid


def test_stop_ends_a_server_that_cannot_be_found_any_more(server: Server) -> None:
    """Deaf, so that it does not write its runtime file again; the lock still names it."""
    server.process.send_signal(signal.SIGSTOP)
    (server.home / "server.json").unlink()
    assert runtime.server_pid(server.home) == server.process.pid
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(command, server.home, "stop")
        time.sleep(2.5)
        server.process.send_signal(signal.SIGCONT)
        assert stopped.result().stdout == "The server has ended.\n"
    assert server.process.wait(PATIENCE) == 0


def test_a_server_whose_lock_was_deleted_ends_and_leaves_its_successor_alone(server: Server) -> None:
    server.process.send_signal(signal.SIGSTOP)
    (server.home / "server.lock").unlink()
    with Server(server.home) as successor:
        server.process.send_signal(signal.SIGCONT)
        assert server.process.wait(PATIENCE) == 0
        assert runtime.Runtime.read(server.home) == successor.runtime
        with Client(successor) as client:
            assert client.status()["pid"] == successor.process.pid


def test_one_server_per_folder(server: Server) -> None:
    second = command(server.home, "serve")
    assert second.returncode == 0
    assert second.stderr == f"A server is already running (process {server.process.pid}).\n"
    third = command(server.home, "serve", "--device", "cuda:1", "--listen", "tcp://127.0.0.1:5555")
    assert third.returncode == 1 and "--device and --listen had no effect" in third.stderr
    assert typed("stop") in third.stderr
    for option in ("--idle-exit", "--sleep", "--grace"):
        fourth = command(server.home, "serve", option, "77")
        assert fourth.returncode == 1 and f": {option} had no effect" in fourth.stderr
    with Client(server) as client:
        assert client.status()["pid"] == server.process.pid


def test_who_finds_another_server_is_not_held_to_the_users_file_of_options(server: Server) -> None:
    """As when GIMP and the command line start one at once: who comes second waits for the other's."""
    (server.home / "serve.options").write_text("--device cpu --limit jobs=3")
    for words in ([], ["--background"], ["--background", "--idle-exit", "9"]):
        second = command(server.home, "serve", *words)
        assert second.returncode == 0 and "is already running" in second.stderr, words
    third = command(server.home, "serve", "--limit", "jobs=4")
    assert third.returncode == 1 and ": --limit had no effect" in third.stderr


def test_what_lies_in_the_folder_is_the_users_own(server: Server) -> None:
    assert {path.stat().st_mode & 0o77 for path in server.home.iterdir()} == {0}


def test_runtime_file_and_folder_are_the_users_own(server: Server) -> None:
    assert (server.home / "server.json").stat().st_mode & 0o777 == 0o600
    assert server.home.stat().st_mode & 0o777 == 0o700
    assert server.runtime.endpoints == (f"ipc://{server.home}/server.sock",)
    assert not psutil.Process(server.process.pid).net_connections("inet")


def test_a_folder_too_long_for_a_socket_name(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    with Server(home) as server:
        path = Path(server.runtime.endpoints[0].removeprefix("ipc://"))
        assert path.parent != home and path.parent.stat().st_mode & 0o777 == 0o700
        with Client(server) as client:
            assert client.status()["pid"] == server.process.pid
    assert not path.parent.exists()


def test_a_folder_that_cannot_hold_a_socket(tmp_path: Path) -> None:
    (tmp_path / "server.sock" / "in the way").mkdir(parents=True)
    with Server(tmp_path) as server:
        path = Path(server.runtime.endpoints[0].removeprefix("ipc://"))
        assert path.parent != tmp_path and path.parent.stat().st_mode & 0o777 == 0o700
        with Client(server) as client:
            assert client.status()["pid"] == server.process.pid
    assert server.process.returncode == 0


def test_idle_exit(tmp_path: Path) -> None:
    with Server(tmp_path, "--idle-exit", "0.5") as server:
        with Client(server) as client:
            job = secrets.token_hex(16)
            client.upload(job, fault=SLOW)
            client.running(job)
            time.sleep(0.8)
            client.send("CANCEL", job=job)
            client.refused("cancelled")
        assert server.process.wait(PATIENCE) == 0


def test_options_of_the_users_own_hold_for_every_server(tmp_path: Path) -> None:
    options = tmp_path / "serve.options"
    options.write_text("# for this machine\n--limit jobs=3  # few\n--idle-exit 2\n")
    with Server(tmp_path, "--background", "--limit", "pixels=1000") as server:
        with Client(server) as client:
            limits = client.status()["limits"]
        assert (limits["jobs"], limits["pixels"]) == (3, 1000)
        assert server.process.wait(PATIENCE) == 0
    for wrong in ("--limit 'jobs=3", "--pigs", "--idle-exit soon"):
        options.write_text(wrong)
        refused = command(tmp_path, "serve")
        assert refused.returncode == 2
        assert f"The file {options} cannot be understood: " in refused.stderr.splitlines()[-1]


def test_a_killed_server_leaves_no_worker_and_no_pixels(server: Server) -> None:
    worker = server.worker_pid()
    with Client(server) as client:
        job = secrets.token_hex(16)
        client.upload(job, 1000, 1000, fault=DEAF)
        client.running(job)
        server.process.kill()
        server.process.wait()
        wait_for(lambda: gone(worker))
    assert not [name for name in left(server.home) if name.startswith("pixels-")]
    with Server(server.home) as successor, Client(successor) as client:
        assert client.status()["pid"] == successor.process.pid


def test_a_killed_worker_costs_no_job(server: Server) -> None:
    worker = server.worker_pid()
    with Client(server) as client:
        first, second = secrets.token_hex(16), secrets.token_hex(16)
        client.upload(first, fault=HELD)
        client.running(first)
        client.upload(second)
        os.kill(worker, signal.SIGKILL)
        let_go(server.home)
        answers = [client.receive() for _ in range(2)]
        assert [(answer["cmd"], answer["job"]) for answer in answers] == [
            ("RESULT", first),
            ("RESULT", second),
        ]
        client.send("FETCH", job=first, plane="pixels", row=0, rows=2)
        assert client.receive()["payload"] == b"\xff" * 4
    assert server.worker_pid() != worker


def test_what_a_dead_worker_started_ends_too(server: Server) -> None:
    worker = server.worker_pid()
    with Client(server) as client:
        client.upload(secrets.token_hex(16), fault=FERTILE)
        note = client.receive()["notes"][-1]
        child = int(note.removeprefix("child "))
        assert not gone(child)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: gone(child))
        wait_for(lambda: client.status()["worker"]["pid"] not in (None, worker))
        client.upload(secrets.token_hex(16), fault=FERTILE)
        child = int(client.receive()["notes"][-1].removeprefix("child "))
    server.process.kill()
    wait_for(lambda: gone(child))


def test_a_job_that_ends_two_workers_is_rejected_and_the_next_one_runs(server: Server) -> None:
    with Client(server) as client:
        poison, good = secrets.token_hex(16), secrets.token_hex(16)
        client.upload(poison, fault=DEADLY)
        client.upload(good)
        refused = client.receive()
        assert (refused["job"], refused["code"]) == (poison, "rejected")
        assert "signal 9" in refused["message"] and refused["hint"]
        result = client.receive()
        assert (result["cmd"], result["job"]) == ("RESULT", good)
        assert client.status()["jobs"] == {"done": 1, "failed": 1, "cancelled": 0}


def test_a_worker_that_does_not_let_go_is_replaced(server: Server) -> None:
    worker = server.worker_pid()
    with Client(server) as client:
        job = secrets.token_hex(16)
        client.upload(job, fault=DEAF)
        client.running(job)
        client.send("CANCEL", job=job)
        client.refused("cancelled")
        client.send("SUBMIT", job=job, image={}, settings={}, selection=None)  # the worker still has it
        assert "worker" in client.refused("bad-request")["message"]
        client.upload(secrets.token_hex(16))
        assert client.receive()["cmd"] == "RESULT"
    assert gone(worker)


def test_a_killed_client_ends_its_job(server: Server) -> None:
    script = (
        "import sys; from tests.server.running import Client, Server\n"
        "from plugin.studio_portrait.link import runtime; from pathlib import Path\n"
        "server = Server.__new__(Server); server.runtime = runtime.Runtime.read(Path(sys.argv[1]))\n"
        "client = Client(server); client.upload('a' * 32, fault='slow'); client.running('a' * 32)\n"
        "print('running', flush=True); client.running('b')\n"
    )
    root = CHECKOUT
    words = [COMMAND[0], "-c", script, str(server.home)]
    with started(words, cwd=root, stdout=subprocess.PIPE) as process, Client(server) as client:
        assert process.stdout is not None and process.stdout.readline() == b"running\n"
        assert client.status()["running"]
        process.kill()
        wait_for(lambda: not client.status()["running"])
        assert client.status()["jobs"] == {"done": 0, "failed": 0, "cancelled": 1}


@pytest.mark.parametrize(
    "address", ["tcp://0.0.0.0:5555", "tcp://192.0.2.1:*", "tcp://example.org:1", "tcp://*:1"]
)
def test_listening_for_other_machines_is_refused(tmp_path: Path, address: str) -> None:
    refused = command(tmp_path, "serve", "--listen", address)
    assert refused.returncode == 2
    assert "other machines" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "address",
    ["localhost", "ipc:///tmp/x", "tcp://127.0.0.1:http", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:0"],
)
def test_listening_on_what_is_no_address(tmp_path: Path, address: str) -> None:
    refused = command(tmp_path, "serve", "--listen", address)
    assert refused.returncode == 2
    assert "is not an address" in refused.stderr


def test_listening_on_a_chosen_port_and_on_a_taken_one(tmp_path: Path) -> None:
    with Server(tmp_path / "first", "--listen", "tcp://127.0.0.1:*") as first:
        ipc, taken = first.runtime.endpoints
        assert ipc.startswith("ipc://")
        refused = command(tmp_path / "second", "serve", "--listen", taken)
        assert refused.returncode == 1
        assert f"cannot listen on {taken}" in refused.stderr and "Traceback" not in refused.stderr
        with Client(first, endpoint=1) as client:
            assert client.status()["connections"] == 1
    with Server(tmp_path / "third", "--listen", taken) as third:
        assert third.runtime.endpoints[1] == taken


def test_status(server: Server) -> None:
    told = json.loads(command(server.home, "status", "--json").stdout)
    assert (told["server"], told["pid"]) == ("running", server.process.pid)
    assert told["endpoint"] == server.runtime.endpoints[0]
    assert (told["device"], told["engine"], told["network"]) == ("cpu", "numpy", "plain")
    assert told["weights"] == "0" * 64
    assert (told["queue"], told["running"], told["jobs"]["done"]) == (0, False, 0)
    assert told["memory"]["front"] > 1 << 20 and told["memory"]["worker"] > 1 << 20
    assert told["uptime"] >= 0
    text = command(server.home, "status").stdout
    assert "plain (weights 000000000000)" in text and "worker ready" in text
    foreign = describe({**told, "network": "\x1b[2J", "version": "\x1b]0;x\x07"})  # another machine's
    assert not {"\x1b", "\x07"} & set(foreign)


def test_status_without_a_server(tmp_path: Path) -> None:
    told = command(tmp_path, "status", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (1, {"server": "none"})
    assert "No server is running" in told.stderr and "Traceback" not in told.stderr
    assert command(tmp_path, "status").stdout == ""


def test_status_into_a_pipe_that_nobody_reads(server: Server) -> None:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(server.home)}
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        [*COMMAND, "status"], env=environment, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert told.stderr == b""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("serve", "--idle-exit", "abc"), "'abc' is not a number of seconds above 0"),
        (("serve", "--idle-exit", "-1"), "'-1' is not a number of seconds above 0"),
        (("serve", "--device", "cuda:x"), "'cuda:x' is not auto"),
        (("serve", "--device", "abacus"), "'abacus' is not auto"),
        (("serve", "--ray", "local", "--engine", "openvino"), "--engine: not allowed with argument --ray"),
        (("doctor", "--json", "--report"), "--report: not allowed with argument --json"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    refused = command(tmp_path, *words)
    assert refused.returncode == 2 and told in refused.stderr


def test_a_device_that_is_not_there_ends_the_server(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", "--device", "cuda:7")
    assert refused.returncode == 2 and refused.stdout == ""
    assert "studio-portrait: The device 'cuda:7' is not there. Use auto or cpu." in refused.stderr
    assert left(tmp_path) == {"server.lock", "server.log"}


def test_an_unusable_state_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = command(tmp_path / "file" / "home", "status")
    assert told.returncode == 1
    assert runtime.HOME_VARIABLE in told.stderr and "Traceback" not in told.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
@pytest.mark.parametrize(
    ("words", "status"), [("stop", 0), ("serve", 1), ("status", 1), ("retouch IN -o OUT", 2)]
)
def test_a_state_folder_that_cannot_be_written(tmp_path: Path, words: str, status: int) -> None:
    source = tmp_path / "in.png"
    source.touch()
    places = {"IN": str(source), "OUT": str(tmp_path / "out.png")}
    told = command(Path("/proc"), *(places.get(word, word) for word in words.split()))
    assert told.returncode == status and "Traceback" not in told.stderr
    assert words == "stop" or "STUDIO_PORTRAIT_HOME" in told.stderr or "No server" in told.stderr


def test_what_does_no_work_is_light(tmp_path: Path) -> None:
    script = (
        "import sys; from server.cli import main as cli; from server.service import server\n"
        "try: cli.main(['status'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('torch', 'numpy', 'cv2', 'face_recognition', 'PIL') if n in sys.modules])"
    )
    environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path)}
    root = CHECKOUT
    told = subprocess.run(
        [COMMAND[0], "-c", script], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert told.stdout.endswith("[]\n"), told.stdout + told.stderr


def test_the_front_rests_when_there_is_nothing_to_do(server: Server) -> None:
    process = psutil.Process(server.process.pid)

    def rests() -> bool:
        """Whether a second costs a twentieth of one; what the last client left has to be done first."""
        before = sum(process.cpu_times()[:2])
        time.sleep(1.0)
        return sum(process.cpu_times()[:2]) - before < 0.05

    wait_for(rests)


def test_stop_never_signals_who_only_got_the_servers_process_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held by this process, which is no server; the runtime file is a dead one's."""
    monkeypatch.setattr(stopping, "STOP_SECONDS", 1.5)
    lock = runtime.Lock(tmp_path)
    assert lock.acquire()  # a server that starts, while the file of a dead one is still there
    with started([COMMAND[0], "-c", "import time; time.sleep(60)"]) as innocent:
        runtime.Runtime(("ipc:///nowhere",), innocent.pid, "token", time.time() - 3600).write(tmp_path)
        with pytest.raises(Problem, match=f"process {os.getpid()}.*did not end"):
            stopping.stop(tmp_path)
        assert innocent.poll() is None
        innocent.kill()
    lock.release()
