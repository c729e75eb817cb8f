"""Workers and fronts that die, hang, are stopped or fall asleep: what becomes of the jobs."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from plugin.studio_portrait.link import runtime
from server.service import resources
from server.service.limits import Limits
from server.service.worker_supervisor import Supervisor

from .plain_worker import DEADLY, DEAF, HELD, LOADS, SLOW, let_go
from .running import COMMAND, PATIENCE, Client, Server, gone, wait_for


def retouched(client: Client, fault: str = "") -> None:
    """One whole job whose pixels are right."""
    job = secrets.token_hex(16)
    client.upload(job, fault=fault)
    result = client.receive()
    assert (result["cmd"], result["job"]) == ("RESULT", job), result
    client.send("FETCH", job=job, plane="pixels", row=0, rows=2)
    assert client.receive()["payload"] == b"\xff" * 4
    client.send("DONE", job=job)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_worker_that_shows_no_progress_is_replaced_and_its_job_refused_at_last(
    tmp_path: Path, stopped: bool
) -> None:
    with Server(tmp_path, "--limit", "silent-seconds=2") as server, Client(server) as client:
        server.wait_ready()
        job = secrets.token_hex(16)
        client.upload(job, fault=SLOW if stopped else DEAF)
        client.running(job)
        if stopped:
            os.kill(server.worker_pid(), signal.SIGSTOP)
        refused = client.receive()
        assert (refused["job"], refused["code"]) == (job, "rejected")
        assert "no sign of progress" in refused["message"]
        retouched(client)


WORKS = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
LAUNCHES = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORKS!r}])"


@pytest.mark.parametrize("code", [WORKS, LAUNCHES, "import time; time.sleep(3600)"])
def test_a_worker_that_is_late_is_ended_when_it_hangs_not_when_it_works(tmp_path: Path, code: str) -> None:
    """A busy machine took longer than `load-seconds`, twice, for ten seconds of a processor's work.

    Its work may be that of a process that it has started.
    """
    now, works = 0.0, "parent" in code
    limits = Limits(load_seconds=0.6)
    supervisor = Supervisor([sys.executable, "-c", code], tmp_path, "cpu", limits, lambda: now)
    supervisor.start()
    pid = supervisor.pid
    assert pid is not None
    try:
        for used in (0.15, 0.3, 0.45) if works else (0.0, 0.0):
            wait_for(lambda used=used: resources.processor_seconds(pid) > used)
            now += 20
            supervisor.beat()
        if works:
            assert not gone(pid)
            end = resources.processor_seconds(pid) + limits.load_seconds  # by then it goes in circles
            wait_for(lambda: resources.processor_seconds(pid) > end)
            now += 20
            supervisor.beat()
        wait_for(lambda: gone(pid))
    finally:
        supervisor.stop()


def test_a_job_that_is_cancelled_while_the_worker_loads_is_gone_and_the_worker_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a worker may take to let go of a job: this one never had it."""
    monkeypatch.setenv(LOADS, "yes")
    with Server(tmp_path) as server, Client(server) as client, Client(server) as other:
        worker = server.worker_pid()
        job, next_job = secrets.token_hex(16), secrets.token_hex(16)
        client.upload(job)
        wait_for(lambda: client.status()["running"])
        other.upload(next_job)
        client.send("CANCEL", job=job)
        client.refused("cancelled")
        time.sleep(1.5)  # STUCK_SECONDS is 1 here
        assert client.status()["worker"]["state"] == "loading"
        let_go(tmp_path)
        assert other.receive()["job"] == next_job
        assert server.worker_pid() == worker


def test_a_worker_that_is_stopped_once_costs_no_job(tmp_path: Path) -> None:
    with Server(tmp_path, "--limit", "silent-seconds=3") as server, Client(server) as client:
        server.wait_ready()
        worker = server.worker_pid()
        os.kill(worker, signal.SIGSTOP)
        retouched(client)
        assert server.worker_pid() != worker and gone(worker)


def test_the_front_answers_while_its_worker_is_stopped(server: Server) -> None:
    with Client(server) as client, Client(server) as other:
        job = secrets.token_hex(16)
        client.upload(job, fault=SLOW)
        client.running(job)
        os.kill(server.worker_pid(), signal.SIGSTOP)
        beats = [client.receive(skip="") for _ in range(4)]
        assert {beat["cmd"] for beat in beats} == {"PROGRESS"}
        assert other.status()["running"]
        client.send("CANCEL", job=job)
        client.refused("cancelled")
        retouched(other)  # the worker that did not let go was replaced


def test_two_workers_do_two_jobs_at_a_time_and_one_may_die(tmp_path: Path) -> None:
    with Server(tmp_path, "--device", "cpu", "--device", "cpu") as server, Client(server) as client:
        wait_for(lambda: {w["state"] for w in client.status()["workers"]} == {"ready"})
        slow, deadly = secrets.token_hex(16), secrets.token_hex(16)
        client.upload(slow, fault=SLOW)
        client.running(slow)
        client.upload(deadly, fault=DEADLY)
        assert client.receive()["code"] == "rejected"
        retouched(client)
        assert [worker["job"] for worker in client.status()["workers"]].count(True) == 1
        client.send("CANCEL", job=slow)
        client.refused("cancelled")


def test_a_worker_without_work_gives_its_memory_back_and_the_next_job_works(tmp_path: Path) -> None:
    with Server(tmp_path, "--sleep", "0.3") as server, Client(server) as client:
        asleep = wait_for(lambda: (w := client.status()["worker"])["state"] == "asleep" and w)
        assert asleep["pid"] is None and client.status()["memory"]["worker"] == 0
        wait_for(lambda: not psutil.Process(server.process.pid).children())
        retouched(client)


def test_running_jobs_finish_when_the_server_is_told_to_end(tmp_path: Path) -> None:
    with Server(tmp_path, "--grace", "60") as server, Client(server) as client, Client(server) as other:
        server.wait_ready()
        running, queued, late = (secrets.token_hex(16) for _ in range(3))
        client.upload(running, fault=HELD)
        client.running(running)
        other.upload(queued)
        wait_for(lambda: client.status()["queue"] == 1)
        server.process.send_signal(signal.SIGTERM)
        assert other.refused("shutting-down")["job"] == queued
        image = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}
        other.send("SUBMIT", job=late, image=image, settings={}, selection=None)
        other.refused("shutting-down")
        let_go(tmp_path)
        assert client.receive()["cmd"] == "RESULT"
        client.send("FETCH", job=running, plane="pixels", row=0, rows=2)
        assert client.receive()["payload"] == b"\xff" * 4
        client.send("DONE", job=running)
        assert server.process.wait(PATIENCE) == 0


def test_a_job_that_takes_longer_than_the_grace_ends_with_an_error(tmp_path: Path) -> None:
    with Server(tmp_path, "--grace", "0.5") as server, Client(server) as client:
        server.wait_ready()
        job = secrets.token_hex(16)
        client.upload(job, fault=SLOW)
        client.running(job)
        server.process.send_signal(signal.SIGTERM)
        assert client.refused("shutting-down")["job"] == job
        assert server.process.wait(PATIENCE) == 0


def test_a_stopped_worker_ends_with_a_killed_front(server: Server) -> None:
    worker = server.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    server.process.kill()
    server.process.wait()
    wait_for(lambda: gone(worker))


def test_what_a_killed_front_left_does_not_keep_the_next_from_working(tmp_path: Path) -> None:
    """Its socket in a folder of its own, its runtime file, a draft of one, pixels."""
    home = tmp_path / ("long" * 30)
    with Server(home) as server:
        socket_folder = Path(server.runtime.endpoints[0].removeprefix("ipc://")).parent
        server.process.kill()
        server.process.wait()
    (home / "pixels-old").touch()
    (home / ".server.json.0123abcd").touch()
    with Server(home) as server, Client(server) as client:
        assert not socket_folder.exists()
        assert {path.name for path in home.iterdir()} == {"server.json", "server.lock", "server.log"}
        retouched(client)


def test_five_starts_at_once_end_with_one_server(tmp_path: Path) -> None:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path)}
    started = [
        subprocess.Popen([*COMMAND, "serve"], env=environment, stderr=subprocess.PIPE) for _ in range(5)
    ]
    try:
        wait_for(lambda: sum(process.poll() is None for process in started) == 1)
        [left] = [process for process in started if process.poll() is None]
        found = wait_for(lambda: runtime.Runtime.read(tmp_path))
        assert found.pid == left.pid
        assert {process.returncode for process in started if process is not left} == {0}
    finally:
        for process in started:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_a_client_that_comes_back_finds_its_job(server: Server) -> None:
    """The connection breaks during the upload, during the work and after it; nothing is done twice."""
    job = secrets.token_hex(16)
    with Client(server) as client:
        client.submit(job, fault=HELD, keep=20)
        client.send("DATA", bytes(8), job=job, plane="pixels", row=0, rows=2)
        wait_for(lambda: client.status()["memory"]["pictures"] > 0)
    fields = {
        "image": {"width": 4, "height": 4, "channels": 1, "sample": "u8"},
        "settings": {"network": HELD},
        "selection": None,
        "keep": 20,
    }
    with Client(server) as client:
        client.send("SUBMIT", job=job, **fields)
        again = client.receive()
        assert (again["cmd"], again["state"], again["filled"]) == ("ACCEPT", "uploading", 8)
        client.send("DATA", bytes(8), job=job, plane="pixels", row=2, rows=2)
        client.running(job)
    with Client(server) as client:
        client.send("SUBMIT", job=job, **fields)
        assert client.receive()["state"] == "running"
        let_go(server.home)
        assert client.receive()["cmd"] == "RESULT"
    with Client(server) as client:
        client.send("SUBMIT", job=job, **fields)
        assert client.receive()["state"] == "done"
        assert client.receive()["cmd"] == "RESULT"
        client.send("FETCH", job=job, plane="pixels", row=0, rows=2)
        assert client.receive()["payload"] == b"\xff" * 4
        client.send("DONE", job=job)
        assert wait_for(lambda: client.status()["memory"]["pictures"] == 0)
        assert client.status()["jobs"] == {"done": 1, "failed": 0, "cancelled": 0}


def test_a_client_that_does_not_come_back_loses_its_job(server: Server) -> None:
    with Client(server) as client:
        client.upload(job := secrets.token_hex(16), fault=SLOW, keep=0.5)
        client.running(job)
    with Client(server) as client:
        assert client.status()["memory"]["pictures"] > 0
        wait_for(lambda: client.status()["memory"]["pictures"] == 0)
        wait_for(lambda: not client.status()["running"])
